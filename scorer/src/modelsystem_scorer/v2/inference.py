"""The Open Inference Protocol, version 2 over REST: the model as any inference server shows one.

Takes a batch of user ids and the parameter `k`, and gives for each user the ids, the scores,
and whether what is popular stands in. A row with fewer than k items ends in "" with a score of
0. Tensors travel as JSON or by the binary tensor data extension, as the client likes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal, NotRequired, get_args

from pydantic import ConfigDict, Field, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from modelsystem_scorer.api import problems
from modelsystem_scorer.api.messages import (
    MOST_ITEMS_OF_BATCH,
    MOST_REQUESTS,
    Id,
    Message,
    RecommendationRequest,
    Recommendations,
    Whole,
)
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.v1 import answers
from modelsystem_scorer.v2 import tensors

NAME = "modelsystem"
EXTENSIONS = ["binary_tensor_data"]
Flag = bool | None
OutputName = Literal["item_id", "score", "fallback"]


class TensorMetadata(TypedDict):
    """A tensor's name, type and shape; -1 stands for any length."""

    name: str
    datatype: str
    shape: list[int]


INPUTS: list[TensorMetadata] = [{"name": "user_id", "datatype": "BYTES", "shape": [-1]}]
OUTPUTS: list[TensorMetadata] = [
    {"name": "item_id", "datatype": "BYTES", "shape": [-1, -1]},
    {"name": "score", "datatype": "FP32", "shape": [-1, -1]},
    {"name": "fallback", "datatype": "BOOL", "shape": [-1]},
]


class ServerMetadata(TypedDict):
    """What this server is."""

    name: str
    version: str
    extensions: list[str]


class ModelMetadata(TypedDict):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(TypedDict):
    """Whether the server lives."""

    live: bool


class Ready(TypedDict):
    """Whether the model can be asked."""

    name: str
    ready: bool


class InputParameters(Message):
    """How an input travels."""

    binary_data_size: Annotated[int, Field(ge=0), Whole] | None = None


def _fitting(schema: dict[str, Any]) -> None:
    """Say what JSON Schema can say of it: with JSON, `data` has as many elements as `shape` says.

    How bytes behind the JSON fit, it cannot say.
    """
    schema["required"] += ["data"]
    schema["properties"]["data"] = {"type": "array", "items": {"type": "string", "maxLength": 1000}}
    nothing = {"type": "object", "maxProperties": 0}
    schema["properties"]["parameters"] = {"anyOf": [nothing, {"type": "null"}]}
    schema["anyOf"] = [
        {"properties": {"shape": {"const": [n]}, "data": {"minItems": n, "maxItems": n}}}
        for n in range(MOST_REQUESTS + 1)
    ]


class Input(Message):
    """The user ids: as JSON strings, or as bytes behind the JSON."""

    model_config = ConfigDict(json_schema_extra=_fitting)

    name: Literal["user_id"]
    datatype: Literal["BYTES"]
    shape: Annotated[
        list[Annotated[int, Field(ge=0, le=MOST_REQUESTS), Whole]],
        Field(min_length=1, max_length=1, description="the number of user ids"),
    ]
    parameters: InputParameters | None = None  # only of bytes behind the JSON
    data: Annotated[list[Id], Field(max_length=MOST_REQUESTS)] | None = None


class OutputParameters(Message):
    """How an output is to travel."""

    binary_data: Flag = None


class RequestedOutput(Message):
    """An output that the client wants."""

    name: OutputName
    parameters: OutputParameters | None = None


