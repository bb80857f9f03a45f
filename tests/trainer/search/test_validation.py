"""What the validation users get from parameters, computed once more with dense arrays."""

from collections.abc import Callable

import numpy as np
import pytest

from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_trainer import fit
from modelsystem_trainer.evaluation import Split
from modelsystem_trainer.evaluation import split as split_module
from modelsystem_trainer.evaluation.split import matrix
from modelsystem_trainer.fit import DEFAULT, Parameters
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.search import Validation, validation

P = Parameters(lam=5, neighbours=110)


@pytest.fixture(params=[20, 50])
def k(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let 100 users be few, or many."""
    monkeypatch.setattr(split_module, "FEW_USERS", 4_000 if request.param == 20 else 0)
    return int(request.param)


@pytest.fixture(params=["with times", "without times"])
def split(
    request: pytest.FixtureRequest,
    k: int,
    read: Callable[..., Interactions],
    clustered_rows: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Split:
    """Split 100 users with 11 items each of 120, and draw one validation part."""
    monkeypatch.setattr(validation, "MOST_DRAWS", 1)
    rows = ["user_id,item_id,timestamp", *clustered_rows(100)]
    if request.param == "without times":
        rows = [row.rpartition(",")[0] for row in rows]
    return Split(read({"clicks.csv": "\n".join(rows)}))


def scores(split: Split) -> Float64s:
    """Return users × items: the sums of the model's rows, and nothing for what a user has."""
    kept = split.table[split.train & ~split.validation]
    x = matrix(kept, split.n_users, split.n_items)
    sums = (x @ fit.fit(x, P, P.neighbours, DEFAULT)).toarray().astype(np.float64)
    sums[x.toarray() > 0] = 0
    return sums


def ndcg(ranked: list[int], held_out: set[int]) -> float:
    gain = sum(1 / np.log2(place + 2) for place, item in enumerate(ranked) if item in held_out)
    return float(gain / sum(1 / np.log2(place + 2) for place in range(len(held_out))))


def test_users_are_measured_by_the_ndcg_of_long_lists(split: Split, k: int) -> None:
    """Hits at the places 21 to 50 count if there are many users; coverage is that of 20 places."""
    held_out = split.table[split.validation].groupby("user")["item"].agg(set)
    lists = {}
    for user, of_user in enumerate(scores(split)):
        order = np.argsort(-of_user, kind="stable")
        lists[user] = [int(item) for item in order if of_user[item] > 0]
    expected = [ndcg(lists[user][:k], items) for user, items in held_out.items()]
    late = [set(lists[user][20:50]) & items for user, items in held_out.items()]
    shown = {item for user in held_out.index for item in lists[user][:20]}
    measure = Validation(split, DEFAULT)
    measured = measure(P, exactly=True)
    assert measure.k == k
    assert any(late)
    assert measured.users == pytest.approx(np.array(expected), abs=1e-6)
    assert measured.coverage == pytest.approx(len(shown) / split.n_items)
