"""What Prometheus learns of the model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.scorer.conftest import TRACE, random_model, write

from modelsystem_scorer.app import create_app
from modelsystem_scorer.engine import ServedModel
from modelsystem_shared import manifest

Load = Callable[..., ServedModel]
BROKEN = {"rule": "r", "figure": "f", "level": "warn", "is_kept": False, "sentence": "s"}


def data() -> Any:
    """Return the part of a manifest on the data."""
    profile = {
        "files": [], "left_out": [], "figures": {}, "examples": {}, "first": "2018-05-01T00:00:00Z",
        "last": "2018-05-08T12:00:00+00:00", "days": None, "users_of_items": [],
        "verdict": [BROKEN, BROKEN | {"is_kept": True}, BROKEN | {"is_kept": None}],
    }  # fmt: skip
    counts = dict.fromkeys(
        ("rows_rejected", "rows_of_other_tenants", "users", "items", "interactions"), 0
    )
    empty: dict[str, list[str]] = {"files": [], "history_lengths": []}
    return {"location": "/x", "rows": 1234, "profile": profile, **counts, **empty}


def samples(served: ServedModel) -> dict[str, tuple[dict[str, str], float]]:
    """Return labels and value of each gauge of the model."""
    text = create_app(served).test_client().get("/metrics").text
    return {
        sample.name.removeprefix("modelsystem_scorer_"): (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.type == "gauge"
    }


def test_age_score_and_data_are_gauges(tmp_path: Path, load: Load) -> None:
    """Each has build and tenant as labels; the info has all that leads to the model's origin."""
    run: manifest.RunPart = {
        "finished": "2018-05-23T03:20:00+00:00", "commit": "c0ffee",
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
    }  # fmt: skip
    folder = write(tmp_path / "m", random_model(), '5"', run, tenant="acme", data=data())
    served = load(folder)
    gauges = samples(served)
    labels, one = gauges.pop("model_info")
    assert one == 1
    assert labels == {
        "build": '5"', "tenant": "acme", "digest": served.info.digest, "score": "0.148812",
        "trained_at": "2018-05-23T03:20:00+00:00", "commit": "c0ffee", "trace": TRACE,
    }  # fmt: skip
    assert all(labels == {"build": '5"', "tenant": "acme"} for labels, _ in gauges.values())
    assert {name: value for name, (_, value) in gauges.items()} == {
        "model_score": 0.148812,
        "model_trained_timestamp_seconds": 1527045600,
        "model_size_bytes": sum(file.size for file in served.published.manifest.files),
        "data_rows": 1234,
        "data_last_timestamp_seconds": 1525780800,
        "data_rules_broken": 1,
    }


def test_what_is_not_known_has_no_gauge(served: ServedModel) -> None:
    """A manifest without data and times gives no zeros, which would look like 1970."""
    assert set(samples(served)) == {"model_info", "model_score", "model_size_bytes"}
