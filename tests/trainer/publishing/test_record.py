"""The content of the manifest, and the files beside it."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from modelsystem_shared import files
from modelsystem_shared.profile import summary
from modelsystem_trainer.evaluation import trend
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.publishing import publisher
from modelsystem_trainer.rules import Rules


def test_the_data_can_be_traced(trained: Any, clustered_export: Path) -> None:
    """Every file is there with its size and digest, and how many rows of each kind there were."""
    data = trained.published.manifest.model["data"]
    assert data["location"] == str(clustered_export)
    assert data["files"] == [
        {
            "name": name,
            "bytes": (clustered_export / name).stat().st_size,
            "sha256": files.sha256(clustered_export / name),
            "etag": None,
        }
        for name in ("clicks-1.csv", "clicks-2.csv.gz", "items.csv")
    ]
    counts = {name: count for name, count in data.items() if isinstance(count, int)}
    assert counts.pop("interactions") + 120 == counts.pop("rows")
    assert counts == {"rows_rejected": 0, "rows_of_other_tenants": 0, "users": 400, "items": 120}


def test_the_profile_is_there(trained: Any) -> None:
    """It has each file, the figures, the days, and the verdict of each rule."""
    data = trained.published.manifest.model["data"]
    described = data["profile"]
    assert [file["name"] for file in described["files"]] == [file["name"] for file in data["files"]]
    assert sum(file["rows"] for file in described["files"]) == data["rows"]
    assert sum(described["days"]["rows"]) == data["interactions"]
    assert sum(band["items"] for band in described["users_of_items"]) == 120
    assert len(described["verdict"]) == len(Rules.default().rules)
    assert f"Data: {summary(described)}" in trained.messages


def test_the_settings_can_be_traced(trained: Any) -> None:
    """The settings that shape the model are there as text, with a digest over them."""
    part = trained.published.manifest.model
    assert part["settings"] == {
        "BUILDNUMBER": "20180523.5",
        "TENANTID": None,
        "CSV_COLUMNS": "",
        "MAX_BAD_ROWS": "0",
        "DATA_RULES": "",
        "NEIGHBOURS": None,
        "PARAMETERS": None,
        "METHOD": None,
        "HISTORIES": "on",
    }
    encoded = json.dumps(part["settings"], sort_keys=True).encode()
    assert part["settings_digest"] == hashlib.sha256(encoded).hexdigest()


def test_the_choice_can_be_traced(trained: Any) -> None:
    """All tried parameters are there with their figure, and the best ones are the model's."""
    part = trained.published.manifest.model
    searched = part["searched"]
    chosen = part["search"][searched["chosen"]]
    assert part["parameters"] == {name: chosen[name] for name in part["parameters"]}
    assert chosen["ndcg"] > 0.97 * max(tried["ndcg"] for tried in part["search"])
    assert searched["starts"][0]["parameters"] == {
        name: part["search"][0][name] for name in part["parameters"]
    }
    assert searched["fits"] == max(tried["fits"] for tried in part["search"])
    assert len(part["search"]) == searched["tries"]
    assert 0 < searched["work"] <= searched["most_work"]
    assert searched["k"] == 20  # of few users
    assert part["search"][searched["chosen"]]["exact"]
    assert [tried["half_life"] for tried in part["trend"]] == list(trend.HALF_LIVES)


def test_the_figures_are_there(trained: Any) -> None:
    """The score is the NDCG@20; popularity has the same users; each figure has its interval."""
    published = trained.published
    model, popularity = (published.manifest.model["metrics"][of] for of in ("model", "popularity"))
    assert published.marker.score == f"{model['at']['20']['ndcg']['mean']:.6f}"
    assert model["users"] == popularity["users"] > 300
    for of in (model, popularity):
        assert of.keys() == {"users", "at", "by_history", "tail"}
        assert of["at"].keys() == {"10", "20", "50"}
        for figures in of["at"].values():
            assert figures.keys() == {"recall", "ndcg", "novelty", "coverage"}
            assert figures["ndcg"]["low"] <= figures["ndcg"]["mean"] <= figures["ndcg"]["high"]
        assert sum(band["users"] for band in of["by_history"]) == of["users"]


def test_gate_users_have_figures_without_a_champion(trained: Any) -> None:
    """The manifest has the figures of this model and of popularity for them."""
    gate = trained.published.manifest.model["metrics"]["gate"]
    assert gate.keys() == {"users", "model", "popularity"}
    assert gate["users"] == gate["model"]["users"] > 0


def test_lengths_of_histories_are_there(trained: Any) -> None:
    """Every user is in one band."""
    bands = trained.published.manifest.model["data"]["history_lengths"]
    assert sum(band["users"] for band in bands) == 400
    assert bands[-1]["last"] is None


def test_the_model_digest_is_in_the_manifest(trained: Any) -> None:
    """It is the digest over the files as they are listed."""
    manifest = trained.published.manifest
    assert manifest.model["digest"] == manifest.digest


def test_the_run_can_be_traced(trained: Any) -> None:
    """Person, host, times and libraries are apart from the model, which does not depend on them."""
    run = trained.published.manifest.run
    assert (run["commit"], run["started_by"], run["threads"]) == ("abc", "tests", 1)
    assert run["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert run["attempt"] == trained.published.marker.attempt
    assert set(run["libraries"]) == {
        *("jinja2", "llvmlite", "numba", "numpy", "pandas", "scipy"),
        *("threadpoolctl", "ziaplot"),
    }
    times = [datetime.fromisoformat(run[name]) for name in ("started", "finished")]
    assert times[0] <= times[1]
    assert 0 <= run["seconds"] < 600
    assert run["host"]


def test_malformed_rows_are_listed_beside_the_model(
    read: Callable[..., Interactions], tmp_path: Path
) -> None:
    """The list is one of the model's files; without malformed rows there is none."""
    for name, row, is_listed in (("sound", "u,k", False), ("odd", "u", True)):
        data = read({"a.csv": f"user_id,item_id\nu,i\nu,j\n{row}\n"}, bad_rows=1)
        (tmp_path / name).mkdir()
        names = [file.name for file in publisher.write_rejects(tmp_path / name, data)]
        assert names == [path.name for path in (tmp_path / name).iterdir()]
        assert names == ["rejected.csv"] * is_listed
    text = (tmp_path / "odd" / "rejected.csv").read_text()
    assert text.splitlines()[1:] == ["a.csv,4,1,1 fields where the header has 2"]
