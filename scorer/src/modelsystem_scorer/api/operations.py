"""Tables of operations: routes are made from them, and so is the OpenAPI document."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from flask import Response

from modelsystem_scorer.api.messages import Message, NoQuery

View = Callable[..., Response]
JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"
SVG = "image/svg+xml"


def _no_view() -> Response:
    raise NotImplementedError


@dataclass(frozen=True)
class Operation:
    """A method on a path, with the types of its requests and answers.

    path: the names of its parts are in braces, as in OpenAPI.
    answers: for each media type of a good answer the type of its content.
    problems: the errors that a client must expect, beside those of every operation.
    query, body: the types of the query parameters (None: any) and of the body.
    choices: the values that a part of the path can have; empty for any.
    name: the operationId, and Flask's endpoint.
    is_cacheable: whether the answer depends on the build and the request alone.
    """

    method: str
    path: str
    answers: Mapping[str, type]
    problems: tuple[HTTPStatus, ...]
    query: type[Message] | None = NoQuery
    body: type[Message] | None = None
    choices: Sequence[str] = ()
    view: View = _no_view
    name: str = ""
    is_cacheable: bool = True

    @property
    def rule(self) -> str:
        """The path as Flask writes it; an id is any text."""
        rule = re.sub(r"\{(\w+_id)\}", r"<id:\1>", self.path)
        return rule.replace("{", "<").replace("}", ">")


class Table:
    """Operations, in the order in which they are declared."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def get(
        self,
        path: str,
        answers: Mapping[str, type],
        *problems: HTTPStatus,
        query: type[Message] | None = NoQuery,
        choices: Sequence[str] = (),
        name: str | None = None,
    ) -> Callable[[View], View]:
        """Return a decorator that adds a view; with `query` None, any parameter is accepted."""
        operation = Operation("GET", path, answers, problems, query=query, choices=choices)
        return self._adds(name, operation)

    def probe(
        self, path: str, answers: Mapping[str, type], *problems: HTTPStatus, name: str | None = None
    ) -> Callable[[View], View]:
        """Return a decorator that adds a view whose answer changes with time."""
        return self._adds(name, Operation("GET", path, answers, problems, is_cacheable=False))

    def post(
        self,
        path: str,
        answers: Mapping[str, type],
        *problems: HTTPStatus,
        body: type[Message],
    ) -> Callable[[View], View]:
        """Return a decorator that adds a view that reads a body."""
        return self._adds(None, Operation("POST", path, answers, problems, body=body))

    def _adds(self, name: str | None, operation: Operation) -> Callable[[View], View]:
        def add(view: View) -> View:
            named = replace(operation, view=view, name=name or view.__name__)
            self.operations.append(named)
            return view

        return add
