"""The faults of phases, as files: an error keeps its sentence and kind on its way to the driver.

A phase of the name `read` writes `read-00003.part` for number 3, or `read-00003.fault` if it fails
for a reason that an operator must read.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from modelsystem_shared.errors import AccessDeniedError, DataError, ModelSystemError, StorageError
from modelsystem_trainer.engines import parts

_KINDS = {kind.__name__: kind for kind in (DataError, AccessDeniedError, StorageError)}


def part(folder: Path, name: str, number: int) -> Path:
    """Return the path of a phase's part."""
    return folder / f"{name}-{number:05}.part"


@contextlib.contextmanager
def recorded(folder: Path, name: str, number: int) -> Iterator[None]:
    """Write down the error that ends a phase, if it has a sentence for an operator."""
    try:
        yield
    except ModelSystemError as error:
        kind = type(error).__name__
        if kind in _KINDS:
            parts.write_json(_fault(folder, name, number), {"kind": kind, "sentence": str(error)})
        raise


def first(folder: Path, name: str, numbers: Sequence[int]) -> int | None:
    """Return the lowest number that failed; a retry that succeeded has made its part."""
    failed = (
        number
        for number in sorted(numbers)
        if _fault(folder, name, number).exists() and not part(folder, name, number).exists()
    )
    return next(failed, None)


def undone_before(folder: Path, name: str, numbers: Sequence[int], failed: int) -> list[int]:
    """Return the numbers below `failed` that have no part yet."""
    return [
        number for number in numbers if number < failed and not part(folder, name, number).exists()
    ]


def error(folder: Path, name: str, number: int) -> ModelSystemError:
    """Return the error that a number ended with."""
    fault = parts.read_json(_fault(folder, name, number))
    return _KINDS[str(fault["kind"])](str(fault["sentence"]))


def _fault(folder: Path, name: str, number: int) -> Path:
    return part(folder, name, number).with_suffix(".fault")
