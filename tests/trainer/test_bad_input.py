"""Every kind of bad input, each to a real trainer: the sentence, the exit code, and no model."""

import base64
import gzip
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelsystem_shared import folder, progress

SOUND = """user_id,item_id,weight,timestamp
u,i,1,1527037323
u,j,1,1527037324
v,i,2.5,2018-05-08T01:02:03Z
"""
KEY = base64.b64encode(b"a very secret key").decode()
Files = dict[str, str | bytes]


class Case(NamedTuple):
    """Files of the export, variables beside the usual ones, exit code, and the sentence."""

    files: Files
    variables: dict[str, object]
    code: int
    sentence: str


def data(sentence: str, files: Files, **variables: object) -> Case:
    """Return a case of data that cannot be trained on."""
    return Case(files, variables, 3, sentence)


def row(line: str | bytes, sentence: str) -> Case:
    """Return a case of one malformed row, in line 5 of clicks.csv."""
    content = (
        SOUND.encode()
        + (line.encode() if isinstance(line, str) else line)
        + b"\nw,i,1,1527037325\n"
    )
    sentence = f"1 malformed rows, and MAX_BAD_ROWS is 0: clicks.csv line 5: {sentence}"
    return data(sentence, {"clicks.csv": content})


def environment(*sentences: str, **variables: object) -> Case:
    """Return a case of settings that are missing or contradict each other."""
    return Case({"clicks.csv": SOUND}, variables, 2, ".*; ".join(sentences))


NUMBER = "is not a number: 0, or from 1e-12 to 1e[+]12"
CASES = {
    "no CSV files": data(
        r"/export-\w+: there is no \*.csv or \*.csv.gz file", {"clicks.txt": SOUND}
    ),
    "CSV_FOLDER absent": data("CSV_FOLDER: /nowhere is not a folder", {}, CSV_FOLDER="/nowhere"),
    "empty file": data("clicks.csv line 1: the file is empty", {"clicks.csv": ""}),
    "header only": data("no interactions in 0 rows", {"clicks.csv": SOUND.splitlines()[0]}),
    "missing column": data(
        "clicks.csv line 1: there is no column 'item_id'", {"clicks.csv": "user_id,item\nu,i\n"}
    ),
    "column in some files": data(
        "more.csv line 1: timestamp, weight must be in all files or in none",
        {"clicks.csv": SOUND, "more.csv": "user_id,item_id\nu,i\n"},
    ),
    "too few fields": row("u,i,1", "3 fields where the header has 4"),
    "too many fields": row("u,i,1,5,", "5 fields where the header has 4"),
    "bad number": row("u,i,many,1527037323", f"weight {NUMBER}"),
    "NaN weight": row("u,i,NaN,1527037323", f"weight {NUMBER}"),
    "negative weight": row("u,i,-0.5,1527037323", f"weight {NUMBER}"),
    "huge weight": row("u,i,1e308,1527037323", f"weight {NUMBER}"),
    "bad UTF-8": row("u,jürgen,1,5".encode("cp1252"), "is not UTF-8, it seems Latin-1 or Windows"),
    "unclosed quote": data(
        "2 malformed rows, and MAX_BAD_ROWS is 0: clicks.csv lines 5 to 6: not RFC 4180: a quote",
        {"clicks.csv": SOUND + 'u,"i,1,5\nw,i,1,7\n'},
    ),
    "a stray quote": data(
        "1,002 or more malformed rows, .* is 1: clicks.csv lines 5 to 1006: user_id is",
        {
            "clicks.csv": SOUND
            + '"u,i,1,1527037323\n'
            + "v,i,1,1527037323\n" * 1000
            + '",i,1,1527037323\n'
        },
        MAX_BAD_ROWS=1,
    ),
    "milliseconds": row("u,i,1,1527037323000", "timestamp seems to be in milliseconds"),
    "Excel's days": row("u,i,1,43228.5", "timestamp seems to be in days, as Excel"),
    "a workbook": data(
        "clicks.csv: this is not CSV, it seems to be a zip archive or an Excel",
        {"clicks.csv": b"PK\x03\x04"},
    ),
    "semicolons": data(
        "clicks.csv line 1: semicolons separate the columns",
        {"clicks.csv": "user_id;item_id\nu;i\n"},
    ),
    "empty item id": row("u,,1,5", "item_id is empty"),
    "bad timestamp": row("u,i,1,yesterday", "timestamp is neither seconds since 1970 nor ISO 8601"),
    "a malformed row too many": data(
        "2 malformed rows, and MAX_BAD_ROWS is 1: clicks.csv line 5: .*; clicks.csv line 6: ",
        {"clicks.csv": SOUND + "u\nv\n"},
        MAX_BAD_ROWS=1,
    ),
    "truncated gzip": data(
        "clicks.csv.gz after line 4: broken gzip: ",
        {"clicks.csv.gz": gzip.compress(SOUND.encode())[:-4]},
    ),
    "a gzip that is none": data(
        "clicks.csv.gz after line 0: broken gzip: ", {"clicks.csv.gz": SOUND.encode()}
    ),
    "nothing left of the tenant": data(
        "no interactions of tenant acme in 1 rows",
        {"clicks.csv": "user_id,item_id,tenant_id\nu,i,other\n"},
        TENANTID="acme",
    ),
    "missing settings": environment(
        "BUILDNUMBER is not set",
        "BLOB_STORAGE_ACCOUNT is not set, and neither is CSV_FOLDER",
        "BLOB_STORAGE_CONTAINER is not set",
        "BLOB_STORAGE_CSV_FOLDER is not set",
        BUILDNUMBER=None,
        CSV_FOLDER=None,
    ),
    "contradictory settings": environment(
        "CSV_FOLDER contradicts BLOB_STORAGE_CONTAINER, BLOB_STORAGE_KEY",
        BLOB_STORAGE_CONTAINER="etl",
        BLOB_STORAGE_KEY=KEY,
    ),
    "bad key": environment(
        r"BLOB_STORAGE_KEY: its value \(not shown\) is not base64",
        CSV_FOLDER=None,
        BLOB_STORAGE_ACCOUNT="acme",
        BLOB_STORAGE_CONTAINER="etl",
        BLOB_STORAGE_CSV_FOLDER="2018/05/08",
        BLOB_STORAGE_KEY="schlüssel",
    ),
}


