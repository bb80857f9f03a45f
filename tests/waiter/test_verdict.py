"""When there is nothing to wait for any more; times are made up, nothing sleeps."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from modelsystem_shared import settings
from modelsystem_shared.errors import CorruptModelError, DeadlineError, TrainingFailedError
from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.settings import Settings
from modelsystem_waiter.verdict import GRACE, Attempt, Observation, State, judge

LIMITS = settings.read(Settings, {"MODELFOLDER": "/models/7", "WAIT_TIMEOUT": "1000"})
STALE, VERIFY = LIMITS.stale_timeout, LIMITS.verify_timeout

FRESH = Attempt()
FOR_GOOD = Attempt(failure=Failure("line 7 is bad", retry_helps=False, exit_code=3))
RETRYABLE = Attempt(failure=Failure("no storage", retry_helps=True, exit_code=5))
NOTHING = Observation(attempts={})
BLIND = Observation(trouble="the share does not answer")
CORRUPT = Observation(attempts={}, mismatch="items.npy is wrong")

Verdict = Callable[..., Any]


def beating(beat: int, phase: str = "fit") -> Attempt:
    return Attempt(Progress(phase, 0.5, beat))


def seen(**attempts: Attempt) -> Observation:
    return Observation(attempts=attempts)


def verdict(story: Mapping[float, Observation], now: float | None = None) -> Any:
    """Judge what was seen at those times, at the last of them or at `now`."""
    state = State(started=min(story))
    for at, observation in sorted(story.items()):
        state = state.after(observation, at)
    return judge(state, LIMITS, max(story) if now is None else now)


def test_nothing_yet() -> None:
    """A folder without any attempt is waited for until the deadline, and no longer."""
    assert verdict({0: NOTHING, 999: NOTHING}) is None
    late = verdict({0: NOTHING, 1000: NOTHING})
    assert isinstance(late, DeadlineError)
    assert "WAIT_TIMEOUT" in str(late)
    assert "/models/7" in str(late)
    assert "no training has started" in str(late)


def test_a_heartbeat_is_a_change() -> None:
    """An attempt lives for STALE_TIMEOUT after each change of its progress."""
    assert (
        verdict({0: seen(a=beating(1)), 80: seen(a=beating(2)), 80 + STALE - 1: seen(a=beating(2))})
        is None
    )
    dead = verdict({0: seen(a=beating(1)), 80: seen(a=beating(2)), 80 + STALE: seen(a=beating(2))})
    assert isinstance(dead, TrainingFailedError)
    assert str(dead) == "the training died: no heartbeat for 90 s, last progress fit: 50 %"
    full = Observation(attempts={"a": beating(1)}, trouble="no space is left")
    assert str(verdict({0: full, STALE: full})).endswith("fit: 50 %; no space is left")


def test_an_attempt_that_says_nothing() -> None:
    """An attempt with neither progress nor failure lives from first observation."""
    assert verdict({0: NOTHING, 50: seen(a=FRESH), 50 + STALE - 1: seen(a=FRESH)}) is None
    dead = verdict({0: NOTHING, 50: seen(a=FRESH), 50 + STALE: seen(a=FRESH)})
    assert "no progress was written" in str(dead)


@pytest.mark.parametrize("before", [NOTHING, seen(a=beating(1))])
def test_a_witnessed_failure(before: Observation) -> None:
    """A failure for good that happens while we watch ends the wait at once."""
    failed = verdict({0: before, 2: seen(a=FOR_GOOD)})
    assert isinstance(failed, TrainingFailedError)
    assert str(failed) == "the training failed: line 7 is bad"


def test_the_last_failure_is_the_reason() -> None:
    """Of several witnessed failures for good, the last is reported."""
    other = Attempt(failure=Failure("the key is wrong", retry_helps=False, exit_code=3))
    story = {0: NOTHING, 2: seen(a=FOR_GOOD, b=FRESH), 4: seen(a=FOR_GOOD, b=other)}
    assert str(verdict(story)) == "the training failed: the key is wrong"


def test_failures_of_both_kinds_from_before() -> None:
    """A failure for good from before is the reason, though a retryable one lies beside it."""
    old = seen(a=RETRYABLE, b=FOR_GOOD)
    assert str(verdict({0: old, GRACE: old})) == "the training failed: line 7 is bad"


def test_a_failure_from_before() -> None:
    """A failure for good that was there when we came leaves a new training time to start."""
    old = seen(a=FOR_GOOD)
    assert verdict({0: old, GRACE - 1: old}) is None
    assert isinstance(verdict({0: old, GRACE: old}), TrainingFailedError)


def test_a_new_training_beside_an_old_failure() -> None:
    """Once a new attempt shows itself, the old failure counts for nothing."""
    story = {0: seen(a=FOR_GOOD), 5: seen(a=FOR_GOOD, b=FRESH), 60: seen(a=FOR_GOOD, b=beating(1))}
    assert verdict(story) is None
    assert verdict(story | {70: seen(a=FOR_GOOD, b=RETRYABLE)}) is None
    assert "died" in str(verdict(story, now=60 + STALE))


def test_a_retryable_failure() -> None:
    """After a retryable failure the next attempt is given STALE_TIMEOUT to start."""
    failed = seen(a=RETRYABLE)
    assert verdict({0: NOTHING, 20: failed, 20 + STALE - 1: failed}) is None
    given_up = verdict({0: NOTHING, 20: failed, 20 + STALE: failed})
    assert isinstance(given_up, TrainingFailedError)
    assert "no storage" in str(given_up)


def test_a_retry() -> None:
    """A retry that lives is waited for, however long ago the failure was."""
    story = {0: seen(a=RETRYABLE)} | {
        t: seen(a=RETRYABLE, b=beating(t)) for t in range(50, 900, 50)
    }
    assert verdict(story) is None


def test_a_failure_beside_a_live_attempt() -> None:
    """Of two trainings at once, one that fails does not end the wait for the other."""
    story = {0: seen(a=beating(1), b=beating(1)), 10: seen(a=FOR_GOOD, b=beating(2))}
    assert verdict(story) is None
    assert str(verdict(story, now=10 + STALE)) == "the training failed: line 7 is bad"


def test_a_share_that_does_not_answer() -> None:
    """No attempt grows stale while no heartbeat can be read."""
    outage = {float(t): BLIND for t in range(20, 400, 20)}
    assert verdict({0: seen(a=beating(1))} | outage) is None
    assert verdict({0: seen(a=beating(1))} | outage | {400: seen(a=beating(1))}) is None
    assert "died" in str(verdict({0: seen(a=beating(1))} | outage, now=380 + STALE))


def test_blind_at_first() -> None:
    """What the first successful look shows was there before us."""
    old = seen(a=FOR_GOOD)
    assert verdict({0: BLIND, 30: old}) is None
    assert isinstance(verdict({0: BLIND, 30: old, 30 + GRACE: old}), TrainingFailedError)


def test_a_lasting_mismatch() -> None:
    """A mismatch counts as corruption after VERIFY_TIMEOUT, whatever sentence it has by then."""
    other = Observation(attempts={}, mismatch="users.npy is wrong")
    assert verdict({5: CORRUPT, 5 + VERIFY - 1: other}) is None
    corrupt = verdict({5: CORRUPT, 40: other, 5 + VERIFY: other})
    assert isinstance(corrupt, CorruptModelError)
    assert str(corrupt) == "users.npy is wrong; unchanged for 60 s"


@pytest.mark.parametrize("between", [NOTHING, BLIND])
def test_an_interrupted_mismatch(between: Observation) -> None:
    """A mismatch that was not seen in between starts to count anew."""
    assert verdict({0: CORRUPT, 30: between, 40: CORRUPT, 40 + VERIFY - 1: CORRUPT}) is None


def test_a_complete_model_outranks_failures() -> None:
    """While a complete model is being verified, no attempt's state matters."""
    both = Observation(attempts={"a": FOR_GOOD}, mismatch="items.npy is wrong")
    assert verdict({0: NOTHING, 10: both, 10 + VERIFY - 1: both}) is None


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        (CORRUPT, "items.npy is wrong"),
        (BLIND, "the share does not answer"),
        (seen(a=FRESH), "has not written any progress"),
        (seen(a=beating(1)), "fit: 50 %"),
        (seen(a=RETRYABLE), "no storage"),
    ],
)
def test_the_deadline_tells_what_was_known(observation: Observation, words: str) -> None:
    """At the deadline the last that was known is part of the sentence."""
    late = verdict({0: NOTHING, 990: observation}, now=1000)
    assert isinstance(late, DeadlineError)
    assert words in str(late)


