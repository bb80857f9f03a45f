"""The engine of a name."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path

from modelsystem_shared.errors import SettingsError
from modelsystem_trainer.engines.contract import Engine
from modelsystem_trainer.engines.indexed import Indexed
from modelsystem_trainer.engines.processes import Processes
from modelsystem_trainer.engines.threads import Threads


def _spark(workers: int, _attempt: Path, url: str | None) -> AbstractContextManager[Engine]:
    if find_spec("pyspark") is None:
        raise SettingsError(
            [
                "ENGINE is spark, but pyspark is not installed: install modelsystem-trainer[spark]"
                ", or use the image of the Dockerfile's target spark"
            ]
        )
    from modelsystem_trainer.engines.spark import Spark  # noqa: PLC0415  # an extra

    return Spark(workers, url)


_STARTS: dict[str, Callable[[int, Path, str | None], AbstractContextManager[Engine]]] = {
    "threads": lambda workers, _attempt, _url: nullcontext(Threads(workers)),
    "processes": lambda workers, _attempt, _url: Processes(workers),
    "spark": _spark,
    "indexed": lambda workers, attempt, _url: Indexed(workers, attempt),
}
ENGINES = tuple(_STARTS)
LOCAL = ("threads", "processes")  # all workers are on this machine


def started(
    name: str, workers: int, attempt: Path, spark_url: str | None = None
) -> AbstractContextManager[Engine]:
    """Return the engine of a name, one of `ENGINES`; its workers end with the context.

    attempt: the attempt's folder, where the workers of other machines look for their work.
    spark_url: the master or the Spark Connect server; None for what the environment says.

    Raises:
        SettingsError: the engine is not installed.

    """
    return _STARTS[name](workers, attempt, spark_url)
