"""The engine of a name."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from modelsystem_trainer.engines.contract import Engine
from modelsystem_trainer.engines.indexed import Indexed
from modelsystem_trainer.engines.processes import Processes
from modelsystem_trainer.engines.threads import Threads

_STARTS: dict[str, Callable[[int, Path], AbstractContextManager[Engine]]] = {
    "threads": lambda workers, _: nullcontext(Threads(workers)),
    "processes": lambda workers, _: Processes(workers),
    "indexed": Indexed,
}
ENGINES = tuple(_STARTS)


def started(name: str, workers: int, attempt: Path) -> AbstractContextManager[Engine]:
    """Return the engine of a name, one of `ENGINES`; its workers end with the context.

    attempt: the attempt's folder, where the workers of other machines look for their work.
    """
    return _STARTS[name](workers, attempt)
