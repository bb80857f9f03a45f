"""The engine of a Spark cluster: one task for each number, by the DataFrame API alone.

There is no RDD, no shuffle, no broadcast and no code for the JVM, so it also works over Spark
Connect and on Databricks. What tasks share is the folder, which all executors must see under the
same path; there they also leave marks of what they did (`spark_task`). Spark does the numbers of a
lost executor again; what it gives up, a local master at the first error, is begun again here.
"""

import logging
import os
import re
import signal
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType

import pyarrow as pa
from pyspark.sql import SparkSession

from modelsystem_shared.errors import ModelSystemError
from modelsystem_trainer.engines import parts, spark_task
from modelsystem_trainer.engines.calls import phase_name
from modelsystem_trainer.engines.contract import OnShare, Phase

log = logging.getLogger(__name__)
MOST_FAILURES = 3  # of jobs one after the other, and no number was done in between
_POLL = 0.5
_LAST = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception)): (.+)$", re.MULTILINE)
_PLACES = "place long"


class Spark:
    """Runs phases as jobs of a Spark session, which ends with the context if it began there."""

    def __init__(self, workers: int, url: str | None) -> None:
        """Connect to nothing yet; see `session`."""
        self.workers = workers
        self._url = url
        self._session: SparkSession | None = None
        self._is_ours = False

    def __enter__(self) -> "Spark":
        begun = time.monotonic()
        self._is_ours = SparkSession.getActiveSession() is None
        self._session = session(self.workers, self._url)
        log.info("Spark %s, after %.0f s", self._session.version, time.monotonic() - begun)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session and self._is_ours:
            self._session.stop()

    def run(
        self,
        phase: Phase,
        folder: Path,
        numbers: Sequence[int],
        on_share: OnShare = lambda _: None,
    ) -> None:
        """Call `phase` for each number; see `Engine`."""
        if not numbers:
            return
        marks = folder / f"spark-{uuid.uuid4().hex}"
        marks.mkdir()
        try:
            self._finish(phase, folder, marks, numbers, on_share)
        finally:
            parts.remove(marks)

    def _finish(
        self, phase: Phase, folder: Path, marks: Path, numbers: Sequence[int], on_share: OnShare
    ) -> None:
        left, failures = list(numbers), 0
        while left:
            job = self._job(phase, folder, marks, left)
            while not _has_ended(job):
                on_share(len(spark_task.done(marks)) / len(numbers))
            spark_task.check_phases(marks)
            if (error := job.exception()) is None:
                break
            done = spark_task.done(marks)
            undone = [number for number in left if number not in done]
            failures = failures + 1 if undone == left else 1
            if failures == MOST_FAILURES:
                raise _given_up(marks, error) from error
            log.warning(
                "Spark gave %s parts up, they are begun again: %s", len(undone), _last(error)
            )
            left = undone
        on_share(1.0)

    def _job(self, phase: Phase, folder: Path, marks: Path, numbers: list[int]) -> "Future[object]":
        """Begin a job with a task for each number, on a thread: signals find this one awake."""
        assert self._session
        name, folder_name, marks_name = phase_name(phase), str(folder), str(marks)

        def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return spark_task.work(name, folder_name, marks_name, numbers, batches)

        # It concerns frames of pandas, of which there are none here.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        count = len(numbers)
        frame = self._session.range(0, count, 1, count).mapInArrow(task, _PLACES)
        return _in_thread(frame.collect)


def session(workers: int, url: str | None) -> SparkSession:
    """Return the session that exists, that of `url` or of spark-submit, else a local one.

    url: `sc://…` of a Spark Connect server, or a master; None for what the environment says.
    """
    builder = SparkSession.builder.appName("modelsystem-trainer")
    if url and url.startswith("sc://"):
        builder = builder.remote(url)
    elif url or not _is_submitted():
        builder = builder.master(url or f"local[{workers}]")
        if not url or url.startswith("local"):  # only this machine may connect to it
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else it is the PATH's
            builder = builder.config("spark.driver.host", "127.0.0.1")
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
            builder = builder.config("spark.ui.enabled", "false")
    handler = signal.getsignal(signal.SIGINT)
    made = builder.getOrCreate()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)  # pyspark has put its own in place
    return made


def _is_submitted() -> bool:
    """Whether spark-submit or Databricks started this process, and has decided on a master."""
    return SparkSession.getActiveSession() is not None or "PYSPARK_GATEWAY_PORT" in os.environ


def _in_thread(function: Callable[[], object]) -> "Future[object]":
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except Exception as error:  # the caller's to judge
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _has_ended(job: "Future[object]") -> bool:
    try:
        job.exception(_POLL)
    except TimeoutError:
        return False
    return True


def _given_up(marks: Path, error: BaseException) -> ModelSystemError:
    """Return the error of a phase that failed again and again, or that of Spark."""
    spark = ModelSystemError(f"Spark gave the training up: {_last(error)}")
    return spark_task.last_failure(marks) or spark


def _last(error: BaseException) -> str:
    """Return the last error that Spark's long text names; its first line if it names none."""
    text = str(error).strip()
    named = _LAST.findall(text)
    return ": ".join(named[-1]) if named else text.partition("\n")[0]
