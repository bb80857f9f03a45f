"""From interactions to a model: what it learns, what it must not learn, and its figures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared.errors import DataError
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.model import Model
from modelsystem_trainer import export, fit, training
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import Threads
from modelsystem_trainer.evaluation import holdout, ranking, split
from modelsystem_trainer.fit import Parameters, Resources
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.publishing import publisher
from modelsystem_trainer.reading import ReadOptions, read_export
from modelsystem_trainer.training import Plan, Trained

Read = Callable[..., Interactions]
Train = Callable[..., Trained]
Rows = Callable[..., list[str]]
MOVIELENS = Path(__file__).parents[3] / "shared" / "data" / "movielens-small"
LIKE_TOY_STORY = {
    "Toy Story 2 (1999)",
    "Bug's Life, A (1998)",
    "Monsters, Inc. (2001)",
    "Finding Nemo (2003)",
    "Shrek (2001)",
    "Lion King, The (1994)",
    "Aladdin (1992)",
}
TIMED = "user_id,item_id,timestamp"
START = 1_500_000_000  # seconds since 1970


@pytest.fixture(scope="session")
def train(read: Read) -> Train:
    """Train on rows of `user,item,time`."""

    def make(rows: list[str], parameters: Parameters | None = None, threads: int = 1) -> Trained:
        data = read({"clicks.csv": "\n".join([TIMED, *rows])})
        return training.train(
            data, Plan(20, parameters), lambda *_: None, Resources(Threads(threads))
        )

    return make


@pytest.fixture(scope="session")
def clustered(train: Train, clustered_rows: Rows) -> Trained:
    """Train once on clustered rows, parameters searched."""
    return train(clustered_rows())


@pytest.fixture(scope="session")
def movielens_export() -> Interactions:
    """Read MovieLens once."""
    if not MOVIELENS.is_dir():
        pytest.skip(f"the data set is not at {MOVIELENS}")
    return read_export(export.of_folder(MOVIELENS), ReadOptions(Columns(), None, 0))


@pytest.fixture(scope="session")
def movielens(movielens_export: Interactions) -> Trained:
    """Train once on MovieLens, with parameters that a search found."""
    searched = "a=0.25,lam=160,beta=0.25,b=0.1,c=0.05,r=0.25,fit_power=0.5,history_power=2,fade=0.5"
    plan = Plan(100, Parameters.parse(searched))
    return training.train(movielens_export, plan, lambda *_: None)


def contents(model_: Model) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.arrays(model_)}


def figures(trained: Trained) -> dict[Parameters, float]:
    """Return the validation figure of each parameters that were tried."""
    return {p: tried.measured.ndcg for p, tried in trained.search.tried.items()}


def neighbours(trained: Trained, item: str, count: int) -> list[str]:
    """Return the titles, or else the ids, of an item's first neighbours."""
    titles, items = trained.model.titles, trained.model.items
    place = items.find(item)
    assert place is not None
    near = trained.model.similar[place][:count]
    return [titles[int(neighbour)] or items[int(neighbour)] for neighbour in near]


def test_it_is_far_better_than_popularity(clustered: Trained) -> None:
    """With distinct tastes it finds them: a bar that a broken model does not reach."""
    assert clustered.metrics.ndcg > 2.5 * clustered.popularity.ndcg
    assert clustered.metrics.recall > 2.5 * clustered.popularity.recall
    assert clustered.metrics.coverage > clustered.popularity.coverage


