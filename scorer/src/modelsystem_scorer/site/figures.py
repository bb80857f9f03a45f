"""The figures of the model's evaluation, as a table for the front page."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelsystem_shared.manifest import Evaluation, Interval, Metrics


@dataclass(frozen=True)
class Figure:
    """A mean over users and its 95 % interval, as text."""

    mean: str
    interval: str


@dataclass(frozen=True)
class Figures:
    """A row of figures for each metric, with a column for each recommender.

    champion: the champion's build, if it has a column.
    """

    users: str
    recommenders: list[str]
    rows: list[tuple[str, list[Figure]]]
    champion: str | None = None


def figures(evaluation: Evaluation) -> Figures:
    """Return Recall@k and NDCG@k of the model, of popularity and, if there is one, the champion.

    Beside a champion the figures are those of the gate users: neither build has learned from them.
    """
    gate = evaluation["gate"]
    if "champion" in gate:
        champion = gate["champion"]
        columns = {
            "Model": gate["model"],
            "Champion": champion["metrics"],
            "Popularity": gate["popularity"],
        }
        return _table(f"{gate['users']:,} gate users", columns, champion["build"])
    columns = {"Model": evaluation["model"], "Popularity": evaluation["popularity"]}
    return _table(f"{evaluation['model']['users']:,} users", columns)


def _table(users: str, columns: Mapping[str, Metrics], champion: str | None = None) -> Figures:
    lengths = sorted(columns["Model"]["at"], key=int)
    at = [metrics["at"] for metrics in columns.values()]
    recall = [(f"Recall@{k}", [_figure(of[k]["recall"]) for of in at]) for k in lengths]
    ndcg = [(f"NDCG@{k}", [_figure(of[k]["ndcg"]) for of in at]) for k in lengths]
    return Figures(users, list(columns), recall + ndcg, champion)


def _figure(interval: Interval) -> Figure:
    return Figure(f"{interval['mean']:.3f}", f"{interval['low']:.3f}–{interval['high']:.3f}")
