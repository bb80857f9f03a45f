"""The gate users' questions, for this model and for the champion."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from modelsystem_shared import folder
from modelsystem_shared.errors import SettingsError
from modelsystem_shared.numeric.model import Model
from modelsystem_shared.numeric.ranking import Estimate
from modelsystem_trainer import training
from modelsystem_trainer.evaluation import gate, ranking
from modelsystem_trainer.evaluation.gate import Champion, Gain, Gate
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.training import Plan

Start = Callable[..., Any]
Rows = Callable[..., list[str]]
GOOD, POOR = Parameters(), Parameters(a=0, b=0, c=0, s=1)


@pytest.fixture(scope="session")
def build(read: Callable[..., Interactions], gate_ids: list[str]) -> Callable[..., Model]:
    """Train on rows whose first users are made gate users."""

    def make(rows: list[str], parameters: Parameters = GOOD) -> Model:
        gates = {f"u{n}": user for n, user in enumerate(gate_ids)}
        renamed = [",".join([gates.get((p := row.split(","))[0], p[0]), *p[1:]]) for row in rows]
        data = read({"a.csv": "\n".join(["user_id,item_id,timestamp", *renamed])})
        return training.train(data, Plan(20, parameters), lambda *_: None).model

    return make


def as_champion(model: Model) -> Champion:
    return Champion("7", "0" * 64, model)


def measure(model: Model, champion: Champion | None) -> Gate:
    """Measure on the gate users; popularity counts all histories."""
    counts = np.bincount(model.history.indices, minlength=model.n_items)
    return gate.measure_on_gate(model, counts, len(model.users), champion)


def test_a_model_equals_itself(build: Callable[..., Model], clustered_rows: Rows) -> None:
    """Compared with itself, a model has the same figures and no difference."""
    ours = build(clustered_rows())
    figures = measure(ours, as_champion(ours))
    assert figures.champion
    assert figures.champion.metrics == figures.model
    assert figures.users == figures.model.users == len(ours.questions) > 5
    none = Estimate(0, 0, 0)
    assert {*figures.champion.difference.values()} == {Gain(none, none, none, 0)}


def test_a_better_model_shows(build: Callable[..., Model], clustered_rows: Rows) -> None:
    """The difference is that of the means, has the sign of the better one, and an interval."""
    ours, worse = build(clustered_rows()), build(clustered_rows(seed=5)[:900], POOR)
    figures = measure(ours, as_champion(worse))
    assert figures.champion
    gain = figures.champion.difference[20].ndcg
    assert gain.mean == pytest.approx(figures.model.ndcg - figures.champion.metrics.ndcg, abs=2e-6)
    assert gain.low <= gain.mean <= gain.high
    assert gain.mean > 0
    assert figures.model.ndcg > figures.popularity.ndcg


def test_a_model_that_shows_more_of_the_catalogue_says_so() -> None:
    """With equal hits: six of eight items instead of four, of 2 bits more on average."""
    truth = sparse.csr_array(np.eye(2, 8))
    ours = ranking.compared(np.array([[0, 4, 5], [1, 6, 7]]), truth)
    theirs = ranking.compared(np.array([[0, 2, 3], [1, 2, 3]]), truth)
    bits = np.array([0.0, 0, 1, 1, 4, 4, 4, 4])
    gain = gate.difference(ours, theirs, bits)[20]
    assert (gain.ndcg, gain.recall) == (Estimate(0, 0, 0), Estimate(0, 0, 0))
    assert gain.novelty == Estimate(2, 2, 2)
    assert gain.coverage == 0.25


def test_items_are_matched_by_their_ids(build: Callable[..., Model], clustered_rows: Rows) -> None:
    """A champion whose items have other places, and more of them, answers as before."""
    rows = clustered_rows()
    extra = [
        f"v{n},{item},{1_550_000_000 + n}" for n in range(5) for item in ("a-new", "b-new", "zz")
    ]
    ours, theirs = build(rows), build([*rows, *extra])
    assert ours.items.find("i5") != theirs.items.find("i5")
    figures = measure(ours, as_champion(theirs))
    assert figures.champion
    assert figures.champion.metrics.ndcg == pytest.approx(figures.model.ndcg, abs=1e-6)


def test_items_that_one_side_does_not_know_are_misses(
    build: Callable[..., Model], clustered_rows: Rows
) -> None:
    """A champion of entirely other items has no hits, which is no error."""
    ours = build(clustered_rows())
    theirs = build([row.replace(",i", ",other-") for row in clustered_rows()])
    figures = measure(ours, as_champion(theirs))
    assert figures.champion
    at = figures.champion.metrics.at[50]
    assert (at.recall.mean, at.ndcg.mean, at.novelty.mean, at.coverage) == (0, 0, 0, 0)
    assert figures.champion.difference[50].recall.mean == figures.model.at[50].recall.mean


def test_items_only_the_champion_knows_take_their_places(
    build: Callable[..., Model], clustered_rows: Rows
) -> None:
    """They are neither hits nor left out: later items keep their places."""
    rows = clustered_rows()
    theirs = build(rows)
    gone = f"i{int(theirs.trend.argmax())}"
    ours = build([row for row in rows if gone not in row.split(",")])
    shown = gate._shown_by(theirs, ours)
    hidden = (shown[:, :-1] < 0) & (shown[:, 1:] >= 0)
    assert hidden.any()
    assert (shown < ours.n_items).all()


def test_data_without_gate_users_has_no_figures(
    read: Callable[..., Interactions], clustered_rows: Rows
) -> None:
    """The figures of no users are 0."""
    data = read({"a.csv": "\n".join(["user_id,item_id", "u,a", "u,b", "w,a"])})
    ours = training.train(data, Plan(20, GOOD), lambda *_: None).model
    figures = measure(ours, as_champion(ours))
    assert figures.users == figures.model.users == 0
    assert figures.champion


def test_a_champion_is_mapped_and_compared(
    start: Start, clustered_export: Path, trained: Any, snapshot: Callable[[Path], Any]
) -> None:
    """The figures are in the manifest and the report, the arrays as without it, it untouched."""
    before = snapshot(trained.model_folder)
    again = start(CSV_FOLDER=clustered_export, CHAMPIONFOLDER=trained.model_folder, THREADS=1)
    published = again.published
    champion = published.manifest.model["metrics"]["gate"]["champion"]
    assert champion["build"] == "20180523.5"
    assert champion["digest"] == trained.published.manifest.digest
    assert champion["metrics"] == published.manifest.model["metrics"]["gate"]["model"]
    none = {"mean": 0, "low": 0, "high": 0}
    equal = {"recall": none, "ndcg": none, "novelty": none, "coverage": 0}
    assert champion["difference"] == dict.fromkeys(("10", "20", "50"), equal)
    page = (published.attempt / "report.html").read_text()
    _, _, differences = page.partition("<th>Model minus champion</th>")
    for row in ("<th>Novelty (bits)@20</th><td>+0.0000", "<th>Coverage@20</th><td>+0.0 percentage"):
        assert row in differences
    arrays = [
        {file for file in model.manifest.files if file.name.endswith(".npy")}
        for model in (published, trained.published)
    ]
    assert arrays[0] == arrays[1]
    assert snapshot(trained.model_folder) == before


def test_another_champion_is_no_other_build(
    start: Start, clustered_export: Path, trained: Any, tmp_path: Path
) -> None:
    """On a complete folder the setting has no effect, even if it names no model."""
    again = start(
        CSV_FOLDER=clustered_export, MODELFOLDER=trained.model_folder, CHAMPIONFOLDER=tmp_path
    )
    assert again.code == 0, again.output


def test_an_unusable_champion_fails_the_training(
    start: Start, clustered_export: Path, trained: Any, tmp_path: Path
) -> None:
    """Nothing there, no folder, a short file, a damaged manifest: exit 2, before any work."""
    name = trained.published.attempt.name
    paths = {kind: tmp_path / kind for kind in ("nothing", "empty", "file", "short", "manifest")}
    paths["empty"].mkdir()
    paths["file"].write_text("0.5")
    for kind in ("short", "manifest"):
        shutil.copytree(trained.model_folder, paths[kind])
    similarity = paths["short"] / name / "similarity.npy"
    similarity.write_bytes(similarity.read_bytes()[:-1])
    (paths["manifest"] / name / "manifest.json").write_bytes(b"{}")
    started = {
        kind: start(CSV_FOLDER=clustered_export, CHAMPIONFOLDER=path)
        for kind, path in paths.items()
    }
    for kind, trainer in started.items():
        assert trainer.code == 2, trainer.output
        assert "CHAMPIONFOLDER: " in trainer.messages[-1]
        assert str(paths[kind]) in trainer.messages[-1]
        assert not any(message.startswith("Read") for message in trainer.messages)
        (attempt,) = folder.attempts(trainer.model_folder)
        failure = json.loads((attempt / "failed.json").read_text())
        assert "CHAMPIONFOLDER" in failure["reason"]


def test_an_array_that_does_not_fit_is_refused(trained: Any, tmp_path: Path) -> None:
    """A folder whose digests hold, but whose arrays do not fit each other, is refused as well."""
    with pytest.raises(SettingsError, match="CHAMPIONFOLDER"):
        gate.load_champion(_resealed(trained.model_folder, tmp_path / "odd"))


def test_a_champion_of_another_format_is_refused_with_the_cure(
    trained: Any, tmp_path: Path
) -> None:
    """The first build after a change of format has no champion to compare with."""
    folder_of_old = _resealed(trained.model_folder, tmp_path / "old", format=1)
    with pytest.raises(SettingsError, match=r"has format 1.*; leave CHAMPIONFOLDER out"):
        gate.load_champion(folder_of_old)


def _resealed(source: Path, target: Path, **changes: object) -> Path:
    """Copy a model, change an array, and write manifest and marker for it."""
    from dataclasses import replace
    from hashlib import sha256

    from modelsystem_shared import manifest, publication

    shutil.copytree(source, target)
    published = folder.published(target)
    np.save(published.attempt / "trend.npy", np.zeros(3, np.float32))
    names = [file.name for file in published.manifest.files]
    listed = publication.describe(published.attempt, names)
    part = published.manifest.model | {"files": manifest.listing(listed)} | changes
    content = manifest.Manifest(part, published.manifest.run).to_bytes()
    (published.attempt / manifest.NAME).write_bytes(content)
    marker = replace(published.marker, manifest_sha256=sha256(content).hexdigest())
    (target / "complete.txt").write_bytes(marker.to_bytes())
    return target
