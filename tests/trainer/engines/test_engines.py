"""What holds for every engine: one phase, the same parts."""

import hashlib
from pathlib import Path

import pytest

from modelsystem_shared.errors import DataError, ModelSystemError
from modelsystem_trainer.engines import ENGINES, parts, started

LOCAL = [name for name in ENGINES if name != "spark"]  # which has tests of its own
with_engines = pytest.mark.parametrize("name", LOCAL)


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each part of the folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("square-*")
    }


@with_engines
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_every_number_is_done(folder: Path, name: str, workers: int) -> None:
    """Each number has its part, and the share that is done grows to 1."""
    import phases

    shares: list[float] = []
    with started(name, workers, folder) as engine:
        assert engine.workers == workers
        engine.run(phases.square, folder, range(10), shares.append)
        engine.run(phases.square, folder, range(10, 20))
    squares = [int(parts.read(folder / f"square-{number}")[0][0]) for number in range(20)]
    assert squares == [number**3 for number in range(20)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_all_engines_write_the_same_bytes(folder: Path) -> None:
    """The order of numbers and the number of workers do not matter, nor does a second time."""
    import phases

    written = []
    for name in LOCAL:
        for workers, numbers in ((1, range(12)), (3, range(11, -1, -1)), (3, range(12))):
            with started(name, workers, folder) as engine:
                engine.run(phases.square, folder, numbers)
            written.append(digests(folder))
    assert len(written[0]) == 12
    assert all(other == written[0] for other in written)


@with_engines
def test_nothing_to_do_is_done(folder: Path, name: str) -> None:
    """No number, no part, no error."""
    import phases

    with started(name, 2, folder) as engine:
        engine.run(phases.square, folder, [])
    assert not digests(folder)


@with_engines
def test_an_error_of_a_phase_is_raised(folder: Path, name: str) -> None:
    """It keeps its class and sentence, and most of the numbers are not begun any more."""
    import phases

    with started(name, 2, folder) as engine:
        with pytest.raises(DataError, match=r"^number 3 is bad$"):
            engine.run(phases.fail_at_3, folder, range(50))
        begun = len(list(folder.glob("begun-*")))
        assert begun < 20
        engine.run(phases.square, folder, range(3))
    assert len(list(folder.glob("begun-*"))) == begun
    assert len(digests(folder)) == 3


def test_numbers_of_a_dead_worker_are_done_again(folder: Path) -> None:
    """Workers that are killed while they work are replaced, and no number is lost."""
    import phases

    shares: list[float] = []
    with started("processes", 2, folder) as engine:
        engine.run(phases.die_at_first, folder, range(8), shares.append)
    assert {path.name for path in folder.glob("died-*")} == {"died-0", "died-3", "died-6"}
    assert sorted(digests(folder)) == [f"square-{number}" for number in range(8)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_workers_that_always_die_are_given_up(folder: Path) -> None:
    """The sentence says what may be the reason."""
    import phases

    with (
        started("processes", 1, folder) as engine,
        pytest.raises(ModelSystemError, match="MEMORY_LIMIT"),
    ):
        engine.run(phases.die, folder, [1])