def test_the_deadline_after_failures() -> None:
    """At the deadline, attempts that all failed for good are the reason."""
    story = {999: seen(a=FOR_GOOD)}
    assert isinstance(verdict({0: BLIND} | story, now=1000), TrainingFailedError)
    mixed = {0: BLIND, 999: seen(a=FOR_GOOD, b=RETRYABLE)}
    assert isinstance(verdict(mixed, now=1000), DeadlineError)


attempts = st.sampled_from([FRESH, FOR_GOOD, RETRYABLE, beating(1), beating(2), beating(3)])
observations = st.one_of(
    st.just(BLIND),
    st.just(CORRUPT),
    st.dictionaries(st.sampled_from("abc"), attempts).map(
        lambda by_name: Observation(attempts=by_name)
    ),
)
unhurried = effort(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
stories = st.dictionaries(st.integers(0, 1100), observations, min_size=1)


@unhurried
@given(stories, st.integers(-1_000_000, 1_000_000))
def test_no_clock_but_its_own(story: dict[int, Observation], offset: int) -> None:
    """Only differences of times count: where the clock stands changes no verdict."""
    shifted = {at + offset: observation for at, observation in story.items()}
    assert repr(verdict(story)) == repr(verdict(shifted))


@unhurried
@given(stories)
def test_names_have_no_order(story: dict[int, Observation]) -> None:
    """Attempts under other names, in another order, lead to the same verdict."""
    other = dict(zip("abc", "cab", strict=True))
    renamed = {
        at: Observation(
            attempts=observation.attempts
            and {other[k]: v for k, v in reversed(observation.attempts.items())},
            mismatch=observation.mismatch,
            trouble=observation.trouble,
        )
        for at, observation in story.items()
    }
    assert type(verdict(story)) is type(verdict(renamed))


@unhurried
@given(stories, st.integers(0, int(STALE) - 1))
def test_the_living_are_waited_for(story: dict[int, Observation], later: int) -> None:
    """Whatever happened before, a heart that beat just now is waited for until the deadline."""
    last = max(story) + 1
    now = last + later
    alive = verdict({0: NOTHING} | story | {last: seen(a=beating(99))}, now)
    assert alive is None if now < LIMITS.wait_timeout else isinstance(alive, DeadlineError)
