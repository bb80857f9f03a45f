"""Who computes a fit, where, with how much memory, and in which portions of the items.

None of it changes the result.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from modelsystem_shared.numeric.arrays import Array, Indices
from modelsystem_trainer import memory
from modelsystem_trainer.engines import Engine, Phase, Threads, parts

_COST = 50_000_000  # products of a portion: about 0.2 s


@dataclass(frozen=True)
class Resources:
    """The engine, a folder, and bytes of memory.

    folder: all workers see it; each fit makes a folder of its own in it, and removes it.
    memory: the most that the process may use, in bytes.
    """

    engine: Engine = field(default_factory=lambda: Threads(1))
    folder: Path | None = None
    memory: int = field(default_factory=memory.limit)

    @property
    def free(self) -> int:
        """The bytes that each worker may take, at least 0, after all that is free is given back."""
        memory.give_back()
        return max(self.memory - memory.in_use(), 0) // self.engine.workers

    def scratch(self) -> AbstractContextManager[Path]:
        """Make a folder that is removed at the end."""
        path = Path(tempfile.mkdtemp(prefix="modelsystem-fit-", dir=self.folder))
        return parts.removed_at_end(path)


DEFAULT = Resources()


def of_equal_cost(costs: Indices) -> Indices:
    """Return where to cut items whose costs in products are given: portions of about 0.2 s."""
    inner = np.flatnonzero(np.diff(np.cumsum(costs) // _COST)) + 1
    return np.concatenate([[0], inner, [len(costs)]]).astype(np.int64)


def of_equal_size(items: int, size: int) -> Indices:
    """Return where to cut items into portions of at most `size`."""
    number = max(-(-items // size), 1)
    return np.linspace(0, items, number + 1).astype(np.int64)


def run(
    resources: Resources, phase: Phase, folder: Path, cuts: Indices
) -> Iterator[tuple[slice, list[Array]]]:
    """Run a phase for all portions; yield each portion with its part, in order."""
    parts.save(_cuts(folder, phase), cuts)
    numbers = range(len(cuts) - 1)
    resources.engine.run(phase, folder, numbers)
    for number in numbers:
        path = _part(folder, phase, number)
        yield of(folder, phase, number), parts.read(path)
        path.unlink()


def of(folder: Path, phase: Phase, number: int) -> slice:
    """Return the items of a portion."""
    bounds = parts.mapped(_cuts(folder, phase))
    return slice(int(bounds[number]), int(bounds[number + 1]))


def write(folder: Path, phase: Phase, number: int, *arrays: Array) -> None:
    """Write the part of a portion."""
    parts.write(_part(folder, phase, number), *arrays)


def _cuts(folder: Path, phase: Phase) -> Path:
    return folder / f"{phase.__name__}.cuts.npy"


def _part(folder: Path, phase: Phase, number: int) -> Path:
    return folder / f"{phase.__name__}-{number:06}"
