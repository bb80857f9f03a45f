"""Asking a site: the user that is shown is found in any export."""

import gzip
import runpy
from pathlib import Path
from typing import Any

import pytest

ask = runpy.run_path(str(Path(__file__).parents[2] / "demo" / "ask.py"))
FIVE = "".join(f"ann,{item}\r\n" for item in "abcde")


def _shown(folder: Path) -> tuple[str, list[str]] | None:
    user: Any = ask["find_user"](folder)
    return user and (user.user_id, user.items)


def test_the_first_user_with_five_items_is_found(tmp_path: Path) -> None:
    """A user with fewer is passed over; the same item twice counts once."""
    few = "bob,a\r\nbob,a\r\n" * 5
    (tmp_path / "interactions.csv").write_text(f"user_id,item_id\r\n{few}{FIVE}", newline="")
    assert _shown(tmp_path) == ("ann", list("abcde"))


def test_columns_may_stand_anywhere(tmp_path: Path) -> None:
    """The header names them; a BOM, quotes and malformed rows do not matter."""
    rows = "".join(f'"x, y",{item},ann\n' for item in "abcde")
    (tmp_path / "a.csv").write_text(f"\ufeffnote,item_id,user_id\nshort\n{rows}", encoding="utf-8")
    assert _shown(tmp_path) == ("ann", list("abcde"))


def test_columns_may_have_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer's CSV_COLUMNS is respected here too."""
    monkeypatch.setenv("CSV_COLUMNS", "user_id=learner,item_id=course")
    (tmp_path / "a.csv").write_text(f"learner,course\n{FIVE}")
    assert _shown(tmp_path) == ("ann", list("abcde"))


def test_files_of_tools_are_not_read(tmp_path: Path) -> None:
    """The demo asks about the same export that the trainer reads."""
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "a.csv").write_text(f"user_id,item_id\n{FIVE}")
    (tmp_path / "items.csv").mkdir()
    (tmp_path / "items.csv" / "part-0.csv").write_text("item_id,title\na,A\n")
    (tmp_path / "b.csv").write_text(f"UserId,ItemId\n{FIVE.replace('ann', 'bob')}")
    assert _shown(tmp_path) == ("bob", list("abcde"))


def test_compressed_files_count_and_catalogues_do_not(tmp_path: Path) -> None:
    """The same files are read as by the trainer, also in folders below."""
    (tmp_path / "items.csv").write_text("item_id,title\na,A\n")
    (tmp_path / "2018").mkdir()
    (tmp_path / "2018" / "b.csv.gz").write_bytes(gzip.compress(f"user_id,item_id\n{FIVE}".encode()))
    assert _shown(tmp_path) == ("ann", list("abcde"))


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "user_id,item_id\n"])
def test_an_export_without_rows_has_no_user(tmp_path: Path, content: str) -> None:
    """The site is then asked for popular items."""
    (tmp_path / "a.csv").write_text(content)
    assert _shown(tmp_path) is None


def test_a_table_is_aligned() -> None:
    """The longest title sets the width; the shorter column ends first."""
    assert ask["table"](["Taken", "A long title"], ["Recommended", "B", "C"]).splitlines() == [
        "  Taken          Recommended",
        "  -----          -----------",
        "  A long title   B",
        "                 C",
    ]
