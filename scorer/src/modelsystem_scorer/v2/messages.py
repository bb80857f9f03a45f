"""The messages of the Open Inference Protocol, version 2 over REST.

Requests are open, as the protocol's parameters are: what this server does not know it ignores, such
as the `content_type` of MLServer's clients and the `model_name` of KServe's.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from typing_extensions import TypedDict

from modelsystem_scorer.api import Id, Message, Whole
from modelsystem_scorer.v1 import MAX_BATCH_ITEMS, MAX_BATCH_REQUESTS
from modelsystem_scorer.v2.tensors import Elements

MAX_USERS = MAX_BATCH_REQUESTS
_Flag = bool | None
OutputName = Literal["item_id", "score", "fallback"]


class TensorMetadata(TypedDict):
    """A tensor's name, type and shape; -1 stands for any length."""

    name: str
    datatype: str
    shape: list[int]


class ServerMetadata(TypedDict):
    """The server's name, its version (the build), and the extensions that it supports."""

    name: str
    version: str
    extensions: list[str]


class ModelMetadata(TypedDict):
    """The model's versions (the build), inputs and outputs."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(TypedDict):
    """Whether the server is live."""

    live: bool


class Ready(TypedDict):
    """Whether the model is ready."""

    name: str
    ready: bool


class OpenMessage(Message):
    """Nothing is converted, and unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class InputParameters(OpenMessage):
    """The size of an input that follows the JSON as bytes."""

    binary_data_size: Annotated[int, Field(ge=0), Whole] | None = None


def _element(value: object) -> object:
    """Return the element of a row: in a tensor of shape [n, 1] each row may be a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


_ID: JsonDict = {"type": "string", "maxLength": 1000}
_ROW: JsonDict = {"type": "array", "items": _ID, "minItems": 1, "maxItems": 1}
_NO_SIZE: JsonDict = {"properties": {"binary_data_size": {"type": "null"}}}


def _with_data(schema: JsonDict) -> None:
    """Describe the input as JSON: `data` has as many elements as `shape` says.

    JSON Schema cannot describe the bytes that may follow the JSON instead. The alternatives are
    behind an `if` that always holds: generators of clients, which would make a type of each, pass
    over it, and validators do not.
    """
    properties, required = schema["properties"], schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    required.append("data")
    properties["data"] = {
        "type": "array",
        "items": {"anyOf": [_ID, _ROW]},
        "description": "ids, or lists of one id",
    }
    schema["if"] = {}
    schema["then"] = {"anyOf": [_of_length(n) for n in range(MAX_USERS + 1)]}


def _of_length(n: int) -> JsonDict:
    return {
        "properties": {
            "shape": {"prefixItems": [{"const": n}, {"const": 1}]},
            "data": {"minItems": n, "maxItems": n},
            "parameters": _NO_SIZE,
        }
    }


class Input(OpenMessage):
    """The user ids: strings in the JSON, or bytes behind it."""

    model_config = ConfigDict(json_schema_extra=_with_data)

    name: Literal["user_id"]
    datatype: Literal["BYTES"]
    shape: Annotated[
        list[Annotated[int, Field(ge=0, le=MAX_USERS), Whole]],
        Field(min_length=1, max_length=2, description="[n] or [n, 1], for n user ids"),
    ]
    parameters: InputParameters | None = None
    data: (
        Annotated[list[Annotated[Id, BeforeValidator(_element)]], Field(max_length=MAX_USERS)]
        | None
    ) = None


class OutputParameters(OpenMessage):
    """Whether an output follows the JSON as bytes."""

    binary_data: _Flag = None


class RequestedOutput(OpenMessage):
    """An output that the answer must contain."""

    name: OutputName
    parameters: OutputParameters | None = None


class Parameters(OpenMessage):
    """The number of items for each user, and the default of `binary_data`; others are ignored."""

    k: Annotated[int, Field(ge=1, le=MAX_BATCH_ITEMS // MAX_USERS), Whole] = 20
    binary_data_output: _Flag = None


_EXAMPLE: JsonDict = {
    "parameters": {"k": 5},
    "inputs": [
        {"name": "user_id", "datatype": "BYTES", "shape": [2], "data": ["USER", "ANOTHER USER"]}
    ],
    "outputs": [{"name": "item_id"}, {"name": "score"}],
}


class InferenceRequest(OpenMessage):
    """A batch of users. Unknown fields and parameters are ignored, here and in what it holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: Annotated[str, Field(max_length=1000)] | None = None
    parameters: Parameters | None = None
    inputs: Annotated[list[Input], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=3)] | None = None

    @property
    def options(self) -> Parameters:
        """The parameters, or their defaults."""
        return self.parameters or Parameters()


class BinarySize(TypedDict):
    """The number of bytes behind the JSON that are this output's."""

    binary_data_size: int


class Output(TypedDict):
    """An output tensor, in row-major order."""

    name: str
    datatype: str
    shape: list[int]
    data: NotRequired[Elements]
    parameters: NotRequired[BinarySize]


class InferenceAnswer(TypedDict):
    """The output tensors."""

    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: list[Output]
