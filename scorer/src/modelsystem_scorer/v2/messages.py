"""The messages of the Open Inference Protocol, version 2 over REST."""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
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


class InputParameters(Message):
    """The size of an input that follows the JSON as bytes."""

    binary_data_size: Annotated[int, Field(ge=0), Whole] | None = None


def _with_data(schema: JsonDict) -> None:
    """Describe the input as JSON: `data` has as many elements as `shape` says.

    JSON Schema cannot describe the bytes that may follow the JSON instead.
    """
    properties, required = schema["properties"], schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    required.append("data")
    properties["data"] = {"type": "array", "items": {"type": "string", "maxLength": 1000}}
    nothing: JsonDict = {"type": "object", "maxProperties": 0}
    properties["parameters"] = {"anyOf": [nothing, {"type": "null"}]}
    schema["anyOf"] = [
        {"properties": {"shape": {"const": [n]}, "data": {"minItems": n, "maxItems": n}}}
        for n in range(MAX_USERS + 1)
    ]


class Input(Message):
    """The user ids: strings in the JSON, or bytes behind it."""

    model_config = ConfigDict(json_schema_extra=_with_data)

    name: Literal["user_id"]
    datatype: Literal["BYTES"]
    shape: Annotated[
        list[Annotated[int, Field(ge=0, le=MAX_USERS), Whole]],
        Field(min_length=1, max_length=1, description="the number of user ids"),
    ]
    parameters: InputParameters | None = None  # only with bytes behind the JSON
    data: Annotated[list[Id], Field(max_length=MAX_USERS)] | None = None


class OutputParameters(Message):
    """Whether an output follows the JSON as bytes."""

    binary_data: _Flag = None


class RequestedOutput(Message):
    """An output that the answer must contain."""

    name: OutputName
    parameters: OutputParameters | None = None


class Parameters(Message):
    """The number of items for each user, and the default of `binary_data`."""

    k: Annotated[int, Field(ge=1, le=MAX_BATCH_ITEMS // MAX_USERS), Whole] = 20
    binary_data_output: _Flag = None


class InferenceRequest(Message):
    """A batch of users."""

    id: Annotated[str, Field(max_length=1000)] | None = None
    parameters: Parameters = Parameters()
    inputs: Annotated[list[Input], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=3)] | None = None


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
