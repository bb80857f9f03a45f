"""The Open Inference Protocol; a client that others wrote is in tests/integration."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.v2 import tensors

MODEL = "/v2/models/modelsystem"
LENGTH = "Inference-Header-Content-Length"


def tensor(*users: str, **more: Any) -> dict[str, Any]:
    """Return the input that names these users."""
    return {"name": "user_id", "datatype": "BYTES", "shape": [len(users)], "data": users} | more


def infer(client: FlaskClient, *users: str, **more: Any) -> dict[str, Any]:
    """Return the outputs by name."""
    answer = client.post(f"{MODEL}/infer", json={"inputs": [tensor(*users)], **more})
    assert answer.json is not None
    assert answer.status_code == 200, answer.text
    assert answer.json["model_version"] == "20180523.5"
    return {output["name"]: output for output in answer.json["outputs"]}


def test_server_and_model_are_described(client: FlaskClient) -> None:
    """The version is the build, with or without it in the path."""
    assert client.get("/v2").json == {
        "name": "modelsystem-scorer",
        "version": "20180523.5",
        "extensions": ["binary_tensor_data"],
    }
    told = client.get(MODEL).json
    assert told == client.get(f"{MODEL}/versions/20180523.5").json
    assert (told or {})["versions"] == ["20180523.5"]
    for path in ("/v2/health/live", "/v2/health/ready", f"{MODEL}/ready"):
        assert client.get(path).status_code == 200


def test_outputs_are_what_is_recommended(client: FlaskClient, user_ids: list[str]) -> None:
    """Row by row, filled up where there is less, and as the metadata says."""
    outputs = infer(client, *user_ids, parameters={"k": 30})
    for row, user in enumerate(user_ids):
        told = client.post("/v1/recommendations", json={"user_id": user, "k": 30}).json or {}
        ids = [item["item_id"] for item in told["items"]]
        scores = [item["score"] for item in told["items"]]
        start = row * 30
        assert outputs["item_id"]["data"][start : start + 30] == ids + [""] * (30 - len(ids))
        assert outputs["score"]["data"][start : start + 30] == scores + [0] * (30 - len(ids))
        assert outputs["fallback"]["data"][row] == (told["fallback"] is not None)
    described = {o["name"]: o for o in (client.get(MODEL).json or {})["outputs"]}
    assert described.keys() == outputs.keys()
    for name, output in outputs.items():
        assert output["datatype"] == described[name]["datatype"]
        assert len(output["shape"]) == len(described[name]["shape"])
    assert outputs["item_id"]["shape"] == [40, 30]


def test_only_what_is_wanted_comes(client: FlaskClient) -> None:
    """Outputs in the order asked for; an id comes back."""
    outputs = [{"name": "score"}, {"name": "fallback"}]
    assert [*infer(client, "u", outputs=outputs)] == ["score", "fallback"]
    answer = client.post(f"{MODEL}/infer", json={"id": "x", "inputs": [tensor("u")]})
    assert (answer.json or {})["id"] == "x"


def test_tensors_may_be_bytes(client: FlaskClient, user_ids: list[str]) -> None:
    """Users behind the JSON, and outputs behind the JSON, hold what JSON holds."""
    plain = infer(client, *user_ids[:3])
    users = tensors.binary("BYTES", user_ids[:3])
    parameters = {"binary_data_size": len(users)}
    told = tensor(*user_ids[:3], parameters=parameters)
    del told["data"]
    head = json.dumps({"inputs": [told], "parameters": {"binary_data_output": True}}).encode()
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


WRONG: dict[str, Any] = {
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
    "no object": [],
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_a_bad_request(client: FlaskClient, body: Any) -> None:
    """Problem details, with the sentence also where clients of the protocol look for it."""
    answer = client.post(f"{MODEL}/infer", json=body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"] == answer.json["detail"]


@pytest.mark.parametrize("length", ["", "-1", "x", "99999", "9" * 50, "²"])
def test_a_bad_length_is_a_bad_request(client: FlaskClient, length: str) -> None:
    """The JSON cannot be longer than the body."""
    body = json.dumps({"inputs": [tensor("u")]})
    answer = client.post(
        f"{MODEL}/infer", data=body, headers={LENGTH: length.encode().decode("latin-1")}
    )
    assert answer.status_code == 400


def test_another_build_is_not_here(client: FlaskClient) -> None:
    """Its metadata, readiness and answers are not found, nor is another model."""
    for path in ("", "/ready"):
        assert client.get(f"{MODEL}/versions/1{path}").status_code == 404
    assert client.post(f"{MODEL}/versions/1/infer", json={}).status_code == 404
    assert client.get("/v2/models/other").status_code == 404
