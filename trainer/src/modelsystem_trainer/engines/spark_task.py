"""What a task of Spark does in an executor, and the marks by which the driver sees it.

done-17       the part of number 17 is written
failed-1f0c…  an attempt failed; another one may not
stop          a phase has failed for good: no number is begun any more
"""

import builtins
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from modelsystem_shared import errors, files
from modelsystem_shared.errors import ModelSystemError, SettingsError, StorageError
from modelsystem_trainer.engines.calls import phase_of
from modelsystem_trainer.engines.contract import Phase

_DONE, _FAILED, _STOP = "done-", "failed-", "stop"


def work(
    phase: str, folder: str, marks: str, numbers: Sequence[int], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Do the numbers at the places that a task gets; yield the places that are done."""
    function = phase_of(phase)
    for batch in batches:
        places = batch.column(0).to_pylist()
        for place in places:
            _do(function, Path(folder), Path(marks), numbers[place])
        yield pa.RecordBatch.from_pydict({"place": pa.array(places, pa.int64())})


def _do(phase: Phase, folder: Path, marks: Path, number: int) -> None:
    """Do one number and leave a mark of its end; none is begun after an error that lasts."""
    mark = marks / f"{_DONE}{number}"
    if (marks / _STOP).exists() or mark.exists():
        return
    try:
        phase(folder, number)
    except Exception as error:
        content = json.dumps({"kind": type(error).__name__, "sentence": str(error)}).encode()
        lasts = isinstance(error, ModelSystemError) and not error.retry_helps
        failure = marks / (_STOP if lasts else f"{_FAILED}{uuid.uuid4().hex}")
        _leave(failure, content)
        if not lasts:
            raise  # Spark tries again, maybe elsewhere
    else:
        _leave(mark, b"")


def _leave(mark: Path, content: bytes) -> None:
    try:
        files.write_new(mark, content)
    except FileExistsError:  # another task was first
        return


def done(marks: Path) -> set[int]:
    """Return the numbers whose parts are written."""
    names = (path.name for path in marks.iterdir())
    return {int(name.removeprefix(_DONE)) for name in names if name.startswith(_DONE)}


def check_phases(marks: Path) -> None:
    """Raise the error of a phase if no retry can help."""
    if (marks / _STOP).exists():
        raise _error(marks / _STOP)


def _error(mark: Path) -> ModelSystemError:
    failure = json.loads(mark.read_bytes())
    kind, sentence = failure["kind"], failure["sentence"]
    cls = getattr(errors, kind, None)
    if cls is SettingsError:
        return SettingsError([sentence])
    if isinstance(cls, type) and issubclass(cls, ModelSystemError):
        return cls(sentence)
    if issubclass(getattr(builtins, kind, Exception), OSError):
        return StorageError(f"storage error: {sentence}")
    return ModelSystemError(f"unexpected error: {kind}: {sentence}")


def last_failure(marks: Path) -> ModelSystemError | None:
    """Return the error of the latest attempt that failed; None if none could say so."""
    failures = sorted(marks.glob(f"{_FAILED}*"), key=lambda path: path.stat().st_mtime_ns)
    return _error(failures[-1]) if failures else None
