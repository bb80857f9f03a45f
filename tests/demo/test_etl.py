"""The sample export: the same in every run, with tastes that a person recognises."""

import csv
import gzip
import io
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ETL = Path(__file__).parents[2] / "demo" / "etl.py"
LEVELS = ["Beginner", "Intermediate", "Advanced"]
Row = dict[str, str]


def _export(folder: Path) -> str:
    command = [sys.executable, str(ETL), str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the export once."""
    folder = tmp_path_factory.mktemp("export")
    _export(folder)
    return folder


@pytest.fixture(scope="module")
def courses(export: Path) -> dict[str, Row]:
    """Return the catalogue by item id."""
    rows = list(_rows(export / "items.csv"))
    assert len(rows) == len({row["item_id"] for row in rows})
    return {row["item_id"]: row for row in rows}


@pytest.fixture(scope="module")
def taken(export: Path) -> list[Row]:
    """Return all interactions, in the order of the files."""
    return [row for path in sorted(export.glob("interactions*")) for row in _rows(path)]


@pytest.fixture(scope="module")
def histories(taken: list[Row], courses: dict[str, Row]) -> dict[str, list[Row]]:
    """Return the courses of each learner, in the order of time."""
    histories: dict[str, list[Row]] = defaultdict(list)
    for row in taken:
        histories[row["user_id"]].append(courses[row["item_id"]])
    return histories


def _rows(path: Path) -> Iterator[Row]:
    content = path.read_bytes()
    plain = gzip.decompress(content) if path.suffix == ".gz" else content
    return csv.DictReader(io.StringIO(plain.decode(), newline=""))


def test_the_same_bytes_come_out_every_time(export: Path, tmp_path: Path) -> None:
    """Every run of the demo shows the same recommendations."""
    _export(tmp_path)
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (export, tmp_path)
    )
    assert first == second


def test_files_that_are_right_already_are_left_alone(export: Path) -> None:
    """A second demo does not disturb the training of the first one."""
    before = {path: path.stat().st_mtime_ns for path in export.iterdir()}
    _export(export)
    assert {path: path.stat().st_mtime_ns for path in export.iterdir()} == before


def test_one_line_says_what_was_written(tmp_path: Path) -> None:
    """It says how much data there is, and in which folder."""
    output = _export(tmp_path / "new" / "folder")
    assert output.count("\n") == 1
    assert str(tmp_path / "new" / "folder") in output


def test_there_are_about_500_courses_in_14_subjects(courses: dict[str, Row]) -> None:
    """The catalogue is small enough to be browsed."""
    assert 480 <= len(courses) <= 520
    assert len({course["subject"] for course in courses.values()}) == 14


def test_all_titles_are_distinct(courses: dict[str, Row]) -> None:
    """A recommendation by title names one course."""
    assert len({course["title"] for course in courses.values()}) == len(courses)


def test_there_are_2000_learners_with_some_30000_interactions(taken: list[Row]) -> None:
    """They are enough to learn from, and few enough for a training of seconds."""
    assert len({row["user_id"] for row in taken}) == 2000
    assert 25_000 <= len(taken) <= 40_000


def test_every_interaction_is_of_the_catalogue_and_happened_once(
    taken: list[Row], courses: dict[str, Row]
) -> None:
    """No course is missing from the catalogue, and no learner takes one twice."""
    assert {row["item_id"] for row in taken} <= set(courses)
    assert len({(row["user_id"], row["item_id"]) for row in taken}) == len(taken)


def test_each_night_exports_what_is_new(export: Path, taken: list[Row]) -> None:
    """There are three files in the order of time; each later one holds one day."""
    nights = sorted(export.glob("interactions*"))
    assert len(nights) == 3
    for night in nights[1:]:
        day = night.name.removeprefix("interactions-").removesuffix(".csv")
        assert {row["timestamp"][:10] for row in _rows(night)} == {day}
    times = [row["timestamp"] for row in taken]
    assert times == sorted(times)


def test_learners_have_recognisable_interests(histories: dict[str, list[Row]]) -> None:
    """Nearly all courses of a learner are of two subjects; by chance it would be a seventh."""
    shares = []
    for courses in histories.values():
        subjects = Counter(course["subject"] for course in courses)
        shares.append(sum(count for _, count in subjects.most_common(2)) / len(courses))
    assert statistics.mean(shares) > 0.9


def test_popularity_is_skewed(taken: list[Row]) -> None:
    """A tenth of the courses has far more than a tenth of the interactions."""
    counts = sorted(Counter(row["item_id"] for row in taken).values(), reverse=True)
    assert sum(counts[:50]) > 0.25 * len(taken)


def test_learners_move_from_beginners_to_advanced_courses(
    histories: dict[str, list[Row]],
) -> None:
    """A learner's last courses are of a higher level than the first."""
    long = [courses for courses in histories.values() if len(courses) >= 10]
    first, last = (
        statistics.mean(LEVELS.index(course["level"]) for courses in long for course in courses[s])
        for s in (slice(3), slice(-3, None))
    )
    assert last > first + 0.6