class Parameters(Message):
    """How many items for each user, and how outputs are to travel unless they say so."""

    k: Annotated[int, Field(ge=1, le=MOST_ITEMS_OF_BATCH // MOST_REQUESTS), Whole] = 20
    binary_data_output: Flag = None


class InferenceRequest(Message):
    """A batch of users."""

    id: Annotated[str, Field(max_length=1000)] | None = None
    parameters: Parameters = Parameters()
    inputs: Annotated[list[Input], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=3)] | None = None


class BinarySize(TypedDict):
    """How many bytes behind the JSON are this output's."""

    binary_data_size: int


class Output(TypedDict):
    """An output tensor, in row-major order."""

    name: str
    datatype: str
    shape: list[int]
    data: NotRequired[list[Any]]
    parameters: NotRequired[BinarySize]


class InferenceAnswer(TypedDict):
    """The output tensors."""

    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: list[Output]


@dataclass(frozen=True)
class Content:
    """A request's or an answer's JSON, and the bytes of tensors behind it."""

    json: bytes
    binary: bytes = b""


def server(served: Served) -> ServerMetadata:
    """Say what this server is."""
    return {"name": "modelsystem-scorer", "version": served.info.build, "extensions": EXTENSIONS}


def model(served: Served) -> ModelMetadata:
    """Say what the model takes and gives."""
    return {
        "name": NAME,
        "versions": [served.info.build],
        "platform": NAME,
        "inputs": INPUTS,
        "outputs": OUTPUTS,
    }


def parse(content: Content) -> tuple[InferenceRequest, list[str]]:
    """Return a request, and the user ids in it.

    Raises:
        Problem: 400, when it is not one.

    """
    try:
        asked = InferenceRequest.model_validate_json(content.json)
        return asked, _users(asked.inputs[0], content.binary)
    except ValidationError as error:
        raise problems.of(error, HTTPStatus.BAD_REQUEST) from error
    except tensors.MisfitError as error:
        raise problems.at(HTTPStatus.BAD_REQUEST, "inputs.0", str(error)) from error


def _users(tensor: Input, binary: bytes) -> list[str]:
    size = tensor.parameters.binary_data_size if tensor.parameters else None
    if (size is None) == (tensor.data is None):
        raise tensors.MisfitError("must have either data or binary_data_size")
    if len(binary) != (size or 0):
        raise tensors.MisfitError(f"has {len(binary)} bytes of binary data instead of {size or 0}")
    users = tensors.strings(binary) if tensor.data is None else tensor.data
    if len(users) != tensor.shape[0]:
        raise tensors.MisfitError(f"has {len(users)} elements instead of {tensor.shape[0]}")
    return users


def infer(served: Served, asked: InferenceRequest, users: Sequence[str]) -> list[Recommendations]:
    """Recommend to each user."""
    k = asked.parameters.k
    return [
        answers.recommendations(served, RecommendationRequest.model_construct(user_id=user, k=k))
        for user in users
    ]


def answer(served: Served, asked: InferenceRequest, rows: Sequence[Recommendations]) -> Content:
    """Return the answer's tensors, each as the client wants it."""
    wanted = asked.outputs or [RequestedOutput(name=name) for name in get_args(OutputName)]
    told: list[Output] = []
    behind = []
    for output in wanted:
        tensor, binary = _output(output, asked.parameters, rows)
        told.append(tensor)
        behind.append(binary)
    head: InferenceAnswer = {
        "model_name": NAME,
        "model_version": served.info.build,
        "outputs": told,
    }
    if asked.id is not None:
        head["id"] = asked.id
    return Content(to_json(head), b"".join(behind))


def _output(
    wanted: RequestedOutput, parameters: Parameters, rows: Sequence[Recommendations]
) -> tuple[Output, bytes]:
    datatype = next(o["datatype"] for o in OUTPUTS if o["name"] == wanted.name)
    shape, values = _values(wanted.name, rows, parameters.k)
    tensor: Output = {"name": wanted.name, "datatype": datatype, "shape": shape}
    is_binary = wanted.parameters.binary_data if wanted.parameters else None
    if not (parameters.binary_data_output if is_binary is None else is_binary):
        tensor["data"] = values
        return tensor, b""
    binary = tensors.binary(datatype, values)
    tensor["parameters"] = {"binary_data_size": len(binary)}
    return tensor, binary


def _values(name: str, rows: Sequence[Recommendations], k: int) -> tuple[list[int], list[Any]]:
    """Return an output's shape, and its elements in row-major order."""
    if name == "fallback":
        return [len(rows)], [row["fallback"] is not None for row in rows]
    filler: Any = "" if name == "item_id" else 0.0
    values: list[Any] = []
    for row in rows:
        found: list[Any] = [
            item["item_id" if name == "item_id" else "score"] for item in row["items"]
        ]
        values += found + [filler] * (k - len(found))
    return [len(rows), k], values
