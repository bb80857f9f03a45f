"""The routes of the site's own pages and endpoints."""

from http import HTTPStatus

from flask import Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from typing_extensions import TypedDict

from modelsystem_scorer import api
from modelsystem_scorer.api import HTML, JSON, SVG, TEXT, Table
from modelsystem_scorer.site import pages
from modelsystem_shared.manifest import PLOTS

table = Table()
_ASSET_TYPES = dict.fromkeys(sorted(set(pages.ASSETS.values())), str)


class Readiness(TypedDict):
    """The model that is ready to answer."""

    build: str
    digest: str


@table.get("/", {TEXT: str, HTML: str}, query=None)
def front() -> Response:
    """Return the model's score and build.

    Two lines of text by default; a page with more if the client prefers HTML, as browsers do.
    """
    served = api.site().served
    if request.accept_mimetypes.best_match([TEXT, HTML], TEXT) == HTML:
        return pages.front(served)
    marker = served.published.marker
    text = f"Score: {marker.score}\nBuild Number:{marker.build}\n"
    response = Response(text, mimetype=TEXT)
    response.vary.add("Accept")
    return response


@table.probe("/healthz", {TEXT: str})
def health() -> Response:
    """Say that the process answers."""
    return Response("ok", mimetype=TEXT)


@table.probe("/readyz", {JSON: Readiness}, HTTPStatus.SERVICE_UNAVAILABLE)
def readiness() -> Response:
    """Return the model that is loaded and verified; 503 once the site is shutting down."""
    api.check_not_draining()
    info = api.site().served.info
    return api.respond(Readiness(build=info.build, digest=info.digest))


@table.probe("/metrics", {TEXT: str})
def metrics() -> Response:
    """Return the counts of all processes, in Prometheus' text format."""
    text = api.site().observer.counters.exposition()
    return Response(text, content_type=CONTENT_TYPE_LATEST)


@table.get("/openapi.json", {JSON: dict})
def openapi() -> Response:
    """Return the OpenAPI document."""
    return api.respond(api.site().document)


@table.get("/docs", {HTML: str})
def docs() -> Response:
    """Return the API's page."""
    return pages.docs(api.site().document)


@table.get("/report", {HTML: str}, HTTPStatus.NOT_FOUND)
def report() -> Response:
    """Return the training's report, if the model has one."""
    page = pages.report(api.site().served)
    if page is None:
        raise api.problem(HTTPStatus.NOT_FOUND, "path", "this model has no report")
    return page


@table.get("/report/{name}", {SVG: str}, HTTPStatus.NOT_FOUND, choices=list(PLOTS))
def report_plot(name: str) -> Response:
    """Return a plot that the training drew, if the model has it."""
    plot = pages.plot(api.site().served, name)
    if plot is None:
        raise api.problem(HTTPStatus.NOT_FOUND, "name", "this model has no such plot")
    return plot


@table.get("/assets/{name}", _ASSET_TYPES, HTTPStatus.NOT_FOUND, choices=list(pages.ASSETS))
def asset(name: str) -> Response:
    """Return a file that the pages need."""
    file = pages.asset(name)
    if file is None:
        raise api.problem(HTTPStatus.NOT_FOUND, "name", "no such file")
    return file
