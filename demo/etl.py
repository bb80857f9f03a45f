"""Writes a sample export as an ETL process would: a catalogue of courses, and interactions.

Learners have one or two interests, mostly keep to them, prefer popular courses, and move from
beginners' courses to advanced ones. Every run writes the same bytes.
"""

import argparse
import csv
import gzip
import io
import json
import math
import random
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict

SUBJECTS = Path(__file__).with_name("courses.json")
LEVELS = ("Beginner", "Intermediate", "Advanced")
LEARNERS = 2000
SEED = 20180508
OPENED = datetime(2017, 5, 8, tzinfo=UTC)
CLOSED = datetime(2018, 5, 9, tzinfo=UTC)
# The first night exports the whole history, each later night its day.
NIGHTS = {
    "interactions-2018-05-06.csv.gz": datetime(2018, 5, 7, tzinfo=UTC),
    "interactions-2018-05-07.csv": datetime(2018, 5, 8, tzinfo=UTC),
    "interactions-2018-05-08.csv": CLOSED,
}


class Subject(TypedDict):
    """A subject of `courses.json`; `titles` has forms of titles by level."""

    goes_with: list[str]
    titles: dict[str, list[str]]
    topics: list[str]


@dataclass(frozen=True, eq=False)  # a course equals itself only: comparing fields is slow
class Course:
    """A course; `appeal` is its relative frequency among courses that suit a learner equally."""

    item_id: str
    title: str
    subject: str
    topic: str
    level: int
    appeal: float


@dataclass(frozen=True, order=True)
class Interaction:
    """A learner took a course."""

    time: datetime
    user_id: str
    item_id: str


class School:
    """The subjects and their courses."""

    def __init__(self, subjects: dict[str, Subject], rng: random.Random) -> None:
        """Combine topics and titles; ids are random, so that they carry no information."""
        count = sum(len(subject["topics"]) * len(LEVELS) for subject in subjects.values())
        numbers = iter(rng.sample(range(1, count + 1), count))
        self.subjects = subjects
        self.courses = {
            name: [
                Course(f"course-{next(numbers):04}", title, name, topic, level, appeal)
                for title, topic, level, appeal in _titles(subject)
            ]
            for name, subject in subjects.items()
        }
        self.appeal = dict(zip(subjects, map(_zipf, range(len(subjects))), strict=True))

    def all_courses(self) -> list[Course]:
        """Return the catalogue, by id."""
        catalogue = [course for courses in self.courses.values() for course in courses]
        return sorted(catalogue, key=lambda course: course.item_id)


def _titles(subject: Subject) -> Iterator[tuple[str, str, int, float]]:
    """Yield title, topic, level and appeal; a topic's three courses make a series."""
    for rank, topic in enumerate(subject["topics"]):
        for level, name in enumerate(LEVELS):
            forms = subject["titles"][name]
            yield forms[rank % len(forms)].format(topic), topic, level, _zipf(rank)


def _zipf(rank: int) -> float:
    return math.pow(rank + 1, -0.7)


def interests(school: School, rng: random.Random) -> list[str]:
    """Choose one subject or two; the second is mostly related to the first."""
    names = list(school.subjects)
    (main,) = rng.choices(names, list(school.appeal.values()))
    if rng.random() < 0.4:
        return [main]
    related = school.subjects[main]["goes_with"]
    return [main, rng.choice(related if rng.random() < 0.8 else names)]


def studies(school: School, rng: random.Random) -> list[Course]:
    """Return the courses that one learner takes, in order."""
    subjects = interests(school, rng)
    taken: list[Course] = []
    for _ in range(min(4 + int(rng.expovariate(1 / 12)), 60)):
        (subject,) = rng.choices(subjects, [3, 2][: len(subjects)])
        if rng.random() < 0.1:  # curiosity
            (subject,) = rng.choices(list(school.appeal), list(school.appeal.values()))
        taken += next_course(school.courses[subject], taken, rng)
    return taken


def next_course(
    courses: Sequence[Course], taken: Iterable[Course], rng: random.Random
) -> list[Course]:
    """Choose one of a subject's courses that the learner has not taken; none if there is none."""
    before = {(course.topic, course.level) for course in taken if course in courses}
    left = [course for course in courses if (course.topic, course.level) not in before]
    return rng.choices(left, [_wish(course, before) for course in left]) if left else []


def _wish(course: Course, before: Set[tuple[str, int]]) -> float:
    """Return a course's weight: by its appeal, the level reached so far, and the series."""
    level = min(len(before) / 5, 2.0)
    wish = course.appeal * math.pow(0.2, abs(course.level - level))
    return wish * (8 if (course.topic, course.level - 1) in before else 1)


def history(user_id: str, school: School, rng: random.Random) -> Iterator[Interaction]:
    """Yield the interactions of one learner, between the day of joining and today."""
    courses = studies(school, rng)
    joined = rng.random()
    shares = sorted(rng.uniform(joined, 1) for _ in courses)
    for course, share in zip(courses, shares, strict=True):
        seconds = int((CLOSED - OPENED).total_seconds() * share)
        yield Interaction(OPENED + timedelta(seconds=seconds), user_id, course.item_id)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV file's content (RFC 4180)."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def export(folder: Path) -> str:
    """Write the export into `folder` and return a summary of one line."""
    rng = random.Random(SEED)
    school = School(json.loads(SUBJECTS.read_text(encoding="utf-8")), rng)
    learners = [f"learner-{number:04}" for number in range(1, LEARNERS + 1)]
    taken = sorted(row for learner in learners for row in history(learner, school, rng))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "items.csv", _catalogue(school))
    since = OPENED
    for name, until in NIGHTS.items():
        content = _night(row for row in taken if since <= row.time < until)
        _write(folder / name, gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        since = until
    count = len(school.all_courses())
    return f"{len(taken)} interactions of {LEARNERS} learners with {count} courses in {folder}"


def _catalogue(school: School) -> bytes:
    rows = [(c.item_id, c.title, c.subject, LEVELS[c.level]) for c in school.all_courses()]
    return csv_bytes(["item_id", "title", "subject", "level"], rows)


def _night(taken: Iterable[Interaction]) -> bytes:
    rows = [(row.user_id, row.item_id, f"{row.time:%Y-%m-%dT%H:%M:%SZ}") for row in taken]
    return csv_bytes(["user_id", "item_id", "timestamp"], rows)


def _write(path: Path, content: bytes) -> None:
    """Write a file, unless it has this content already: a training may be reading it."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to write the CSV files")
    print(f"Wrote {export(parser.parse_args().folder)}")


if __name__ == "__main__":
    main()
