"""Answers over HTTP against a computation that shares no code with the scorer: numpy and files."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.integration.conftest import BUILD, QUICK, Serve, Site, run

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "movielens-small"
# Ratings and times count, so that each item of a history counts otherwise.
FADING = QUICK | {"PARAMETERS": "method=cooccurrence,fade=0.5,half_life=30,history_power=1"}


class Files:
    """A model as its files have it: strings end to end, rows end to end."""

    def __init__(self, attempt: Path) -> None:
        def array(name: str) -> Any:
            return np.load(attempt / f"{name}.npy", allow_pickle=False)

        def parts(content: Any, ends: Any) -> list[Any]:
            return np.split(content, ends[:-1]) if len(ends) else []

        self.items, self.users = (
            [bytes(part).decode() for part in parts(array(f"{n}.content"), array(f"{n}.ends"))]
            for n in ("items", "users")
        )
        ends = array("similar.ends")
        self.neighbours = parts(array("similar.indices"), ends)
        self.weights = parts(array("similarity"), ends)
        self.history = parts(array("history.indices"), array("history.ends"))
        self.confidence = parts(array("confidence"), array("history.ends"))
        self.recency = array("recency")
        self.trend = array("trend")

    def scores(self, basis: dict[int, float]) -> tuple[Any, Any]:
        """Return every item's score, and what each item of the basis adds to each."""
        added = np.zeros((len(basis), len(self.items)), np.float32)
        for row, item in enumerate(sorted(basis)):
            added[row, self.neighbours[item]] = self.weights[item] * np.float32(basis[item])
        total = np.zeros(len(self.items), np.float32)
        for row in added:
            total = total + row
        return total, added


def expected(
    files: Files, basis: dict[int, float], asked: dict[str, Any]
) -> tuple[list[str], list[float]]:
    """Rank all items by sorting all of them."""
    scores: Any = files.scores(basis)[0]
    allowed = np.ones(len(files.items), bool)
    if "candidates" in asked:
        allowed[:] = False
        allowed[[files.items.index(item) for item in asked["candidates"]]] = True
    allowed[[files.items.index(item) for item in asked.get("exclude_items", [])]] = False
    if asked.get("exclude_seen", True):
        allowed[list(basis)] = False
    is_fallback = not (scores[allowed] > 0).any()
    if is_fallback:
        scores = files.trend
    order = sorted(np.flatnonzero(allowed).tolist(), key=lambda item: (-scores[item], item))
    order = [item for item in order if is_fallback or scores[item] > 0][: asked["k"]]
    return [files.items[item] for item in order], [float(scores[item]) for item in order]


def questions(files: Files, count: int) -> list[tuple[dict[int, float], dict[str, Any]]]:
    """Make up as many requests by user as by items, half of them with limits of their own."""
    random = Random(count)
    everything = range(len(files.items))
    made: list[tuple[dict[int, float], dict[str, Any]]] = []
    for number in range(2 * count):
        if number % 2:
            user = random.randrange(len(files.users))
            counts = files.confidence[user].tolist()
            basis = dict(zip(files.history[user].tolist(), counts, strict=True))
            asked: dict[str, Any] = {"user_id": files.users[user]}
        else:
            listed = random.sample(everything, random.randint(1, 12))
            basis = dict(zip(reversed(listed), files.recency.tolist(), strict=False))
            asked = {"items": [files.items[i] for i in listed]}
        asked |= {"k": random.choice([1, 10, 20, 200]), "explain": True}
        if random.random() < 0.5:
            asked["exclude_seen"] = random.random() < 0.5
            asked["exclude_items"] = [files.items[i] for i in random.sample(everything, 10)]
        if random.random() < 0.5:
            size = min(len(everything), random.choice([3, 300]))
            asked["candidates"] = [files.items[i] for i in random.sample(everything, size)]
        made.append((basis, asked))
    return made


def compare(site: Site, files: Files, count: int) -> None:
    """Ask the site and compute the answers, and what explains them."""
    places = {item: place for place, item in enumerate(files.items)}
    fallbacks = 0
    for basis, asked in questions(files, count):
        answer = site.ask("/v1/recommendations", asked)
        items, scores = expected(files, basis, asked)
        assert [item["item_id"] for item in answer["items"]] == items, json.dumps(asked)
        assert [item["score"] for item in answer["items"]] == scores
        if answer["fallback"]:
            fallbacks += 1
            continue
        _, added = files.scores(basis)
        for item in answer["items"]:
            shares = {r["item_id"]: r["share"] for r in item["because"]}
            assert sum(shares.values()) == pytest.approx(item["score"], abs=1e-5)
            for source, share in shares.items():
                if source is not None:
                    row = sorted(basis).index(places[source])
                    assert share == added[row, places[item["item_id"]]]
    assert fallbacks < count


@pytest.fixture
def trained(tmp_path: Path) -> Callable[[Path], Path]:
    """Return a function that trains a build on an export."""

    def train(export: Path) -> Path:
        target = tmp_path / "model"
        ended = run("trainer", MODELFOLDER=target, CSV_FOLDER=export, **FADING)
        assert ended.code == 0, ended.output
        return target

    return train


def attempt(model_folder: Path) -> Path:
    """Return the folder of the only attempt."""
    return next(model_folder.glob("attempt-*"))


def test_answers_are_those_of_the_files(
    trained: Callable[[Path], Path], small_export: Path, serve: Serve
) -> None:
    """Forty users and forty lists of items, with and without exclusions and candidates."""
    folder = trained(small_export)
    compare(serve(MODELFOLDER=folder, BUILDNUMBER=BUILD), Files(attempt(folder)), 40)


@pytest.mark.faults
def test_answers_are_those_of_the_files_many_times(
    trained: Callable[[Path], Path], serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five hundred of each, on real data."""
    if not DATA.exists():
        pytest.skip(f"there is no {DATA}")
    folder = trained(DATA)
    compare(serve(MODELFOLDER=folder), Files(attempt(folder)), 500)
    with capsys.disabled():
        print("\n500 users and 500 lists: every item, score and share is that of the files")
