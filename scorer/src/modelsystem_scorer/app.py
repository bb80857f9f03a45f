"""The Flask app: all routes, the site that they answer from, and what all answers share."""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from modelsystem_scorer import api, site, v1, v2
from modelsystem_scorer.api import Draining, NoQuery, Operation, Site
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.observe import Counters, Observer, model_metrics

_CACHEABLE = (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)


class AnyText(BaseConverter):
    """Any text in a path: an id can contain slashes, line breaks and anything else."""

    regex = r"(?s:.+?)"
    part_isolating = False


def create_app(
    served: ServedModel, *, processes: int = 1, access_log: bool = True, evaluation: bool = False
) -> Flask:
    """Return the app that serves one model.

    processes: how many will count requests, see `Counters`.
    access_log: whether each request is logged.
    evaluation: whether the gate users' questions are served.
    """
    app = Flask(__name__, static_folder=None, template_folder=str(site.TEMPLATES))
    app.config["MAX_CONTENT_LENGTH"] = api.MAX_BODY_BYTES
    app.template_filter("code")(site.with_code)
    operations = _operations(evaluation=evaluation)
    paths = {operation.name: operation.path for operation in operations}
    build = served.info.build
    counters = Counters(sorted(set(paths.values())), model_metrics(served), processes)
    observer = Observer(counters, served.facts, paths, logs=access_log)
    api.attach(Site(served, observer, api.document(operations, build), Draining()), app)
    observer.observe(app)
    _add_routes(app, operations)
    _refuse_malformed(app, operations)
    app.register_error_handler(HTTPException, api.answer_error)

    _describe_answers(app, served, operations)
    return app


def openapi(build: str) -> dict[str, object]:
    """Return the OpenAPI document of a site with all endpoints, without a model."""
    return api.document(_operations(evaluation=True), build)


def _describe_answers(app: Flask, served: ServedModel, operations: Sequence[Operation]) -> None:
    """Name the model in every answer, and say whether the answer may be cached."""
    cacheable = {operation.name for operation in operations if operation.is_cacheable}

    @app.after_request
    def describe(response: Response) -> Response:
        response.headers.update(served.headers)
        if request.endpoint in cacheable and response.status_code in _CACHEABLE:
            return api.revalidated(response)
        response.headers["Cache-Control"] = api.NEVER
        return response


def _operations(*, evaluation: bool) -> list[Operation]:
    tables = [v1.table, v2.table, site.table, *([v1.evaluation] if evaluation else [])]
    return [operation for table in tables for operation in table.operations]


def _add_routes(app: Flask, operations: Sequence[Operation]) -> None:
    app.url_map.converters["id"] = AnyText
    app.url_map.merge_slashes = False  # "a//b" is another id than "a/b"
    for operation in operations:
        app.add_url_rule(operation.rule, operation.name, operation.view, methods=[operation.method])


def _refuse_malformed(app: Flask, operations: Sequence[Operation]) -> None:
    """Refuse malformed heads, paths that are not UTF-8, and query parameters if none is known."""
    without_query = {operation.name for operation in operations if operation.query is NoQuery}

    @app.before_request
    def check() -> None:
        api.check_head()
        try:  # with a replacement character the path would contain another id
            request.environ["PATH_INFO"].encode("latin-1").decode()
        except UnicodeDecodeError as error:
            raise api.problem(HTTPStatus.BAD_REQUEST, "path", "not UTF-8") from error
        if request.query_string and request.endpoint in without_query:
            for name in request.args:
                raise api.problem(HTTPStatus.BAD_REQUEST, name, "unknown query parameter")
