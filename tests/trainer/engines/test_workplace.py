"""Errors and progress of phases, whichever engine runs them."""

import threading
from pathlib import Path

import pytest

from modelsystem_shared.errors import AccessDeniedError, DataError, ModelSystemError, StoppedError
from modelsystem_trainer.engines import Threads, Workplace, faults, note, on_this_machine, parts

_RESTING = threading.Event()


def fail_beyond_2(folder: Path, number: int) -> None:
    """Fail at number 3 and above, the higher numbers at once."""
    with faults.recorded(folder, "work", number):
        if number == 3:
            _RESTING.wait(0.2)
        if number >= 3:
            raise AccessDeniedError(f"number {number} is refused")
        parts.write_json(faults.part(folder, "work", number), {})


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_error_is_that_of_the_lowest_number(tmp_path: Path, workers: int) -> None:
    """Of several failures the one that a serial run meets; all numbers below it are done."""
    place = Workplace(Threads(workers), tmp_path)
    with pytest.raises(AccessDeniedError, match=r"^number 3 is refused$"):
        place.run(fail_beyond_2, "work", [7, 6, 5, 4, 3, 2, 1, 0])
    assert all(faults.part(tmp_path, "work", number).exists() for number in range(3))


class StoppedEngine:
    """An engine whose run SIGTERM ends."""

    workers = 1
    runs = 0

    def run(self, *_: object) -> None:
        """End at once."""
        self.runs += 1
        raise StoppedError("stopped by SIGTERM")


def test_a_stop_waits_for_no_other_number(tmp_path: Path) -> None:
    """Whatever has failed before, no number below it is begun any more."""
    parts.write_json(faults.part(tmp_path, "work", 9).with_suffix(".fault"), {})
    engine = StoppedEngine()
    with pytest.raises(StoppedError):
        Workplace(engine, tmp_path).run(fail_beyond_2, "work", range(10))
    assert engine.runs == 1


def test_a_retry_that_succeeds_is_no_fault(tmp_path: Path) -> None:
    """The fault of the first try does not count once the part is there."""
    with pytest.raises(DataError), faults.recorded(tmp_path, "work", 0):
        raise DataError("the first try")
    assert faults.first(tmp_path, "work", [0]) == 0
    parts.write_json(faults.part(tmp_path, "work", 0), {})
    assert faults.first(tmp_path, "work", [0]) is None


def test_an_error_without_a_record_is_raised_as_it_is(tmp_path: Path) -> None:
    """A fault of the program is not hidden."""

    def phase(_folder: Path, _number: int) -> None:
        raise ModelSystemError("unexpected")

    with pytest.raises(ModelSystemError, match="unexpected"):
        Workplace(Threads(2), tmp_path).run(phase, "work", range(3))


def test_shares_are_of_what_workers_note() -> None:
    """A number that is half done counts half, and a share never falls."""

    def phase(folder: Path, number: int) -> None:
        note(folder, "work", number, 10)
        parts.write_json(faults.part(folder, "work", number), {})

    shares: list[float] = []
    with on_this_machine() as place:
        note(place.folder, "work", 1, 5)
        place.run(phase, "work", range(2), shares.append, [10, 10])
    assert shares[-1] == 1.0
    assert shares == sorted(set(shares) & {0.75, 1.0})  # one look may see both of them done
