"""From observations of the model folder to whether the waiter goes on waiting.

Nothing here reads a disk or a clock. All times are seconds of this process's monotonic clock: an
attempt is alive while it changes, whatever the clocks of other machines say.
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

# A build that is deployed again has the failure of its last training in its folder; the new
# training gets so many seconds to appear.
GRACE = 10.0


@dataclass(frozen=True)
class Attempt:
    """The progress and the failure that one attempt at a training has written."""

    progress: Progress | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Observation:
    """The result of one check of the model folder.

    model: the complete and verified model.
    attempts: by name; None if they cannot be read.
    mismatch: why a complete model is not accepted.
    trouble: the error of the storage.
    """

    model: Published | None = None
    attempts: Mapping[str, Attempt] | None = None
    mismatch: str | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class ObservedAttempt:
    """An attempt that is unchanged since `since`; `witnessed`: this process saw the last change."""

    attempt: Attempt
    since: float
    witnessed: bool

    @property
    def failed_for_good(self) -> bool:
        """Whether the same training would fail again."""
        return self.attempt.failure is not None and not self.attempt.failure.retry_helps


@dataclass(frozen=True)
class Mismatch:
    """Why a complete model is not accepted, and since when."""

    sentence: str
    since: float


@dataclass(frozen=True)
class State:
    """What the waiter remembers between two checks."""

    started: float
    attempts: Mapping[str, ObservedAttempt] | None = None
    mismatch: Mismatch | None = None
    trouble: str | None = None

    @property
    def latest(self) -> ObservedAttempt | None:
        """The attempt that changed last; of several, one that failed for good."""
        attempts = (self.attempts or {}).values()
        return max(
            attempts, key=lambda attempt: (attempt.since, attempt.failed_for_good), default=None
        )

    def after(self, observation: Observation, now: float) -> "State":
        """Return the state after one more check."""
        mismatch = None
        if observation.mismatch:
            since = self.mismatch.since if self.mismatch else now
            mismatch = Mismatch(observation.mismatch, since)
        return State(self.started, self._observed(observation, now), mismatch, observation.trouble)

    def _observed(
        self, observation: Observation, now: float
    ) -> Mapping[str, ObservedAttempt] | None:
        known = self.attempts or {}
        if observation.attempts is None:  # no heartbeat can be read: no attempt grows stale
            return self.attempts and {
                name: replace(attempt, since=now) for name, attempt in known.items()
            }
        return {
            name: known[name]
            if name in known and known[name].attempt == attempt
            else ObservedAttempt(attempt, now, witnessed=self.attempts is not None)
            for name, attempt in observation.attempts.items()
        }


def judge(state: State, limits: Settings, now: float) -> ModelSystemError | None:
    """Return why there is nothing to wait for, or None to go on waiting."""
    if mismatch := state.mismatch:
        if (seconds := now - mismatch.since) >= limits.verify_timeout:
            return CorruptModelError(f"{mismatch.sentence}; unchanged for {seconds:.0f} s")
    elif reason := _failure(state, limits, now):
        return TrainingFailedError(reason)
    if now - state.started >= limits.wait_timeout:
        return _too_late(state, limits)
    return None


def _failure(state: State, limits: Settings, now: float) -> str | None:
    """Return why no attempt will publish a model, or None while one may."""
    latest, attempts = state.latest, (state.attempts or {}).values()
    if latest is None or any(_is_alive(attempt, limits, now) for attempt in attempts):
        return None
    for_good = [attempt for attempt in attempts if attempt.failed_for_good and attempt.witnessed]
    if for_good:
        return _reason(state, max(for_good, key=lambda attempt: attempt.since), now)
    patience = GRACE if latest.failed_for_good else limits.stale_timeout
    return _reason(state, latest, now) if now - latest.since >= patience else None


def _is_alive(observed: ObservedAttempt, limits: Settings, now: float) -> bool:
    return observed.attempt.failure is None and now - observed.since < limits.stale_timeout


def _reason(state: State, observed: ObservedAttempt, now: float) -> str:
    silence = now - observed.since
    failure, progress = observed.attempt.failure, observed.attempt.progress
    if failure is None:
        last = f"last progress {progress}" if progress else "no progress was written"
        cause = f"; {state.trouble}" if state.trouble else ""
        return f"the training died: no heartbeat for {silence:.0f} s, {last}{cause}"
    if failure.retry_helps:
        return f"the training failed, and no retry came for {silence:.0f} s: {failure.reason}"
    return f"the training failed: {failure.reason}"


def _too_late(state: State, limits: Settings) -> ModelSystemError:
    attempts = (state.attempts or {}).values()
    all_failed = all(attempt.failed_for_good for attempt in attempts)
    if state.latest and not state.mismatch and all_failed:
        return TrainingFailedError(_reason(state, state.latest, state.latest.since))
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
        return f"the last progress of the training was {attempt.progress}"
    return "a training has started, and has not written any progress"
