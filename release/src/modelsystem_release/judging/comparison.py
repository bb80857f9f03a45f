"""A candidate, the champion and popularity on the same questions, as figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelsystem_release.cluster import Question, Site
from modelsystem_release.judging.interview import Interview, interview, popular_lists
from modelsystem_release.judging.lists import Catalogue, Items, overlap
from modelsystem_shared.errors import ServiceError
from modelsystem_shared.manifest import Data
from modelsystem_shared.numeric import ranking
from modelsystem_shared.numeric.arrays import Float64s
from modelsystem_shared.numeric.ranking import Estimate
from modelsystem_shared.profile import Profile

QUALITIES = ("ndcg", "recall")  # at K places
NOVELTY = "novelty"  # of K places, in bits


@dataclass(frozen=True)
class SiteFigures:
    """A site's figures.

    values: for each quality, and novelty if it can be known, the value of each question.
    coverage: the share of the candidate's items in any list; of the site's own items if the
        candidate does not tell its items.
    errors: the share of questions without a valid answer; `faults`: their kinds and numbers.
    models: how many different models answered.
    profile: of the data, None if the manifest has none.
    """

    build: str
    digest: str
    values: Mapping[str, Float64s]
    coverage: float
    errors: float
    p50_ms: float
    p99_ms: float
    faults: dict[str, int]
    models: int
    profile: Profile | None = None

    def mean(self, quality: str) -> float:
        """Return a quality's mean over questions."""
        return float(self.values[quality].mean())

    def as_json(self, rate: float) -> dict[str, object]:
        """Return the figures for a JSON file; `rate`: of the intervals."""
        return {
            "build": self.build,
            "digest": self.digest,
            **{f"{name}@20": vars(_estimate(of, rate)) for name, of in self.values.items()},
            "coverage": self.coverage,
            "errors": self.errors,
            "p50_ms": round(self.p50_ms, 3),
            "p99_ms": round(self.p99_ms, 3),
            "faults": self.faults,
            "data": self.profile["figures"] if self.profile else None,
        }


@dataclass(frozen=True)
class Comparison:
    """What the gate judges; `champion` and `overlap` are None for a first release.

    popularity: its mean of each of `SiteFigures.values`, and its coverage.
    """

    candidate: SiteFigures
    popularity: dict[str, float]
    champion: SiteFigures | None
    overlap: float | None

    def difference(self, quality: str, rate: float) -> Estimate | None:
        """Return candidate minus champion on the same questions; None if one has no values."""
        ours = self.candidate.values.get(quality)
        theirs = self.champion.values.get(quality) if self.champion else None
        return None if ours is None or theirs is None else _estimate(ours - theirs, rate)

    @property
    def wider(self) -> float | None:
        """The candidate's coverage minus the champion's; None without a champion."""
        if self.champion is None:
            return None
        return round(self.candidate.coverage - self.champion.coverage, 6)


def compare(candidate: Site, champion: Site | None, most: int) -> Comparison:
    """Ask both sites at most `most` of the candidate's questions.

    Raises:
        ServiceError: the candidate has no questions, or a site does not give its provenance.

    """
    gate = candidate.questions()
    questions = gate.questions[:most]
    if not questions:
        raise ServiceError("its model has no gate users, so there are no questions")
    catalogue = Catalogue.of(gate.popularity) if gate.popularity else None
    answered = interview(candidate, questions, "the candidate")
    data = candidate.data()
    popular = popular_lists(candidate, questions)
    by_champion = interview(champion, questions, "the champion") if champion else None
    return Comparison(
        figures(answered, questions, data, catalogue),
        _popularity(popular, questions, catalogue or Catalogue.seen_in(popular, data["items"])),
        figures(by_champion, questions, champion.data(), catalogue)
        if champion and by_champion
        else None,
        overlap(answered.lists, by_champion.lists) if by_champion else None,
    )


def figures(
    answered: Interview,
    questions: Sequence[Question],
    data: Data,
    catalogue: Catalogue | None = None,
) -> SiteFigures:
    """Return the figures of a site's answers.

    data: what its manifest says of its data.
    catalogue: the candidate's; None if the candidate does not tell it.
    """
    models = sorted(answered.models) or [("", "")]
    p50, p99 = np.quantile(answered.seconds, [0.5, 0.99]) * 1000
    catalogue = catalogue or Catalogue.seen_in(answered.lists, data["items"])
    return SiteFigures(
        *models[0],
        values=_values(answered.lists, questions, catalogue),
        coverage=catalogue.coverage(answered.lists),
        errors=answered.faults.total() / len(questions),
        p50_ms=float(p50),
        p99_ms=float(p99),
        faults=dict(answered.faults),
        models=len(models),
        profile=data.get("profile"),
    )


def _popularity(
    lists: Sequence[Items], questions: Sequence[Question], catalogue: Catalogue
) -> dict[str, float]:
    values = _values(lists, questions, catalogue)
    means = {name: float(of.mean()) for name, of in values.items()}
    return means | {"coverage": catalogue.coverage(lists)}


def _values(
    lists: Sequence[Items], questions: Sequence[Question], catalogue: Catalogue
) -> dict[str, Float64s]:
    """Return the value of each list for each quality, and its novelty if it can be known."""
    novelty = catalogue.novelty(lists)
    return qualities(lists, questions) | ({} if novelty is None else {NOVELTY: novelty})


def qualities(lists: Sequence[Items], questions: Sequence[Question]) -> dict[str, Float64s]:
    """Return for each of QUALITIES the value of each list."""
    marks = ranking.hits(lists, [question.held_out for question in questions])
    counts = np.array([len(question.held_out) for question in questions])
    return {"ndcg": ranking.ndcg(marks, counts), "recall": ranking.recall(marks, counts)}


def _estimate(values: Float64s, rate: float) -> Estimate:
    return ranking.estimate(values[:, np.newaxis], rate)[0]
