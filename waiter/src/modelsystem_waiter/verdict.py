"""From what was seen of the model folder to whether there is still something to wait for.

Nothing here reads a disk or a clock. All times are seconds of this process's monotonic
clock: an attempt lives as long as we see it change, whatever any other machine's clock says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelsystem_shared.errors import (
    CorruptModelError,
    DeadlineError,
    ModelSystemError,
    TrainingFailedError,
)
from modelsystem_shared.folder import Published
from modelsystem_shared.progress import Failure, Progress
from modelsystem_waiter.settings import Settings

# A build that is deployed again finds the failure of its last training, and gives the new
# one so many seconds to show itself.
GRACE = 10.0


@dataclass(frozen=True)
class Attempt:
    """What one attempt at a training says of itself."""

    progress: Progress | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Sight:
    """What one look at the model folder found.

    model: the complete and verified model.
    attempts: by name; None when they could not be read.
    mismatch: why a complete model was not accepted.
    trouble: what the storage said instead of answering.
    """

    model: Published | None = None
    attempts: Mapping[str, Attempt] | None = None
    mismatch: str | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class Sighting:
    """An attempt as it has looked `since` then; `witnessed`: it came to look so under our eyes."""

    attempt: Attempt
    since: float
    witnessed: bool

    @property
    def failed_for_good(self) -> bool:
        """Whether the same training would fail again."""
        return self.attempt.failure is not None and not self.attempt.failure.retry_helps


@dataclass(frozen=True)
class Mismatch:
    """Why a complete model is not accepted, and since when none has been."""

    sentence: str
    since: float


@dataclass(frozen=True)
class State:
    """All that the waiter remembers from one look to the next."""

    started: float
    attempts: Mapping[str, Sighting] | None = None
    mismatch: Mismatch | None = None
    trouble: str | None = None

    @property
    def latest(self) -> Sighting | None:
        """The attempt that changed last; of several, one that failed for good."""
        seen = (self.attempts or {}).values()
        return max(seen, key=lambda one: (one.since, one.failed_for_good), default=None)

    def after(self, sight: Sight, now: float) -> "State":
        """Return what is known after one more look."""
        mismatch = None
        if sight.mismatch:
            since = self.mismatch.since if self.mismatch else now
            mismatch = Mismatch(sight.mismatch, since)
        return State(self.started, self._sightings(sight, now), mismatch, sight.trouble)

    def _sightings(self, sight: Sight, now: float) -> Mapping[str, Sighting] | None:
        known = self.attempts or {}
        if sight.attempts is None:  # nobody's heartbeat can be seen: nobody grows stale
            return self.attempts and {k: replace(one, since=now) for k, one in known.items()}
        return {
            name: known[name]
            if name in known and known[name].attempt == attempt
            else Sighting(attempt, now, witnessed=self.attempts is not None)
            for name, attempt in sight.attempts.items()
        }


def judge(state: State, limits: Settings, now: float) -> ModelSystemError | None:
    """Return why there is nothing to wait for any more, or None to wait on."""
    if wrong := state.mismatch:
        if (lasted := now - wrong.since) >= limits.verify_timeout:
            return CorruptModelError(f"{wrong.sentence}; no better for {lasted:.0f} s")
    elif reason := _failure(state, limits, now):
        return TrainingFailedError(reason)
    if now - state.started >= limits.wait_timeout:
        return _too_late(state, limits)
    return None


def _failure(state: State, limits: Settings, now: float) -> str | None:
    """Return why no attempt will publish a model, or None while one may."""
    latest, seen = state.latest, (state.attempts or {}).values()
    if latest is None or any(_lives(one, limits, now) for one in seen):
        return None
    for_good = [one for one in seen if one.failed_for_good and one.witnessed]
    if for_good:
        return _obituary(max(for_good, key=lambda one: one.since), now)
    patience = GRACE if latest.failed_for_good else limits.stale_timeout
    return _obituary(latest, now) if now - latest.since >= patience else None


def _lives(one: Sighting, limits: Settings, now: float) -> bool:
    return one.attempt.failure is None and now - one.since < limits.stale_timeout


def _obituary(one: Sighting, now: float) -> str:
    silence, failure, progress = now - one.since, one.attempt.failure, one.attempt.progress
    if failure is None:
        last = f"last in phase {progress}" if progress else "and it had not said anything yet"
        return f"the training died: no heartbeat for {silence:.0f} s, {last}"
    if failure.retry_helps:
        return f"the training failed and was not tried again for {silence:.0f} s: {failure.reason}"
    return f"the training failed: {failure.reason}"


def _too_late(state: State, limits: Settings) -> ModelSystemError:
    seen = (state.attempts or {}).values()
    if state.latest and not state.mismatch and all(one.failed_for_good for one in seen):
        return TrainingFailedError(_obituary(state.latest, state.latest.since))
    return DeadlineError(
        f"no complete model in {limits.model_folder} within {limits.wait_timeout:g} s "
        f"(WAIT_TIMEOUT): {_last_known(state)}"
    )


def _last_known(state: State) -> str:
    if state.mismatch:
        return state.mismatch.sentence
    if state.trouble:
        return state.trouble
    if state.latest is None:
        return "no training has started there"
    attempt = state.latest.attempt
    if attempt.failure:
        return f"the training failed: {attempt.failure.reason}"
    if attempt.progress:
        return f"the training was last in phase {attempt.progress}"
    return "a training has started, but it has not said anything yet"
