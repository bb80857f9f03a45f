"""The site: the routes, with the model that they answer from and what all answers share."""

from http import HTTPStatus

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from modelsystem_scorer.api import openapi, problems
from modelsystem_scorer.api.draining import Draining
from modelsystem_scorer.api.messages import MOST_BODY_BYTES, NoQuery
from modelsystem_scorer.api.operations import Operation
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.observe.counters import Counters
from modelsystem_scorer.observe.observer import Observer
from modelsystem_scorer.site import routes as site
from modelsystem_scorer.v1 import routes as v1
from modelsystem_scorer.v2 import routes as v2


class AnyText(BaseConverter):
    """Any text in a path: an id may hold slashes, line breaks and all else."""

    regex = r"(?s:.+?)"
    part_isolating = False


def create_app(
    served: Served, *, processes: int = 1, access_log: bool = True, evaluation: bool = False
) -> Flask:
    """Make the site that serves one model, for so many processes to be forked with it."""
    app = Flask(__name__, static_folder=None, template_folder="site/templates")
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.url_map.converters["id"] = AnyText
    app.url_map.merge_slashes = False  # "a//b" is another id than "a/b"
    tables = (v1.table, v2.table, site.table)
    operations = [operation for table in tables for operation in table.operations]
    if evaluation:
        operations += v1.evaluation.operations
    counters = Counters(sorted({o.path for o in operations}), served.facts, processes)
    Observer(counters, served.info.build, logs=access_log).watch(app)
    app.extensions["served"] = served
    app.extensions["draining"] = Draining()
    app.extensions["openapi"] = openapi.document(operations, served.info.build)
    _add(app, operations)
    app.register_error_handler(HTTPException, problems.answer)
    app.before_request(_check_url)

    @app.after_request
    def identify(response: Response) -> Response:
        response.headers.update(served.headers)
        return response

    return app


def _add(app: Flask, operations: list[Operation]) -> None:
    app.extensions["paths"] = {operation.name: operation.path for operation in operations}
    app.extensions["unasked"] = {o.name for o in operations if o.query is NoQuery}
    for o in operations:
        app.add_url_rule(o.rule, o.name, o.view, methods=[o.method])


def _check_url() -> None:
    """Refuse a query where there is none, and bytes that are no UTF-8.

    Replaced by a sign, those would name another id.
    """
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise problems.at(HTTPStatus.BAD_REQUEST, "path", "is not UTF-8") from error
    if request.query_string and request.endpoint in current_app.extensions["unasked"]:
        for name in request.args:
            raise problems.at(HTTPStatus.BAD_REQUEST, name, "is nothing that can be asked here")
