"""Asking a site all questions, one after the other, and noting what it says and how quickly."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modelsystem_release.cluster.site import Answer, Question, Site
from modelsystem_release.judging.lists import K

log = logging.getLogger(__name__)
WARM_UP = 20  # answers whose time does not count: the model's pages are not in memory yet
_MOST_K = 1_000
_SAY_EVERY = 5.0
_GIVE_UP = 20  # faults in a row


@dataclass(frozen=True)
class Interview:
    """A site's answers, one for each question, in their order."""

    answers: tuple[Answer, ...]

    @property
    def lists(self) -> list[tuple[str, ...]]:
        """What was shown to each question; nothing where there was a fault."""
        return [answer.items for answer in self.answers]

    @property
    def seconds(self) -> list[float]:
        """How long each answer took."""
        return [answer.seconds for answer in self.answers]

    @property
    def faults(self) -> Counter[str]:
        """What went wrong, and how often."""
        return Counter(answer.fault for answer in self.answers if answer.fault)

    @property
    def models(self) -> set[tuple[str, str]]:
        """Build and digest of every model that has answered: more than one is a fault."""
        return {(answer.build, answer.digest) for answer in self.answers if not answer.fault}


def ask(site: Site, questions: Sequence[Question], name: str) -> Interview:
    """Ask a site all questions; after many faults in a row the rest counts as faults too."""
    for question in questions[:WARM_UP]:
        site.recommend(question.items, K)
    answers: list[Answer] = []
    said = time.monotonic()
    for question in questions:
        in_vain = len(answers) >= _GIVE_UP and all(one.fault for one in answers[-_GIVE_UP:])
        answers.append(answers[-1] if in_vain else site.recommend(question.items, K))
        if time.monotonic() - said > _SAY_EVERY:
            said = time.monotonic()
            log.info("asking %s: %d of %d", name, len(answers), len(questions))
    return Interview(tuple(answers))


def popular(site: Site, questions: Sequence[Question]) -> list[tuple[str, ...]]:
    """Return what popularity alone would show: the list for strangers, less what one has."""
    longest = max((len(question.items) for question in questions), default=0)
    shown = site.recommend((), min(K + longest, _MOST_K)).items
    return [
        tuple(item for item in shown if item not in set(question.items))[:K]
        for question in questions
    ]
