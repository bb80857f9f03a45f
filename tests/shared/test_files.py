"""Files are written once and whole."""

import hashlib
import mmap
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from modelsystem_shared import files


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """Let no file grow beyond some bytes: what a full disk does to a write, for real."""

    @contextmanager
    def limit(most: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


def test_a_new_file_holds_its_content(tmp_path: Path) -> None:
    """What is written is there."""
    files.write_new(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


def test_a_file_is_written_in_parts(tmp_path: Path) -> None:
    """The parts follow each other, whatever they are made of."""
    files.write_new(tmp_path / "a", b"head", memoryview(bytearray(b"array")), b"")
    assert (tmp_path / "a").read_bytes() == b"headarray"


@pytest.mark.faults
def test_a_file_beyond_2_gib_is_whole(tmp_path: Path) -> None:
    """One call of the system writes less than 2 GiB: the rest follows."""
    size = (2 << 30) + 4097
    with mmap.mmap(-1, size) as content:  # zeros that take no memory
        content[-1:] = b"x"
        files.write_new(tmp_path / "a", memoryview(content).toreadonly())
    with (tmp_path / "a").open("rb") as written:
        written.seek(-2, os.SEEK_END)
        assert (written.read(), written.tell()) == (b"\0x", size)
    (tmp_path / "a").unlink()


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """The first writer's bytes stand."""
    files.write_new(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"


@pytest.mark.parametrize("room", [0, 3])
def test_a_disk_without_room_leaves_no_file(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]], room: int
) -> None:
    """Whether nothing or a part could be written, no file stays behind."""
    with full_disk(room), pytest.raises(OSError, match="File too large"):
        files.write_new(tmp_path / "a", b"content")
    assert list(tmp_path.iterdir()) == []


def test_lines_are_appended(tmp_path: Path) -> None:
    """The first line makes the file, the next ones follow it."""
    files.append(tmp_path / "a", b"1\n")
    files.append(tmp_path / "a", b"2\n")
    assert (tmp_path / "a").read_bytes() == b"1\n2\n"


@pytest.mark.parametrize("size", [0, 1, files.CHUNK, files.CHUNK + 1])
def test_a_copy_has_the_digest_of_its_bytes(tmp_path: Path, size: int) -> None:
    """The digest is that of what was written, at any size."""
    content = b"x" * size
    (tmp_path / "a").write_bytes(content)
    digest = files.copy_hashed(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content
    assert digest == files.sha256(tmp_path / "b") == hashlib.sha256(content).hexdigest()


def test_a_copy_never_replaces_a_file(tmp_path: Path) -> None:
    """A file that another process may hold open stays as it is."""
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode())
    with pytest.raises(FileExistsError):
        files.copy_hashed(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"


def test_reading_is_bounded(tmp_path: Path) -> None:
    """A huge file in a small one's place does not fill the memory."""
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read_bounded(tmp_path / "a", 3) == b"123"
    assert files.read_bounded(tmp_path / "a", 9) == b"12345"


def test_a_folder_can_be_synced(tmp_path: Path) -> None:
    """Syncing a folder raises nothing and leaves it as it was."""
    files.sync_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made(tmp_path: Path) -> None:
    """All that are missing on the way are made; one that is there stays as it is."""
    files.make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "kept").touch()
    files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "kept").is_file()


def test_a_folder_that_cannot_be_synced_is_named(tmp_path: Path) -> None:
    """Only the refusals of file systems that sync no folder are passed over."""
    with pytest.raises(FileNotFoundError, match="missing"):
        files.sync_folder(tmp_path / "missing")


def test_an_error_of_a_descriptor_names_its_file(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    """The kernel's error knows no path; the operator needs one."""
    with full_disk(0):
        for write in (files.write_new, files.append):
            with pytest.raises(OSError, match="File too large") as raised:
                write(tmp_path / "a", b"content")
            assert raised.value.filename == str(tmp_path / "a")
