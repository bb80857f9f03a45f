"""The one table of all operations: routes are made from it, and so is the OpenAPI document."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from flask import Response

from modelsystem_scorer.api.messages import Message, NoQuery

View = Callable[..., Response]
JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"


def _nothing() -> Response:
    raise NotImplementedError


@dataclass(frozen=True)
class Operation:
    """A method on a path, what it takes and what it gives.

    path: with the names of its parts in braces, as OpenAPI has it.
    answers: for each media type of a good answer the type of what it holds.
    problems: the errors that a client must expect, beside those of every operation.
    query, body: the types of what may be asked.
    choices: what the parts of the path may be, where only few values may.
    name: for programs.
    """

    method: str
    path: str
    answers: Mapping[str, Any]
    problems: tuple[HTTPStatus, ...]
    query: type[Message] | None = NoQuery
    body: type[Message] | None = None
    choices: Sequence[str] = ()
    view: View = _nothing
    name: str = ""

    @property
    def rule(self) -> str:
        """The path as Flask has it; ids are any text."""
        ids = re.sub(r"\{(\w+_id)\}", r"<id:\1>", self.path)
        return ids.replace("{", "<").replace("}", ">")


class Table:
    """Operations, in the order in which they were written down."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def get(
        self,
        path: str,
        answers: Mapping[str, Any],
        *problems: HTTPStatus,
        query: type[Message] | None = NoQuery,
        choices: Sequence[str] = (),
        name: str | None = None,
    ) -> Callable[[View], View]:
        """Return a decorator that adds a view; without a `query` type anything may be asked."""
        operation = Operation("GET", path, answers, problems, query=query, choices=choices)
        return self._adding(name, operation)

    def post(
        self,
        path: str,
        answers: Mapping[str, Any],
        *problems: HTTPStatus,
        body: type[Message],
    ) -> Callable[[View], View]:
        """Return a decorator that adds a view that takes a body."""
        return self._adding(None, Operation("POST", path, answers, problems, body=body))

    def _adding(self, name: str | None, operation: Operation) -> Callable[[View], View]:
        def adding(view: View) -> View:
            named = replace(operation, view=view, name=name or view.__name__)
            self.operations.append(named)
            return view

        return adding
