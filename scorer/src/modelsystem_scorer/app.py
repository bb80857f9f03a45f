"""The site: the routes, with the model that they answer from and what all answers share."""

from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from modelsystem_scorer import problems
from modelsystem_scorer.messages import MOST_BODY_BYTES
from modelsystem_scorer.routes import routes
from modelsystem_scorer.serving import Served


class AnyText(BaseConverter):
    """Any text in a path: an id may hold slashes, line breaks and all else."""

    regex = r"(?s:.+?)"
    part_isolating = False


def create_app(served: Served) -> Flask:
    """Make the site that serves one model."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.extensions["served"] = served
    app.url_map.converters["id"] = AnyText
    app.url_map.merge_slashes = False  # "a//b" is another id than "a/b"
    app.register_blueprint(routes)
    app.register_error_handler(HTTPException, problems.answer)
    app.before_request(_check_path)

    @app.after_request
    def identify(response: Response) -> Response:
        response.headers.update(served.headers)
        return response

    return app


def _check_path() -> None:
    """Refuse bytes that are no UTF-8: replaced by a sign, they would name another id."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise problems.at(HTTPStatus.BAD_REQUEST, "path", "is not UTF-8") from error
