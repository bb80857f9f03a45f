"""Hold a pod back until its build's model is complete, verified and, with MODELCACHE, copied."""

import logging
import time

from modelsystem_shared import program
from modelsystem_shared.errors import ModelSystemError
from modelsystem_shared.folder import Published
from modelsystem_waiter import pushgateway
from modelsystem_waiter.observation import observe
from modelsystem_waiter.progress_log import ProgressLog
from modelsystem_waiter.settings import Settings
from modelsystem_waiter.verdict import State, judge
from modelsystem_waiter.wake import Waker

ABOUT = """Wait for the model of a build, verify it, and copy it to MODELCACHE if that is set.

exit codes: 0 the model is ready; 1 not ready within WAIT_TIMEOUT, or stopped; 2 settings, or a
model that is larger than MODELCACHE_LIMIT; 3 the training failed or died; 4 the model is corrupt,
or no key of TRUSTED_KEYS has signed it; 5 MODELCACHE cannot hold it."""


def main() -> None:
    """Run the waiter as a program."""
    program.main("waiter", ABOUT, Settings, run)


def run(settings: Settings) -> None:
    """Wait for the model, push its score or the failure, and say which model it is."""
    try:
        model = wait_for_model(settings)
    except ModelSystemError as error:
        pushgateway.push_failure(settings, error.exit_code)
        raise
    pushgateway.push_score(settings, model)
    program.last_words(
        f"File found {settings.model_folder}: build {model.marker.build}, "
        f"model digest {model.manifest.digest}",
        logging.INFO,
    )


def wait_for_model(settings: Settings) -> Published:
    """Observe the model folder until its model is ready.

    Raises:
        ModelSystemError: it never will be, or not in time.

    """
    progress_log, state = ProgressLog(settings.model_folder), State(started=time.monotonic())
    with Waker(settings.model_folder) as waker:
        while True:
            began = time.monotonic()
            observation = observe(settings)
            if observation.model:
                return observation.model
            now = time.monotonic()
            state = state.after(observation, now)
            progress_log.record(state, now)
            if error := judge(state, settings, now):
                raise error
            # After a failed check of a huge model the pause is as long as that check took.
            next_look = now + max(settings.wait_interval, now - began)
            _pause(waker, progress_log, min(next_look, state.started + settings.wait_timeout))


def _pause(waker: Waker, progress_log: ProgressLog, until: float) -> None:
    """Wait until then or until a file event; log every 10 s that the waiter waits."""
    while (now := time.monotonic()) < until:
        progress_log.waiting(now)
        if waker.pause(min(until - now, progress_log.seconds_to_next(now))):
            return


if __name__ == "__main__":
    main()
