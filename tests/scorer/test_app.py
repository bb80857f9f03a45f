"""What all answers share: the headers that name their model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel

REQUESTS = [
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("OPTIONS", "/v1/recommendations", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/v1/provenance", 200),
    ("GET", "/v1/users/u/recommendations", 200),
    ("GET", "/v1/items/7/similar", 200),
    ("GET", "/v1/items/7/similar?k=0", 400),
    ("GET", "/v1/items/8/similar", 404),
    ("GET", "/nowhere", 404),
    ("BREW", "/", 405),
    ("POST", "/v1/recommendations", 415),
]


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
def test_every_answer_names_its_model(
    client: FlaskClient, served: ServedModel, method: str, path: str, status: int
) -> None:
    """Build and digest are in the headers, also of errors."""
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.headers["X-Model-Build"] == "20180523.5"
    assert response.headers["X-Model-Digest"] == served.published.manifest.digest


def test_a_build_of_any_characters_fits_a_header(
    make_folder: Callable[..., Path], load: Callable[..., ServedModel]
) -> None:
    """Non-ASCII characters are percent-encoded in the header, and unchanged in text and JSON."""
    client = create_app(load(make_folder(build="Ürbau ☃"))).test_client()
    assert client.get("/").headers["X-Model-Build"] == "%C3%9Crbau%20%E2%98%83"
    assert client.get("/").text.endswith("Build Number:Ürbau ☃\n")
    assert (client.get("/readyz").json or {})["build"] == "Ürbau ☃"