@pytest.fixture(scope="session")
def ended(start: Callable[..., Any], make_folder: Callable[[Files], Path]) -> dict[str, Any]:
    """Run a trainer on every case, a few at a time, to its end."""

    def run(case: Case) -> Any:
        trainer = start(**({"CSV_FOLDER": make_folder(case.files)} | case.variables))
        assert trainer.output
        return trainer

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(CASES, pool.map(run, CASES.values()), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_reported_and_nothing_published(ended: dict[str, Any], name: str) -> None:
    """Exit code, last words and failed.json agree; there is no model and no traceback."""
    trainer, case = ended[name], CASES[name]
    assert trainer.code == case.code, trainer.output
    assert re.search(case.sentence, trainer.messages[-1])
    assert "Traceback" not in trainer.output
    assert KEY not in trainer.output
    (attempt,) = trainer.model_folder.iterdir()
    assert {path.name for path in attempt.iterdir()} <= {progress.FAILED, progress.PROGRESS}
    assert json.loads((attempt / progress.FAILED).read_text()) == {
        "reason": trainer.messages[-1],
        "retry_helps": False,
        "exit_code": case.code,
    }
    assert folder.read_marker(trainer.model_folder) is None


def test_a_model_folder_that_is_a_file_is_reported(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    """The reason is in the log only; the file stays as it was."""
    (tmp_path / "file").write_text("precious")
    folders = [tmp_path / "file", tmp_path / "file" / "20180523.5"]
    started = [start(MODELFOLDER=path, CSV_FOLDER=tmp_path) for path in folders]
    for path, trainer in zip(folders, started, strict=True):
        assert trainer.code == 2, trainer.output
        assert trainer.messages[-1] == f"MODELFOLDER: {path} is not a folder"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_a_missing_model_folder_is_reported_with_all_other_faults(
    start: Callable[..., Any],
) -> None:
    """The reason is in the log only."""
    trainer = start(MODELFOLDER=None, NEIGHBOURS="many")
    assert trainer.code == 2, trainer.output
    sentence = trainer.messages[-1]
    assert "MODELFOLDER is not set: " in sentence
    assert "NEIGHBOURS: 'many' is not a whole number" in sentence
    assert "BLOB_STORAGE_ACCOUNT is not set, and neither is CSV_FOLDER" in sentence
