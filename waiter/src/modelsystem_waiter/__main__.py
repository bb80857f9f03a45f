"""Hold a pod back until its build's model is complete, verified and, if wanted, copied."""

import logging
import os
import sys
import time

from modelsystem_shared import logs, program, settings
from modelsystem_waiter import pushgateway
from modelsystem_waiter.report import Report
from modelsystem_waiter.settings import Settings
from modelsystem_waiter.verdict import State, judge
from modelsystem_waiter.wake import Waker
from modelsystem_waiter.watch import look

ABOUT = """Wait for the model of a build, verify it, and copy it to MODELCACHE where that is set.

exit codes: 0 the model is there; 1 not within WAIT_TIMEOUT, or stopped; 2 settings;
3 the training failed or died; 4 the model is corrupt; 5 MODELCACHE cannot hold it."""


def main() -> None:
    """Run the waiter as a program."""
    program.answer_help("modelsystem-waiter", ABOUT, Settings)
    sys.exit(program.run(wait_for_model, on_failure=lambda _error: None))


def wait_for_model() -> None:
    """Look at the model folder until its model can be accepted, or never will be."""
    logs.configure("waiter")  # until the settings say how
    config = settings.read(Settings, os.environ)
    logs.configure("waiter", config.log_format)
    report, state = Report(config.model_folder), State(started=time.monotonic())
    with Waker(config.model_folder) as waker:
        while True:
            began = time.monotonic()
            sight = look(config)
            if sight.model:
                break
            now = time.monotonic()
            state = state.after(sight, now)
            report.tell(state, now)
            if error := judge(state, config, now):
                raise error
            # Whoever hashes a huge model in vain rests as long as that took.
            next_look = now + max(config.wait_interval, now - began)
            _rest(waker, report, min(next_look, state.started + config.wait_timeout))
    if config.pushgateway:
        pushgateway.push(config.pushgateway, sight.model)
    program.last_words(
        f"File found {config.model_folder}: build {sight.model.marker.build}, "
        f"model digest {sight.model.manifest.digest}",
        logging.INFO,
    )


def _rest(waker: Waker, report: Report, until: float) -> None:
    """Pause until then or until a file event, and go on saying that we wait."""
    while (now := time.monotonic()) < until:
        report.waiting(now)
        if waker.pause(min(until - now, report.silence_left(now))):
            return


if __name__ == "__main__":
    main()
