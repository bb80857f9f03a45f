"""The gate users' questions, asked of the model that is published and of the one before it.

No build has learned from gate users, so any two can be asked the same: their earlier items,
listed in the order of time, are the history, and their latest ones what must be found. In
the manifest, `metrics.gate` holds

    users               how many were asked
    model, popularity   as `metrics` describes
    champion            only with CHAMPIONFOLDER:
      build, digest     which model that is
      metrics           as of the others
      difference        for each k the mean of model minus champion over the same users, with
                        an interval of that difference: above 0, this model is better

Items are known by their ids. What the champion does not know it cannot use; what only it
knows takes its place in a list, and is neither a hit nor one of this build's items.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from modelsystem_shared import folder, model
from modelsystem_shared.arrays import Indices
from modelsystem_shared.errors import ModelSystemError, SettingsError
from modelsystem_shared.model import Model, Rows, Strings
from modelsystem_trainer.evaluation import metrics, ranking
from modelsystem_trainer.evaluation.metrics import Estimate, Metrics
from modelsystem_trainer.evaluation.ranking import Lists, Places, Recommend

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """The model to compare with, verified and mapped."""

    build: str
    digest: str
    model: Model


@dataclass(frozen=True)
class Compared:
    """What the champion is worth; see the module's docstring."""

    build: str
    digest: str
    metrics: Metrics
    difference: dict[int, dict[str, Estimate]]


@dataclass(frozen=True)
class Gate:
    """What the gate users' questions came to."""

    users: int
    model: Metrics
    popularity: Metrics
    champion: Compared | None


def load(path: Path) -> Champion:
    """Verify and map the champion; nothing is ever written there.

    Raises:
        SettingsError: there is no complete and sound model.

    """
    try:
        found = folder.published(path)
        folder.verify(found)
        champion = Champion(found.manifest.build, found.manifest.digest, model.load(found.attempt))
    except (ModelSystemError, OSError) as error:
        raise SettingsError([f"CHAMPIONFOLDER: {error}"]) from error
    log.info("Champion: build %s, score %s", champion.build, found.marker.score)
    return champion


def ask(ours: Model, counts: Indices, champion: Champion | None) -> Gate:
    """Ask our model's questions of it, of popularity, and of the champion if there is one.

    counts: for each item the users who chose it.
    """
    questions, answers = _history(ours.questions, ours), _matrix(ours.answers, ours.n_items)
    users = np.arange(len(ours.questions))
    lengths = np.diff(questions.indptr)

    def measured(lists: Lists) -> Metrics:
        return metrics.measure(lists, counts, len(ours.users), lengths)

    def asked(recommend: Recommend) -> Lists:
        return ranking.evaluate(recommend, answers, users, k=metrics.MOST_SHOWN)

    lists = asked(ranking.by_similarity(questions, _similarity(ours)))
    popular = asked(ranking.by_popularity(questions, counts))
    compared = None
    if champion:
        theirs = ranking.compared(_shown_by(champion.model, ours), answers)
        compared = Compared(
            champion.build, champion.digest, measured(theirs), difference(lists, theirs)
        )
    return Gate(len(users), measured(lists), measured(popular), compared)


def difference(lists: Lists, others: Lists) -> dict[int, dict[str, Estimate]]:
    """Return the means of what the same users gain by `lists`, with paired intervals."""
    gains = [
        gain
        for k in metrics.KS
        for gain in (
            lists.user_recall(k) - others.user_recall(k),
            lists.user_ndcg(k) - others.user_ndcg(k),
        )
    ]
    estimates = iter(metrics.estimate(np.stack(gains, axis=1)))
    return {k: {"recall": next(estimates), "ndcg": next(estimates)} for k in metrics.KS}


def _shown_by(theirs: Model, ours: Model) -> Places:
    """Return what the champion shows to who has the items of our questions, as our places."""
    asked = _translated(ours.questions, _places(theirs.items, ours.items, ours.questions.indices))
    recommend = ranking.by_similarity(_history(asked, theirs), _similarity(theirs))
    shown = ranking.ask(recommend, np.arange(len(asked)), metrics.MOST_SHOWN)
    is_item = shown >= 0
    shown[is_item] = _places(ours.items, theirs.items, shown[is_item])
    return shown


def _places(where: Strings, of: Strings, wanted: Places) -> Places:
    """Return for each of some places in `of` the same id's place in `where`, or -1."""
    distinct, inverse = np.unique(wanted, return_inverse=True)
    found = (where.find(of[int(place)]) for place in distinct)
    places = np.array([-1 if place is None else place for place in found], np.int64)
    return places[inverse] if len(places) else inverse


def _translated(rows: Rows, places: Places) -> Rows:
    """Give rows other items, and drop those whose place is below 0."""
    kept = np.concatenate([[0], np.cumsum(places >= 0)])
    return Rows(places[places >= 0], kept[rows.ends])


def _history(rows: Rows, of: Model) -> sparse.csr_array:
    """Return what items count for who lists them, the latest last, to a model."""
    lengths = np.diff(rows.ends, prepend=0)
    later = np.repeat(rows.ends, lengths) - 1 - np.arange(len(rows.indices))
    return _matrix(rows, of.n_items, of.recency[np.minimum(later, len(of.recency) - 1)])


def _similarity(of: Model) -> sparse.csr_array:
    return _matrix(of.similar, of.n_items, of.similarity)


def _matrix(
    rows: Rows, n_items: int, data: npt.NDArray[np.float32] | None = None
) -> sparse.csr_array:
    """Return rows × items, of ones or of `data`."""
    values = np.ones(len(rows.indices), np.float32) if data is None else data
    pointers = np.concatenate([[0], rows.ends])
    indices = rows.indices.astype(np.int32)  # signed, as SciPy demands
    return sparse.csr_array((values, indices, pointers), shape=(len(rows), n_items))
