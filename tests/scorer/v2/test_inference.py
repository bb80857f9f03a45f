"""The Open Inference Protocol; tests/integration runs an independent client."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.v2 import tensors

MODEL = "/v2/models/modelsystem"
LENGTH = "Inference-Header-Content-Length"


def tensor(*users: str, **fields: Any) -> dict[str, Any]:
    """Return an input with these users."""
    return {"name": "user_id", "datatype": "BYTES", "shape": [len(users)], "data": users} | fields


def infer(client: FlaskClient, *users: str, **fields: Any) -> dict[str, Any]:
    """Return the outputs by name."""
    answer = client.post(f"{MODEL}/infer", json={"inputs": [tensor(*users)], **fields})
    assert answer.json is not None
    assert answer.status_code == 200, answer.text
    assert answer.json["model_version"] == "20180523.5"
    return {output["name"]: output for output in answer.json["outputs"]}


def test_server_and_model_are_described(client: FlaskClient) -> None:
    """The version is the build, also in the path."""
    assert client.get("/v2").json == {
        "name": "modelsystem-scorer",
        "version": "20180523.5",
        "extensions": ["binary_tensor_data"],
    }
    metadata = client.get(MODEL).json
    assert metadata == client.get(f"{MODEL}/versions/20180523.5").json
    assert (metadata or {})["versions"] == ["20180523.5"]
    for path in ("/v2/health/live", "/v2/health/ready", f"{MODEL}/ready"):
        assert client.get(path).status_code == 200


def test_outputs_are_the_recommendations(client: FlaskClient, user_ids: list[str]) -> None:
    """Row by row, filled up if there are fewer than k, with the metadata's types and shapes."""
    outputs = infer(client, *user_ids, parameters={"k": 30})
    for row, user in enumerate(user_ids):
        answer = client.post("/v1/recommendations", json={"user_id": user, "k": 30}).json or {}
        ids = [item["item_id"] for item in answer["items"]]
        scores = [item["score"] for item in answer["items"]]
        start = row * 30
        assert outputs["item_id"]["data"][start : start + 30] == ids + [""] * (30 - len(ids))
        assert outputs["score"]["data"][start : start + 30] == scores + [0] * (30 - len(ids))
        assert outputs["fallback"]["data"][row] == (answer["fallback"] is not None)
    described = {o["name"]: o for o in (client.get(MODEL).json or {})["outputs"]}
    assert described.keys() == outputs.keys()
    for name, output in outputs.items():
        assert output["datatype"] == described[name]["datatype"]
        assert len(output["shape"]) == len(described[name]["shape"])
    assert outputs["item_id"]["shape"] == [40, 30]


def test_outputs_can_be_selected(client: FlaskClient) -> None:
    """The answer has the requested outputs in their order, and the request's id."""
    outputs = [{"name": "score"}, {"name": "fallback"}]
    assert [*infer(client, "u", outputs=outputs)] == ["score", "fallback"]
    answer = client.post(f"{MODEL}/infer", json={"id": "x", "inputs": [tensor("u")]})
    assert (answer.json or {})["id"] == "x"


def test_tensors_can_be_bytes(client: FlaskClient, user_ids: list[str]) -> None:
    """Users and outputs behind the JSON equal those in the JSON."""
    plain = infer(client, *user_ids[:3])
    users = tensors.binary("BYTES", user_ids[:3])
    parameters = {"binary_data_size": len(users)}
    described = tensor(*user_ids[:3], parameters=parameters)
    del described["data"]
    head = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    answer = client.post(f"{MODEL}/infer", data=head + users, headers={LENGTH: str(len(head))})
    assert answer.status_code == 200
    length = int(answer.headers[LENGTH])
    place = length
    for output in json.loads(answer.data[:length])["outputs"]:
        end = place + output["parameters"]["binary_data_size"]
        expected = plain[output["name"]]
        assert answer.data[place:end] == tensors.binary(output["datatype"], expected["data"])
        assert (output["shape"], output["datatype"]) == (expected["shape"], expected["datatype"])
        place = end
    assert place == len(answer.data)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("is_nested", [True, False])
def test_a_column_of_users_is_a_list_of_users(
    client: FlaskClient, user_ids: list[str], shape: list[int], *, is_nested: bool
) -> None:
    """A tensor of shape [n, 1] is a list of n; its rows can be lists of one."""
    users = user_ids[1:3]
    data = [[user] for user in users] if is_nested else users
    described = tensor(*users, shape=shape, data=data)
    assert infer(client, inputs=[described]) == infer(client, *users)


