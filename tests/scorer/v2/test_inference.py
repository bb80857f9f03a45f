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


INVALID: dict[str, Any] = {
    "no input": {"inputs": []},
    "another input": {"inputs": [tensor("u", name="item_id")]},
    "another type": {"inputs": [tensor("u", datatype="FP32")]},
    "another shape": {"inputs": [tensor("u", shape=[2])]},
    "two dimensions": {"inputs": [tensor("u", shape=[1, 1])]},
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