def test_neighbours_are_of_the_same_cluster(clustered: Trained) -> None:
    """Item 40 is of the second cluster, 30 to 59, and so are its neighbours."""
    near = [int(item[1:]) // 30 for item in neighbours(clustered, "i40", 10)]
    assert near == [1] * 10


def test_parameters_are_the_best_of_those_tried(clustered: Trained) -> None:
    """The search tried several, and its best ones are the model's."""
    tried = figures(clustered)
    assert len(tried) > 1
    assert tried[clustered.parameters] > 0.97 * max(
        tried.values()
    )  # but for what is not clearly better


def test_parameters_of_the_plan_are_not_searched(train: Train, clustered_rows: Rows) -> None:
    """The model has the plan's parameters."""
    parameters = Parameters(a=0.1, lam=20, b=0.2, c=0.3, s=1.1)
    trained = train(clustered_rows(users=40), parameters)
    assert trained.parameters == replace(parameters, neighbours=20)
    assert not trained.search.tried


def test_gate_users_never_influence_the_model(
    train: Train, clustered_rows: Rows, gate_ids: list[str]
) -> None:
    """With any choices of theirs the same model is learned."""
    others = [row for row in clustered_rows() if not is_of_gate_user(row)]
    first = train([*others, *(f"{user},i{n},{START + n}" for user in gate_ids for n in range(10))])
    second = train(
        [*others, *(f"{user},i{7 * n},{START - n}" for user in gate_ids[1:] for n in range(15))]
    )
    arrays, others_arrays = contents(first.model), contents(second.model)
    differing = {name for name, content in arrays.items() if content != others_arrays[name]}
    assert {name.split(".")[0] for name in differing} == {
        "users",
        "history",
        "confidence",
        "questions",
        "answers",
    }
    assert first.parameters == second.parameters
    assert (figures(first), first.metrics) == (figures(second), second.metrics)


def is_of_gate_user(row: str) -> bool:
    return bool(holdout.gate_users([row.partition(",")[0]])[0])


def test_a_model_without_histories_is_the_same_but_for_its_users(
    read: Read, clustered_rows: Rows
) -> None:
    """HISTORIES=off: nothing of users is left, and all else has the same bytes and figures."""
    data = read({"clicks.csv": "\n".join([TIMED, *clustered_rows()])})
    plan = Plan(20, Parameters())
    whole, small = (
        training.train(data, replace(plan, histories=histories), lambda *_: None)
        for histories in (True, False)
    )
    arrays, others = contents(whole.model), contents(small.model)
    differing = {name for name, content in arrays.items() if content != others[name]}
    assert {name.split(".")[0] for name in differing} == {"users", "history", "confidence"}
    assert not any(others[name] for name in differing)
    assert (small.metrics, small.counts.tolist()) == (whole.metrics, whole.counts.tolist())


def test_gate_users_are_served_from_their_history(train: Train, gate_ids: list[str]) -> None:
    """They are users like any other; their questions are in the order of time, the latest last."""
    rows = [f"u{n},{item},{START + n}" for n in range(9) for item in "abcdef"]
    of_gate = [f"{gate_ids[0]},{item},{time}" for time, item in enumerate("fedcb", START)]
    trained = train([*rows, *of_gate, f"{gate_ids[1]},a,{START}"], Parameters())
    served = trained.model
    place = served.users.find(gate_ids[0])
    assert place is not None
    assert [served.items[int(item)] for item in served.history[place]] == list("bcdef")
    assert [served.items[int(item)] for item in served.questions[0]] == list("fedc")
    assert [served.items[int(item)] for item in served.answers[0]] == ["b"]
    assert len(served.questions) == len(served.answers) == 1
    assert trained.counts.tolist() == [9] * 6


def test_what_is_measured_was_not_learned(train: Train) -> None:
    """A held-out pair that nothing else connects cannot be recommended in the measurement."""
    rows = [f"u{n},{item}{n},{time}" for n in range(30) for time, item in enumerate("ab", START)]
    trained = train(rows, Parameters())
    assert trained.metrics.ndcg == 0
    assert trained.metrics.users == 30
    assert len(trained.model.similarity) == 60


def test_one_row_of_the_far_future_does_not_end_all_trends(
    train: Train, clustered_rows: Rows
) -> None:
    """A trend that fades counts from the newest of nearly all rows, not from the year 2099."""
    rows = [f"u{n % 300},i{(n // 400) % 20},{START + n * 20_000}" for n in range(6000)]
    trained = train([*rows, "u1,i3,2099-01-01"], Parameters())
    half_life = max(trained.half_lives, key=lambda days: trained.half_lives[days])
    assert half_life > 0
    assert (trained.model.trend > 0).sum() > 1


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_do_not_matter(
    train: Train, clustered_rows: Rows, clustered: Trained, threads: int
) -> None:
    """The whole training, search included, gives the same bytes and figures."""
    other = train(clustered_rows(), threads=threads)
    assert contents(other.model) == contents(clustered.model)
    assert (figures(other), other.metrics) == (figures(clustered), clustered.metrics)


def test_the_order_of_rows_does_not_matter(
    train: Train, clustered_rows: Rows, clustered: Trained
) -> None:
    """Rows backwards give the same bytes and figures."""
    other = train(clustered_rows()[::-1])
    assert contents(other.model) == contents(clustered.model)
    assert (figures(other), other.metrics) == (figures(clustered), clustered.metrics)


some_pairs = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1)