# What these clients send for two users and k = 5, as MLServer 1.7.1 (StringCodec) and KServe 0.21.0
# (InferRequest.to_rest) write it; a binary one ends in its tensor.
_PARAMETERS = '{"content_type":"str"}'
_MLSERVER = (
    '{"id":"4a2","parameters":{"content_type":"str","headers":{"X-Trace":"1"},"k":5},'
    '"inputs":[{"name":"user_id","shape":[2,1],"datatype":"BYTES","parameters":' + _PARAMETERS + ","
    '"data":["u/1","user-7"]}],"outputs":[{"name":"item_id","parameters":' + _PARAMETERS + "}]}"
)
_KSERVE = (
    '{"id":"4a2","model_name":"modelsystem","inputs":[{"name":"user_id","shape":[2,1],'
    '"datatype":"BYTES","data":["u/1","user-7"]}],'
    '"parameters":{"k":5,"content_type":"str","binary_data_output":false}}'
)
_KSERVE_BINARY = (
    '{"id":"4a2","model_name":"modelsystem","inputs":[{"name":"user_id","shape":[2,1],'
    '"datatype":"BYTES","parameters":{"binary_data_size":17}}],'
    '"parameters":{"k":5,"content_type":"str","binary_data_output":false}}'
)
_TENSOR = b"\x03\x00\x00\x00u/1\x06\x00\x00\x00user-7"


@pytest.mark.parametrize(
    ("head", "binary"),
    [(_MLSERVER, b""), (_KSERVE, b""), (_KSERVE_BINARY, _TENSOR)],
    ids=["mlserver", "kserve", "kserve-binary"],
)
def test_other_servers_clients_are_understood(
    client: FlaskClient, head: str, binary: bytes
) -> None:
    """Parameters and fields that this server does not know are ignored."""
    headers = {LENGTH: str(len(head))} if binary else {"Content-Type": "application/json"}
    answer = client.post(f"{MODEL}/infer", data=head.encode() + binary, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (answer.json or {})["id"] == "4a2"
    items = (answer.json or {})["outputs"][0]
    assert items == infer(client, "u/1", "user-7", parameters={"k": 5})["item_id"]


@pytest.mark.parametrize("fields", [{"parameters": None}, {"parameters": {}}, {"outputs": None}])
def test_optional_fields_can_be_null(client: FlaskClient, fields: dict[str, Any]) -> None:
    """As clients write them that leave nothing out."""
    assert infer(client, "u", **fields) == infer(client, "u")
    described = tensor("u", parameters=fields.get("parameters"))
    assert infer(client, inputs=[described]) == infer(client, "u")


INVALID: dict[str, Any] = {
    "no input": {"inputs": []},
    "another input": {"inputs": [tensor("u", name="item_id")]},
    "another type": {"inputs": [tensor("u", datatype="FP32")]},
    "another shape": {"inputs": [tensor("u", shape=[2])]},
    "another second dimension": {"inputs": [tensor("u", "u", shape=[1, 2])]},
    "three dimensions": {"inputs": [tensor("u", shape=[1, 1, 1])]},
    "a row of two": {"inputs": [tensor("u", "u", data=[["u", "u"]])]},
    "an empty row": {"inputs": [tensor("u", data=[[]])]},
    "a row of numbers": {"inputs": [tensor("u", data=[[7]])]},
    "a parameter of another type": {"inputs": [tensor("u")], "parameters": {"k": "5"}},
    "no data": {"inputs": [tensor("u", data=None)]},
    "too many": {"inputs": [tensor(*["u"] * 101)]},
    "both": {"inputs": [tensor("u", parameters={"binary_data_size": 0})]},
    "absent bytes": {"inputs": [tensor("u", data=None, parameters={"binary_data_size": 5})]},
    "k": {"inputs": [tensor("u")], "parameters": {"k": 101}},
    "an unknown output": {"inputs": [tensor("u")], "outputs": [{"name": "x"}]},
    "not an object": [],
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
def test_an_invalid_request_is_a_bad_request(client: FlaskClient, body: Any) -> None:
    """The sentence is in `error`, too, where clients of the protocol read it."""
    answer = client.post(f"{MODEL}/infer", json=body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"] == answer.json["detail"]


@pytest.mark.parametrize("length", ["", "-1", "x", "99999", "9" * 50, "²"])
def test_a_bad_length_is_a_bad_request(client: FlaskClient, length: str) -> None:
    """A malformed number, or more than the body has."""
    body = json.dumps({"inputs": [tensor("u")]})
    answer = client.post(
        f"{MODEL}/infer", data=body, headers={LENGTH: length.encode().decode("latin-1")}
    )
    assert answer.status_code == 400


def test_another_build_is_not_found(client: FlaskClient) -> None:
    """Neither its metadata, readiness and answers, nor another model."""
    for path in ("", "/ready"):
        assert client.get(f"{MODEL}/versions/1{path}").status_code == 404
    assert client.post(f"{MODEL}/versions/1/infer", json={}).status_code == 404
    assert client.get("/v2/models/other").status_code == 404
