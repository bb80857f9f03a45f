"""The engine of a name."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from modelsystem_trainer.engines.contract import Engine
from modelsystem_trainer.engines.processes import Processes
from modelsystem_trainer.engines.threads import Threads

_STARTS: dict[str, Callable[[int], AbstractContextManager[Engine]]] = {
    "threads": lambda workers: nullcontext(Threads(workers)),
    "processes": Processes,
}
ENGINES = tuple(_STARTS)


def started(name: str, workers: int) -> AbstractContextManager[Engine]:
    """Return the engine of a name, one of `ENGINES`; its workers end with the context."""
    return _STARTS[name](workers)
