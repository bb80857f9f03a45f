"""Asks a site all questions, one after the other, and keeps its answers and their times."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_release.cluster import Answer, Question, Site
from modelsystem_shared.numeric.ranking import K

log = logging.getLogger(__name__)
WARM_UP = 20  # answers whose time does not count: the model's pages are not in memory yet
_MOST_K = 1_000
_LOG_EVERY = 5.0  # seconds
_GIVE_UP = 20  # faults in a row


@dataclass(frozen=True)
class Interview:
    """A site's answers, one for each question, in their order."""

    answers: tuple[Answer, ...]

    @property
    def lists(self) -> list[tuple[str, ...]]:
        """The recommended items for each question; empty for a fault."""
        return [answer.items for answer in self.answers]

    @property
    def seconds(self) -> list[float]:
        """The time of each answer."""
        return [answer.seconds for answer in self.answers]

    @property
    def faults(self) -> Counter[str]:
        """The number of faults of each kind."""
        return Counter(answer.fault for answer in self.answers if answer.fault)

    @property
    def models(self) -> set[tuple[str, str]]:
        """Build and digest of every model that has answered; more than one is a fault."""
        return {(answer.build, answer.digest) for answer in self.answers if not answer.fault}


def interview(site: Site, questions: Sequence[Question], name: str) -> Interview:
    """Ask a site all questions; after 20 faults in a row the remaining ones count as faults."""
    for question in questions[:WARM_UP]:
        site.recommend(question.items, K)
    answers: list[Answer] = []
    logged = time.monotonic()
    for question in questions:
        is_down = len(answers) >= _GIVE_UP and all(a.fault for a in answers[-_GIVE_UP:])
        answers.append(answers[-1] if is_down else site.recommend(question.items, K))
        if time.monotonic() - logged > _LOG_EVERY:
            logged = time.monotonic()
            log.info("asking %s: %d of %d", name, len(answers), len(questions))
    return Interview(tuple(answers))


def popular_lists(site: Site, questions: Sequence[Question]) -> list[tuple[str, ...]]:
    """Return what popularity recommends: the list for an unknown user, without the user's items."""
    longest = max((len(question.items) for question in questions), default=0)
    ids = site.recommend((), min(K + longest, _MOST_K)).items
    return [
        tuple(item for item in ids if item not in set(question.items))[:K] for question in questions
    ]
