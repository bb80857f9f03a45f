"""What the site says of itself: pages for people, probes and figures for machines."""

from http import HTTPStatus

from flask import Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from modelsystem_scorer.api import http, problems
from modelsystem_scorer.api.messages import Readiness
from modelsystem_scorer.api.operations import HTML, JSON, TEXT, Table
from modelsystem_scorer.observe.observer import observer
from modelsystem_scorer.site import pages

table = Table()
_OF_ASSETS = dict.fromkeys(sorted(set(pages.ASSETS.values())), str)


@table.get("/", {TEXT: str, HTML: str}, query=None)
def front() -> Response:
    """Say how good the model is and of which build.

    The seed system's two lines of text; a page with more for who prefers HTML, as browsers do.
    """
    if request.accept_mimetypes.best_match([TEXT, HTML], TEXT) == HTML:
        return pages.front(http.served())
    marker = http.served().published.marker
    text = f"Score: {marker.score}\nBuild Number:{marker.build}\n"
    response = Response(text, mimetype=TEXT)
    response.vary.add("Accept")
    return response


@table.get("/healthz", {TEXT: str})
def health() -> Response:
    """Say that the process answers."""
    return Response("ok", mimetype=TEXT)


@table.get("/readyz", {JSON: Readiness}, HTTPStatus.SERVICE_UNAVAILABLE)
def readiness() -> Response:
    """Say which model is loaded and verified, unless the site is about to end."""
    if current_app.extensions["draining"]:
        raise problems.at(HTTPStatus.SERVICE_UNAVAILABLE, "site", "is shutting down")
    info = http.served().info
    return http.json(Readiness(build=info.build, digest=info.digest))


@table.get("/metrics", {TEXT: str})
def metrics() -> Response:
    """Show what all processes have counted, in Prometheus' text format."""
    text = observer().counters.exposition()
    return Response(text, content_type=CONTENT_TYPE_LATEST)


@table.get("/openapi.json", {JSON: dict})
def openapi() -> Response:
    """Show this description."""
    return http.json(current_app.extensions["openapi"])


@table.get("/docs", {HTML: str})
def docs() -> Response:
    """Show this description to people."""
    return pages.docs(current_app.extensions["openapi"])


@table.get("/report", {HTML: str}, HTTPStatus.NOT_FOUND)
def report() -> Response:
    """Show the training's report on the model, where the model has one."""
    found = pages.report(http.served())
    if found is None:
        raise problems.at(HTTPStatus.NOT_FOUND, "path", "this model has no report")
    return found


@table.get(
    "/assets/{name}",
    _OF_ASSETS,
    HTTPStatus.NOT_FOUND,
)
def asset(name: str) -> Response:
    """Show a file that the pages need."""
    found = pages.asset(name)
    if found is None:
        raise problems.at(HTTPStatus.NOT_FOUND, "name", "there is no such file")
    return found
