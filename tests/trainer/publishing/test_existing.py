"""A trainer on the folder of a complete model."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]
Snapshot = Callable[[Path], dict[str, tuple[bytes, int]]]


def test_a_second_training_touches_nothing(
    start: Start, clustered_export: Path, trained: Any, snapshot: Snapshot
) -> None:
    """It ends 0 and says so; no byte and no time changes, and no file is new."""
    before = snapshot(trained.model_folder)
    again = start(CSV_FOLDER=clustered_export, MODELFOLDER=trained.model_folder, THREADS=2)
    assert again.code == 0, again.output
    score = trained.published.marker.score
    assert again.messages[2:] == [f"Already complete and verified: build 20180523.5, score {score}"]
    assert snapshot(trained.model_folder) == before


def test_other_settings_are_refused(
    start: Start, clustered_export: Path, trained: Any, snapshot: Snapshot
) -> None:
    """It ends 2 and names every setting that differs; nothing is touched."""
    before = snapshot(trained.model_folder)
    same = {"CSV_FOLDER": clustered_export, "MODELFOLDER": trained.model_folder}
    changes: list[dict[str, object]] = [
        {"NEIGHBOURS": 50},
        {"BUILDNUMBER": "20180523.50"},
        {"CSV_FOLDER": "/elsewhere"},
        {"TENANTID": "acme", "MAX_BAD_ROWS": 5},
        {"PARAMETERS": "a=1,b=1,c=1,s=1", "CSV_COLUMNS": "title=name"},
    ]
    started = [(change, start(**(same | change))) for change in changes]
    for change, trainer in started:
        assert trainer.code == 2, trainer.output
        sentence = trainer.messages[-1]
        assert sentence.count("this folder's complete model was made with") == len(change)
        assert all(name in sentence for name in change)
    assert snapshot(trained.model_folder) == before


def test_unusable_settings_touch_nothing_either(
    start: Start, trained: Any, snapshot: Snapshot
) -> None:
    """No failure is written beside a complete model."""
    before = snapshot(trained.model_folder)
    trainer = start(MODELFOLDER=trained.model_folder, BUILDNUMBER=None)
    assert trainer.code == 2
    assert "BUILDNUMBER is not set" in trainer.messages[-1]
    assert snapshot(trained.model_folder) == before


@pytest.fixture
def copies(trained: Any, tmp_path: Path) -> Callable[[str], Path]:
    """Copy the published model folder, and return the path of the copied attempt."""

    def make(name: str) -> Path:
        copied = shutil.copytree(trained.model_folder, tmp_path / name)
        return Path(copied, trained.published.marker.attempt)

    return make


def test_a_damaged_model_is_refused(
    start: Start, clustered_export: Path, copies: Callable[[str], Path], snapshot: Snapshot
) -> None:
    """It ends 1, names the file, and changes nothing."""
    attempts = {name: copies(name) for name in ("flipped", "short", "gone", "extra", "manifest")}
    flipped = bytearray((attempts["flipped"] / "similarity.npy").read_bytes())
    flipped[-1] ^= 1
    (attempts["flipped"] / "similarity.npy").write_bytes(flipped)
    (attempts["short"] / "similarity.npy").write_bytes(flipped[:-1])
    (attempts["gone"] / "similarity.npy").unlink()
    (attempts["extra"] / "surprise.npy").write_bytes(b"")
    (attempts["manifest"] / "manifest.json").write_bytes(b"{}")
    before = {name: snapshot(attempt.parent) for name, attempt in attempts.items()}
    started = {
        name: start(CSV_FOLDER=clustered_export, MODELFOLDER=attempt.parent)
        for name, attempt in attempts.items()
    }
    damaged = {"extra": "surprise.npy", "manifest": "manifest.json"}
    for name, trainer in started.items():
        assert trainer.code == 1, trainer.output
        assert "this build was published, but is damaged" in trainer.messages[-1]
        assert damaged.get(name, "similarity.npy") in trainer.messages[-1]
        assert snapshot(attempts[name].parent) == before[name]
