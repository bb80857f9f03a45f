"""Two nights of the sample export: tonight is not like last night, and the training notices."""

import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelsystem_shared import folder, progress

ETL = Path(__file__).parents[2] / "demo" / "etl.py"
QUICK = "method=cooccurrence"
Rows = list[dict[str, str]]
Start = Callable[..., Any]


@pytest.fixture(scope="module")
def last_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the sample export."""
    path = tmp_path_factory.mktemp("last")
    subprocess.run([sys.executable, str(ETL), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def champion(start: Start, last_night: Path) -> Path:
    """Train on it; the model serves when tonight's training begins."""
    trainer = start(CSV_FOLDER=last_night, PARAMETERS=QUICK)
    assert trainer.code == 0, trainer.output
    assert not warnings(trainer)
    path: Path = trainer.model_folder
    return path


@pytest.fixture
def tonight(start: Start, champion: Path, last_night: Path, tmp_path: Path) -> Callable[..., Any]:
    """Change a copy of last night's export, and train on it beside the champion."""

    def make(change: Callable[[Path], None], **variables: object) -> Any:
        path = tmp_path / "tonight"
        shutil.copytree(last_night, path)
        change(path)
        trainer = start(
            CSV_FOLDER=path, PARAMETERS=QUICK, CHAMPIONFOLDER=champion, BUILDNUMBER=2, **variables
        )
        assert trainer.output
        return trainer

    return make


def warnings(trainer: Any) -> list[str]:
    """Return what the log warns of."""
    records = [json.loads(line) for line in trainer.output.splitlines()]
    return [record["message"] for record in records if record["level"] == "warning"]


def rewrite(path: Path, change: Callable[[Rows], Rows]) -> None:
    """Change the rows of all files of interactions."""
    for file in path.glob("interactions*"):
        is_gzip = file.suffix == ".gz"
        content = gzip.decompress(file.read_bytes()) if is_gzip else file.read_bytes()
        rows = change(list(csv.DictReader(io.StringIO(content.decode(), newline=""))))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, ["user_id", "item_id", "timestamp"])
        writer.writeheader()
        writer.writerows(rows)
        written = text.getvalue().encode()
        file.write_bytes(gzip.compress(written, mtime=0) if is_gzip else written)


def half(path: Path) -> None:
    rewrite(path, lambda rows: rows[::2])


def recoded(path: Path) -> None:
    rewrite(path, lambda rows: [row | {"user_id": f"u-{row['user_id']}"} for row in rows])


def twice(path: Path) -> None:
    content = gzip.decompress((path / "interactions-2018-05-06.csv.gz").read_bytes())
    (path / "interactions-all.csv").write_bytes(content)


def twice_in_another_order(path: Path) -> None:
    twice(path)
    header, *rows = (path / "interactions-all.csv").read_text().splitlines()
    (path / "interactions-all.csv").write_text("\n".join([header, *reversed(rows)]))


def without_catalogue(path: Path) -> None:
    (path / "items.csv").unlink()


def with_another_catalogue(path: Path) -> None:
    text = (path / "items.csv").read_text()
    (path / "items.csv").write_text(text.replace("course-", "COURSE-"))


def stale(path: Path) -> None:
    rewrite(path, lambda rows: [row for row in rows if row["timestamp"] < "2018-05-01"])


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (half, ["rows is 16,042, at least 22,105 is allowed, for the champion 31,578"]),
        (
            recoded,
            [
                "new_users is 100 %, at most 50 % is allowed",
                "gone_users is 100 %, at most 50 % is allowed",
            ],
        ),
        (twice, ["copies is 1, at most 0 is allowed, for the champion 0 (files that are copies "]),
        (
            twice_in_another_order,
            ["repeats is 1.96, at most 1.50 is allowed, for the champion 1.00 (rows for each pair"],
        ),
        (without_catalogue, ["titled_items is 0, at least 252 is allowed, for the champion 504"]),
        (
            with_another_catalogue,
            ["titles_fit is 0 %, at least 50 % is allowed, for the champion 100 %"],
        ),
        (
            stale,
            [
                "days_gained is -8 days, at least 0 days is allowed",
                "days_behind is 8 days, at most 2 days is allowed, for the champion 0 days",
            ],
        ),
    ],
)
def test_an_odd_night_is_warned_of(
    tonight: Callable[..., Any], change: Callable[[Path], None], sentences: list[str]
) -> None:
    """The model is published, and the log and the manifest have the sentence."""
    trainer = tonight(change)
    part = trainer.published.manifest.model["data"]["profile"]
    broken = [o["sentence"] for o in part["verdict"] if o["is_kept"] is False]
    for sentence in sentences:
        assert any(text.startswith(f"Data: {sentence}") for text in warnings(trainer))
        assert any(text.startswith(sentence) for text in broken)


def milliseconds(path: Path) -> None:
    rewrite(path, lambda rows: [row | {"timestamp": "1525737600000"} for row in rows])


def excel(path: Path) -> None:
    rewrite(path, lambda rows: [row | {"timestamp": "43228.5"} for row in rows])


def nearly_empty(path: Path) -> None:
    rewrite(path, lambda rows: rows[::40])


def unfinished(path: Path) -> None:
    (path / "_temporary" / "0").mkdir(parents=True)


@pytest.mark.parametrize(
    ("change", "variables", "sentences"),
    [
        (milliseconds, {}, ["timestamp seems to be in milliseconds"]),
        (excel, {}, ["timestamp seems to be in days, as Excel"]),
        (
            nearly_empty,
            {},
            ["the data breaks DATA_RULES: rows is", "for the champion 31,578", "interactions is"],
        ),
        (unfinished, {}, ["uncommitted is 1, at most 0 is allowed", "the export's folder"]),
        (
            half,
            {"DATA_RULES": "stop rows >= 0.7 champion"},
            ["rows is 16,042, at least 22,105", "(rule: stop rows >= 0.7 champion)"],
        ),
    ],
)
def test_a_night_that_is_surely_wrong_is_stopped(
    tonight: Callable[..., Any],
    change: Callable[[Path], None],
    variables: dict[str, object],
    sentences: list[str],
) -> None:
    """Exit code 3, the sentence in failed.json, nothing published and no search begun."""
    trainer = tonight(change, **variables)
    assert trainer.code == 3, trainer.output
    (attempt,) = folder.attempts(trainer.model_folder)
    failure = progress.failure(attempt)
    assert failure is not None
    assert (failure.reason, failure.retry_helps) == (trainer.messages[-1], False)
    for sentence in sentences:
        assert sentence in failure.reason
    assert folder.read_marker(trainer.model_folder) is None
    assert not any(message.startswith("Parameters") for message in trainer.messages)


def test_a_stop_can_be_made_a_warning(tonight: Callable[..., Any]) -> None:
    """Each rule has its own level."""
    trainer = tonight(unfinished, DATA_RULES="warn uncommitted <= 0")
    assert trainer.code == 0, trainer.output
    assert any("uncommitted is 1" in text for text in warnings(trainer))
