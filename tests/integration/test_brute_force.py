"""Answers over HTTP, compared with a computation of numpy that shares no code with the scorer."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.integration.conftest import BUILD, QUICK, Serve, Site
from tests.programs import run

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "movielens-small"
# Ratings and times count, so that the items of a history have different weights.
FADING = QUICK | {"PARAMETERS": "method=cooccurrence,fade=0.5,half_life=30,history_power=1"}


class Files:
    """A model, read from its files: strings end to end, rows end to end."""

    def __init__(self, attempt: Path) -> None:
        def array(name: str) -> Any:
            return np.load(attempt / f"{name}.npy", allow_pickle=False)

        def parts(content: Any, ends: Any) -> list[Any]:
            return np.split(content, ends[:-1]) if len(ends) else []

        self.items, self.users = (
            [
                bytes(part).decode()
                for part in parts(array(f"{name}.content"), array(f"{name}.ends"))
            ]
            for name in ("items", "users")
        )
        ends = array("similar.ends")
        self.neighbours = parts(array("similar.indices"), ends)
        self.weights = parts(array("similarity"), ends)
        self.history = parts(array("history.indices"), array("history.ends"))
        self.confidence = parts(array("confidence"), array("history.ends"))
        self.recency = array("recency")
        self.trend = array("trend")

    def scores(self, basis: dict[int, float]) -> tuple[Any, Any]:
        """Return every item's score, and the share of each item of the basis in it."""
        shares = np.zeros((len(basis), len(self.items)), np.float32)
        for row, item in enumerate(sorted(basis)):
            shares[row, self.neighbours[item]] = self.weights[item] * np.float32(basis[item])
        total = np.zeros(len(self.items), np.float32)
        for row in shares:
            total = total + row
        return total, shares


def expected(
    files: Files, basis: dict[int, float], request: dict[str, Any]
) -> tuple[list[str], list[float], bool]:
    """Return the ranked items, their scores, and whether they are trending ones; sorts all."""
    scores: Any = files.scores(basis)[0]
    allowed = np.ones(len(files.items), bool)
    if "candidates" in request:
        allowed[:] = False
        allowed[[files.items.index(item) for item in request["candidates"]]] = True
    allowed[[files.items.index(item) for item in request.get("exclude_items", [])]] = False
    if request.get("exclude_seen", True):
        allowed[list(basis)] = False
    is_fallback = not any((files.weights[item] > 0).any() for item in basis)
    if is_fallback:
        scores = files.trend
    order = sorted(np.flatnonzero(allowed).tolist(), key=lambda item: (-scores[item], item))
    order = [item for item in order if is_fallback or scores[item] > 0][: request["k"]]
    ids = [files.items[item] for item in order]
    return ids, [float(scores[item]) for item in order], is_fallback


def requests(files: Files, count: int) -> list[tuple[dict[int, float], dict[str, Any]]]:
    """Return random requests with their basis, half by user and half by items, some with limits."""
    random = Random(count)
    catalogue = range(len(files.items))
    pairs: list[tuple[dict[int, float], dict[str, Any]]] = []
    for number in range(2 * count):
        if number % 2:
            user = random.randrange(len(files.users))
            confidence = files.confidence[user].tolist()
            basis = dict(zip(files.history[user].tolist(), confidence, strict=True))
            request: dict[str, Any] = {"user_id": files.users[user]}
        else:
            history = random.sample(catalogue, random.randint(1, 12))
            basis = dict(zip(reversed(history), files.recency.tolist(), strict=False))
            request = {"items": [files.items[item] for item in history]}
        request |= {"k": random.choice([1, 10, 20, 200]), "explain": True}
        if random.random() < 0.5:
            request["exclude_seen"] = random.random() < 0.5
            request["exclude_items"] = [files.items[item] for item in random.sample(catalogue, 10)]
        if random.random() < 0.5:
            size = min(len(catalogue), random.choice([3, 300]))
            request["candidates"] = [files.items[item] for item in random.sample(catalogue, size)]
        pairs.append((basis, request))
    return pairs


def compare(site: Site, files: Files, count: int) -> None:
    """Check that the site's answers and explanations are the computed ones."""
    indices = {item: index for index, item in enumerate(files.items)}
    fallbacks = 0
    for basis, request in requests(files, count):
        answer = site.ask("/v1/recommendations", request)
        items, scores, is_fallback = expected(files, basis, request)
        assert answer["fallback"] == ("popular" if is_fallback else None)
        assert [item["item_id"] for item in answer["items"]] == items, json.dumps(request)
        assert [item["score"] for item in answer["items"]] == scores
        if is_fallback:
            fallbacks += 1
            continue
        _, shares = files.scores(basis)
        for item in answer["items"]:
            reasons = {reason["item_id"]: reason["share"] for reason in item["because"]}
            assert sum(reasons.values()) == pytest.approx(item["score"], abs=1e-5)
            for source, share in reasons.items():
                if source is not None:
                    row = sorted(basis).index(indices[source])
                    assert share == shares[row, indices[item["item_id"]]]
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
    """The same with five hundred of each, on real data."""
    if not DATA.exists():
        pytest.skip(f"there is no {DATA}")
    folder = trained(DATA)
    compare(serve(MODELFOLDER=folder), Files(attempt(folder)), 500)
    with capsys.disabled():
        print("\n500 users and 500 lists: every item, score and share is that of the files")