@hypothesis.settings(max_examples=25)  # each writes and syncs a model
@given(some_pairs, st.booleans())
def test_any_small_export_gives_a_whole_model(
    read: Read,
    gate_ids: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    pairs: set[tuple[int, int]],
    timed: bool,
) -> None:
    """One user, one item, gate users only, odd ids: the files can be mapped."""
    users = [*gate_ids[:3], "u", "\x00", "é"]
    rows = [f"{users[user]},{users[item]}{f',{START}' * timed}" for user, item in pairs]
    data = read({"a.csv": "\n".join([TIMED if timed else TIMED.removesuffix(",timestamp"), *rows])})
    trained = training.train(data, Plan(2, None), lambda *_: None)
    attempt = tmp_path_factory.mktemp("attempt")
    publisher.write_model(attempt, trained.model)
    loaded = model.load(attempt)
    assert contents(loaded) == contents(trained.model)
    assert [loaded.users[n] for n in range(len(loaded.users))] == data.users
    assert np.isfinite([trained.metrics.ndcg, trained.metrics.recall]).all()


def test_progress_reports_every_phase(read: Read, clustered_rows: Rows) -> None:
    """Phases come in their order, with shares from 0 to 1."""
    reported: list[tuple[str, float]] = []
    data = read({"a.csv": "\n".join([TIMED, *clustered_rows(users=40)])})
    training.train(data, Plan(5, None), lambda *progress: reported.append(progress))
    assert list(dict.fromkeys(phase for phase, _ in reported)) == ["search", "evaluate", "fit"]
    assert all(0 <= share <= 1 for _, share in reported)
    assert reported[-1] == ("fit", 1.0)


def test_at_most_so_many_users_are_measured(
    read: Read, clustered_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A measurement of a large export ends in time; popularity is measured on the same users."""
    data = read({"a.csv": "\n".join([TIMED, *clustered_rows(users=100)])})
    monkeypatch.setattr(ranking, "MOST_USERS", 10)
    trained = training.train(data, Plan(5, Parameters()), lambda *_: None)
    assert trained.metrics.users == trained.popularity.users == 10


def test_a_large_export_is_searched_on_a_share_of_its_users(
    train: Train, clustered_rows: Rows, clustered: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of the users find parameters that are as good; the ridge grows with the data."""
    monkeypatch.setattr(split, "SEARCHED_AT_MOST", 400 * 11 // 3)
    trained = train(clustered_rows())
    best = trained.search.chosen
    assert figures(trained) != figures(clustered)
    assert 2.9 < trained.parameters.lam / best.lam < 3.1
    assert replace(trained.parameters, lam=best.lam) == best
    assert trained.metrics.ndcg > 0.9 * clustered.metrics.ndcg


def test_neighbours_of_toy_story_are_films_for_children(movielens: Trained) -> None:
    """With the parameters that recommend best, its sequel and its kind are among the first."""
    first = neighbours(movielens, "1", 20)
    assert "Toy Story 2 (1999)" in first[:5]
    assert len(LIKE_TOY_STORY & set(first)) >= 4


def test_neighbours_by_cosine_read_right(movielens_export: Interactions) -> None:
    """With the parameters of cosine, Toy Story's sequel and its kind are among the first."""
    cosine = Parameters("cooccurrence", a=0, b=0.5, c=0.5, s=1)
    trained = training.train(movielens_export, Plan(100, cosine), lambda *_: None)
    assert len(LIKE_TOY_STORY & set(neighbours(trained, "1", 20))) >= 5


def test_movielens_is_better_than_popularity(movielens: Trained) -> None:
    """On real ratings too, by a quarter at least."""
    assert movielens.metrics.ndcg > 1.25 * movielens.popularity.ndcg
    assert movielens.metrics.users == 600


def test_a_small_catalogue_may_be_solved_as_a_whole(
    read: Read, clustered_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dense is tried if the number of neighbours is not set and items are few; the best wins."""
    data = read({"a.csv": "\n".join([TIMED, *clustered_rows(users=100)])})

    def methods(plan: Plan) -> set[str]:
        trained = training.train(data, plan, lambda *_: None)
        return {tried.method for tried in trained.search.tried}

    assert methods(Plan(None, None)) == {"ridge", "dense"}
    assert methods(Plan(20, None)) == methods(Plan(None, None, "ridge")) == {"ridge"}
    assert methods(Plan(20, None, "dense")) == {"dense"}
    monkeypatch.setattr(fit, "MOST_ITEMS_OF_DENSE", 119)
    assert methods(Plan(None, None)) == {"ridge"}


@pytest.mark.parametrize("plan", [Plan(20, None, "dense"), Plan(20, Parameters("dense"))])
def test_a_large_catalogue_is_not_solved_as_a_whole(
    read: Read, clustered_rows: Rows, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    """The sentence says what to set, in place of hours of waiting."""
    monkeypatch.setattr(fit, "MOST_ITEMS_OF_DENSE", 100)
    data = read({"a.csv": "\n".join([TIMED, *clustered_rows(users=40)])})
    with pytest.raises(DataError, match=r"dense is for at most 100 items, .* choose ridge"):
        training.train(data, plan, lambda *_: None)
