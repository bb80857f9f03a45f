"""The gate users' questions, put to the new model and to the champion.

No build has learned from gate users, so any two builds can answer the same questions: a gate user's
earlier items, in the order of time, are the history; the latest items are the answer. In the
manifest, `metrics.gate` holds

    users               their number
    model, popularity   as `metrics` describes
    champion            only with CHAMPIONFOLDER:
      build, digest     of the champion
      metrics           as of the others
      difference        for each k the mean over users of model minus champion, with an interval
                        of that difference: above 0, the new model is better, or its lists are
                        of rarer items; and the difference of the coverages

Items are matched by their ids. The champion ignores items that it does not know; an item that only
the champion knows keeps its place in a list, and is neither a hit nor covered.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from modelsystem_shared import folder
from modelsystem_shared.errors import FormatError, ModelSystemError, SettingsError
from modelsystem_shared.manifest import FORMAT, Data
from modelsystem_shared.numeric import exposure, model
from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices
from modelsystem_shared.numeric.model import Model, Rows, Strings
from modelsystem_shared.numeric.ranking import Estimate, estimate
from modelsystem_trainer.evaluation import metrics, ranking
from modelsystem_trainer.evaluation.metrics import Metrics
from modelsystem_trainer.evaluation.ranking import Lists, Recommend
from modelsystem_trainer.fit import Parameters

if TYPE_CHECKING:
    from modelsystem_shared.signing import TrustedKeys

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """The model of an earlier build, verified and mapped.

    data, parameters: what its manifest says of them.
    """

    build: str
    digest: str
    model: Model
    data: Data | None = None
    parameters: Parameters | None = None


@dataclass(frozen=True)
class Gain:
    """The new model's figures minus the champion's."""

    recall: Estimate
    ndcg: Estimate
    novelty: Estimate
    coverage: float


@dataclass(frozen=True)
class Comparison:
    """The champion's figures; see the module's docstring."""

    build: str
    digest: str
    metrics: Metrics
    difference: dict[int, Gain]


@dataclass(frozen=True)
class Gate:
    """The figures on the gate users."""

    users: int
    model: Metrics
    popularity: Metrics
    champion: Comparison | None


def load_champion(path: Path, trusted: "TrustedKeys | None" = None) -> Champion:
    """Verify and map the champion; its folder is only read.

    trusted: the keys, one of which must have signed it: a search starts from its parameters, and
        rules compare with its data. None for any or none.

    Raises:
        SettingsError: there is no complete model, it is damaged, or no trusted key has signed it.

    """
    try:
        published = folder.published(path, trusted=trusted)
        folder.verify(published)
        mapped = model.load(published.attempt)
    except FormatError as error:
        cure = f"leave CHAMPIONFOLDER out, or name a build of format {FORMAT}"
        raise SettingsError([f"CHAMPIONFOLDER: {error}; {cure}"]) from error
    except (ModelSystemError, OSError) as error:
        raise SettingsError([f"CHAMPIONFOLDER: {error}"]) from error
    manifest = published.manifest
    parameters = manifest.model.get("parameters")
    champion = Champion(
        manifest.build,
        manifest.digest,
        mapped,
        manifest.model.get("data"),
        Parameters.of(parameters) if parameters else None,
    )
    log.info("Champion: build %s, score %s", champion.build, published.marker.score)
    return champion


def measure_on_gate(ours: Model, counts: Indices, n_users: int, champion: Champion | None) -> Gate:
    """Return the figures of our model, of popularity and of the champion on our gate users.

    counts: for each item how many of the `n_users` users whom our model has learned from chose it.
    """
    questions, answers = _history(ours.questions, ours), _matrix(ours.answers, ours.n_items)
    users = np.arange(len(ours.questions))
    lengths = np.diff(questions.indptr)

    def measured(lists: Lists) -> Metrics:
        return metrics.measure(lists, counts, n_users, lengths)

    def evaluated(recommend: Recommend) -> Lists:
        return ranking.evaluate(recommend, answers, users, k=metrics.MOST_SHOWN)

    lists = evaluated(ranking.by_similarity(questions, _similarity(ours)))
    popular = evaluated(ranking.by_popularity(questions, counts))
    comparison = None
    if champion:
        theirs = ranking.compared(_shown_by(champion.model, ours), answers)
        gains = difference(lists, theirs, exposure.self_information(counts, n_users))
        comparison = Comparison(champion.build, champion.digest, measured(theirs), gains)
    return Gate(len(users), measured(lists), measured(popular), comparison)


def difference(lists: Lists, others: Lists, bits: Float64s) -> dict[int, Gain]:
    """Return the mean gains of the same users by `lists`, with paired intervals, for each k.

    bits: the self-information of each item.
    """
    gains = metrics.user_values(lists, bits) - metrics.user_values(others, bits)
    estimates = iter(estimate(gains))
    return {
        k: Gain(next(estimates), next(estimates), next(estimates), _wider(lists, others, k, bits))
        for k in metrics.KS
    }


def _wider(lists: Lists, others: Lists, k: int, bits: Float64s) -> float:
    """Return by how much the coverage of the first lists is larger, with 6 decimals."""
    return round(metrics.coverage(lists, k, bits) - metrics.coverage(others, k, bits), 6)


def _shown_by(theirs: Model, ours: Model) -> Indices:
    """Return what the champion shows for our questions, as places of our items."""
    places = _places(theirs.items, ours.items, ours.questions.indices)
    questions = _translated(ours.questions, places)
    recommend = ranking.by_similarity(_history(questions, theirs), _similarity(theirs))
    shown = ranking.recommended(recommend, np.arange(len(questions)), metrics.MOST_SHOWN)
    is_item = shown >= 0
    shown[is_item] = _places(ours.items, theirs.items, shown[is_item])
    return shown


def _places(where: Strings, of: Strings, places: Indices) -> Indices:
    """Return for places in `of` the places of the same ids in `where`, -1 if they are absent."""
    distinct, inverse = np.unique(places, return_inverse=True)
    matches = (where.find(of[int(place)]) for place in distinct)
    translated = np.array([-1 if match is None else match for match in matches], np.int64)
    return translated[inverse] if len(translated) else inverse


def _translated(rows: Rows, places: Indices) -> Rows:
    """Return rows of other items: `places`, without those below 0."""
    is_known = places >= 0
    ends = np.concatenate([[0], np.cumsum(is_known)])
    return Rows(places[is_known], ends[rows.ends])


def _history(rows: Rows, of: Model) -> sparse.csr_array:
    """Return how much listed items, the latest last, count for a model, rows × items."""
    lengths = np.diff(rows.ends, prepend=0)
    later = np.repeat(rows.ends, lengths) - 1 - np.arange(len(rows.indices))
    return _matrix(rows, of.n_items, of.recency[np.minimum(later, len(of.recency) - 1)])


def _similarity(of: Model) -> sparse.csr_array:
    return _matrix(of.similar, of.n_items, of.similarity)


def _matrix(rows: Rows, n_items: int, data: Float32s | None = None) -> sparse.csr_array:
    """Return rows × items, of ones or of `data`."""
    values = np.ones(len(rows.indices), np.float32) if data is None else data
    pointers = np.concatenate([[0], rows.ends])
    indices = rows.indices.astype(np.int32)  # SciPy takes signed ones only
    return sparse.csr_array((values, indices, pointers), shape=(len(rows), n_items))
