"""Inference by the Open Inference Protocol: a batch of user ids in, tensors of items out.

The parameter `k` is the number of items for each user. The outputs are ids, scores, and whether
trending items replace personal ones. A row with fewer than k items ends in "" with a score of 0.
Tensors are in the JSON, or behind it as bytes (the binary tensor data extension).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import get_args

from pydantic import ValidationError
from pydantic_core import to_json

from modelsystem_scorer import api, v1
from modelsystem_scorer.api import Site
from modelsystem_scorer.engine import ServedModel
from modelsystem_scorer.v1 import RecommendationRequest, Recommendations
from modelsystem_scorer.v2 import tensors
from modelsystem_scorer.v2.messages import (
    InferenceAnswer,
    InferenceRequest,
    Input,
    ModelMetadata,
    Output,
    OutputName,
    Parameters,
    RequestedOutput,
    ServerMetadata,
    TensorMetadata,
)
from modelsystem_scorer.v2.tensors import Elements

NAME = "modelsystem"
EXTENSIONS = ["binary_tensor_data"]
INPUTS: list[TensorMetadata] = [{"name": "user_id", "datatype": "BYTES", "shape": [-1]}]
OUTPUTS: list[TensorMetadata] = [
    {"name": "item_id", "datatype": "BYTES", "shape": [-1, -1]},
    {"name": "score", "datatype": "FP32", "shape": [-1, -1]},
    {"name": "fallback", "datatype": "BOOL", "shape": [-1]},
]


@dataclass(frozen=True)
class Content:
    """The JSON of a request or an answer, and the bytes of tensors behind it."""

    json: bytes
    binary: bytes = b""


def server_metadata(served: ServedModel) -> ServerMetadata:
    """Describe the server; its version is the build."""
    return {"name": "modelsystem-scorer", "version": served.info.build, "extensions": EXTENSIONS}


def model_metadata(served: ServedModel) -> ModelMetadata:
    """Describe the model's inputs and outputs; its only version is the build."""
    return {
        "name": NAME,
        "versions": [served.info.build],
        "platform": NAME,
        "inputs": INPUTS,
        "outputs": OUTPUTS,
    }


def parse(content: Content) -> tuple[InferenceRequest, list[str]]:
    """Return the request, and the user ids in it.

    Raises:
        Problem: 400, if it is invalid.

    """
    try:
        request = InferenceRequest.model_validate_json(content.json)
        return request, _users(request.inputs[0], content.binary)
    except ValidationError as error:
        raise api.invalid(error, HTTPStatus.BAD_REQUEST) from error
    except tensors.MisfitError as error:
        raise api.problem(HTTPStatus.BAD_REQUEST, "inputs.0", str(error)) from error


def _users(tensor: Input, binary: bytes) -> list[str]:
    size = tensor.parameters.binary_data_size if tensor.parameters else None
    if (size is None) == (tensor.data is None):
        raise tensors.MisfitError("exactly one of data and binary_data_size is required")
    if len(binary) != (size or 0):
        raise tensors.MisfitError(f"{len(binary)} bytes of binary data instead of {size or 0}")
    users = tensors.strings(binary) if tensor.data is None else tensor.data
    if tensor.shape not in ([len(users)], [len(users), 1]):
        raise tensors.MisfitError(f"{len(users)} elements do not fill the shape {tensor.shape}")
    return users


def infer(site: Site, users: Sequence[str], k: int) -> list[Recommendations]:
    """Return `k` recommendations for each user, and count the answers."""
    requests = [RecommendationRequest.model_construct(user_id=user, k=k) for user in users]
    return [v1.recommend(site, request) for request in requests]


def answer(
    served: ServedModel, request: InferenceRequest, rows: Sequence[Recommendations]
) -> Content:
    """Return the requested outputs, each in the JSON or behind it, as requested.

    rows: the recommendations of each user.
    """
    requested = request.outputs or [RequestedOutput(name=name) for name in get_args(OutputName)]
    outputs = [_output(output, request.options, rows) for output in requested]
    head: InferenceAnswer = {
        "model_name": NAME,
        "model_version": served.info.build,
        "outputs": [output for output, _ in outputs],
    }
    if request.id is not None:
        head["id"] = request.id
    return Content(to_json(head), b"".join(binary for _, binary in outputs))


def _output(
    requested: RequestedOutput, parameters: Parameters, rows: Sequence[Recommendations]
) -> tuple[Output, bytes]:
    """Return an output, and its bytes if they are to follow the JSON."""
    datatype = next(output["datatype"] for output in OUTPUTS if output["name"] == requested.name)
    shape, values = _values(requested.name, rows, parameters.k)
    output: Output = {"name": requested.name, "datatype": datatype, "shape": shape}
    is_binary = requested.parameters.binary_data if requested.parameters else None
    if not (parameters.binary_data_output if is_binary is None else is_binary):
        output["data"] = values
        return output, b""
    binary = tensors.binary(datatype, values)
    output["parameters"] = {"binary_data_size": len(binary)}
    return output, binary


def _values(
    name: OutputName, rows: Sequence[Recommendations], k: int
) -> tuple[list[int], Elements]:
    """Return an output's shape, and its elements in row-major order."""
    if name == "fallback":
        return [len(rows)], [row["fallback"] is not None for row in rows]
    filler = "" if name == "item_id" else 0.0
    values: Elements = []
    for row in rows:
        present = [item[name] for item in row["items"]]
        values += [*present, *[filler] * (k - len(present))]
    return [len(rows), k], values
