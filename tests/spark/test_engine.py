"""Spark runs phases as the other engines do: the same parts, the same errors."""

import hashlib
from pathlib import Path

import pytest

from modelsystem_shared.errors import DataError, ModelSystemError, StorageError
from modelsystem_trainer.engines import Engine, parts, started


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each part of the folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("square-*")
    }


def test_every_number_is_done(
    spark: Engine, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The parts are those of threads, and nothing else is left in the folder."""
    import phases

    shares: list[float] = []
    assert spark.workers == 2
    spark.run(phases.square, folder, range(10), shares.append)
    spark.run(phases.square, folder, [13, 11])
    spark.run(phases.square, folder, [])
    assert shares == sorted(shares)
    assert shares[-1] == 1
    other = tmp_path_factory.mktemp("threads")
    parts.save(other / "input.npy", parts.mapped(folder / "input.npy"))
    with started("threads", 2, other) as engine:
        engine.run(phases.square, other, [*range(10), 11, 13])
    assert digests(folder) == digests(other)
    assert {path.name for path in folder.iterdir()} == {path.name for path in other.iterdir()}


def test_an_error_of_a_phase_is_raised(spark: Engine, folder: Path) -> None:
    """It keeps its class and sentence, and most of the numbers are not begun any more."""
    import phases

    with pytest.raises(DataError, match=r"^number 3 is bad$"):
        spark.run(phases.fail_at_3, folder, range(50))
    assert len(list(folder.glob("begun-*"))) < 20


def test_numbers_of_a_dead_worker_are_done_again(spark: Engine, folder: Path) -> None:
    """A local Spark gives up at the first dead worker, and is begun again."""
    import phases

    spark.run(phases.die_at_first, folder, range(8))
    assert {path.name for path in folder.glob("died-*")} == {"died-0", "died-3", "died-6"}
    assert sorted(digests(folder)) == [f"square-{number}" for number in range(8)]


def test_workers_that_always_die_are_given_up(spark: Engine, folder: Path) -> None:
    """The sentence says that it was Spark."""
    import phases

    with pytest.raises(ModelSystemError, match=r"^Spark gave the training up: "):
        spark.run(phases.die, folder, [1])


def test_a_broken_part_is_named(spark: Engine, folder: Path) -> None:
    """Tried again and again, it is an error of the storage, with the file's name."""
    import phases

    (folder / "input.npy").unlink()
    with pytest.raises(StorageError, match=r"^storage error: .*input\.npy"):
        spark.run(phases.square, folder, [1])
