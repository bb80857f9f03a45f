"""What the messages of all versions share, and the message of an error.

Requests are validated; answers are plain dictionaries, whose types the schema is made from.
"""

from typing import Annotated, NotRequired

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

MAX_BODY_BYTES = 1 << 20

Id = Annotated[str, Field(max_length=1000)]


def _whole(value: object) -> object:
    """Return 20 for 20.0: JSON has only one type of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)


class Message(BaseModel):
    """Nothing is converted, and unknown fields are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NoQuery(Message):
    """No query parameters."""


class Fault(TypedDict):
    """A field of the request, and what is wrong with it."""

    field: str
    message: str


class ProblemDetails(TypedDict):
    """An error (RFC 9457), with the fields that are at fault.

    Below /v2 only, `error` repeats `detail`, for clients of the Open Inference Protocol.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault]
    error: NotRequired[str]
