"""The files that phases share."""

import errno
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared.errors import StoppedError, StorageError
from modelsystem_trainer.engines import parts

ARRAYS = (np.arange(5, dtype=np.int32), np.ones((3, 2), np.float32), np.zeros(0), np.array(7))


def test_a_part_has_its_arrays(tmp_path: Path) -> None:
    """Types and shapes are kept, those of empty arrays too; no other file is left."""
    parts.write(tmp_path / "part", *ARRAYS)
    loaded = parts.read(tmp_path / "part")
    for array, expected in zip(loaded, ARRAYS, strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_a_part_may_be_empty(tmp_path: Path) -> None:
    """A part without arrays is a part."""
    parts.write(tmp_path / "part")
    assert parts.read(tmp_path / "part") == []


def test_written_again_it_is_the_same(tmp_path: Path) -> None:
    """A retry gives the same bytes, in place of the first ones."""
    parts.write(tmp_path / "part", *ARRAYS)
    before = (tmp_path / "part").read_bytes()
    parts.write(tmp_path / "part", *ARRAYS)
    assert (tmp_path / "part").read_bytes() == before


@given(st.data())
def test_a_part_that_is_cut_or_changed_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Cut anywhere, or with any byte changed, it is not read."""
    path = tmp_path_factory.mktemp("parts") / "part"
    parts.write(path, *ARRAYS)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(StorageError, match="part is cut short or changed"):
        parts.read(path)


def test_a_full_volume_is_said_with_the_file(tmp_path: Path) -> None:
    """The reason of the system and the name, whichever way an array is written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for write in (parts.write, parts.save):
            with pytest.raises(OSError, match="File too large") as caught:
                write(tmp_path / "part", np.ones(1000))
            assert str(tmp_path / "part") in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    """An array that cannot be written leaves neither the part nor a temporary file."""
    with pytest.raises(ValueError, match="Object arrays"):
        parts.write(tmp_path / "part", np.arange(3), np.array([{}]))
    assert not list(tmp_path.iterdir())


def test_an_array_is_mapped(tmp_path: Path) -> None:
    """What was saved is mapped, and cannot be written to."""
    parts.save(tmp_path / "a.npy", np.arange(10))
    mapped = parts.mapped(tmp_path / "a.npy")
    np.testing.assert_array_equal(mapped, np.arange(10))
    assert not mapped.flags.writeable


def test_an_error_is_raised_whatever_becomes_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that still write can hold up the removal; the signal must not become exit code 5."""

    def is_not_empty(_: Path) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    monkeypatch.setattr(parts, "_PAUSE", 0.0)
    monkeypatch.setattr(shutil, "rmtree", is_not_empty)
    with pytest.raises(StoppedError), parts.removed_at_end(tmp_path):
        raise StoppedError("SIGTERM")
    with pytest.raises(StorageError, match="cannot be removed"), parts.removed_at_end(tmp_path):
        pass
