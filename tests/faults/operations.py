"""The operations of a program on a folder, recorded by strace: names, bytes and syncs, in order."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.preloaded import Preloaded
from tests.programs import Ended

# All calls that change a file or a folder, or make a change durable, and those that move where a
# descriptor writes. A call that is none of KNOWN and touches the folder fails the recording.
KNOWN = "openat write fsync fdatasync rename unlink unlinkat mkdir rmdir close"
OTHERS = (
    "creat pwrite64 writev pwritev pwritev2 sendfile copy_file_range splice truncate ftruncate "
    "fallocate sync_file_range syncfs renameat renameat2 link linkat symlink symlinkat "
    "mkdirat mknod mknodat dup dup2 dup3 lseek mmap"
)
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)")
_PATH = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})+)>")


@dataclass(frozen=True)
class Name:
    """The names `removed` and `added` change at once: a creation, an unlink or a rename.

    added: the path, and the number of the file or folder that it names from now on.
    """

    removed: str | None = None
    added: tuple[str, int] | None = None


@dataclass(frozen=True)
class Write:
    """Bytes at an offset of a file, by its number."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Sync:
    """A file, or the names in a folder, by number: durable from now on."""

    node: int


Operation = Name | Write | Sync
Tree = Mapping[
    str, bytes | None
]  # content by path; None: a folder. A folder stands before its files


@dataclass
class Recording:
    """A folder's content before, and the operations in it; paths are relative to `root`.

    folders: the numbers that are folders. `names`: of each path, its number at the end.
    """

    root: Path
    before: Tree
    operations: list[Operation] = field(default_factory=list)
    folders: set[int] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)
    ended: Ended = field(default_factory=lambda: Ended(0, ""))
    _positions: dict[int, int] = field(default_factory=dict)  # by descriptor, if it writes
    _sizes: dict[int, int] = field(default_factory=dict)
    _next: int = 0

    def __post_init__(self) -> None:
        """Give numbers to what is there before."""
        self.folders.add(self._new("."))
        for path, content in self.before.items():
            number = self._new(path)
            if content is None:
                self.folders.add(number)
            else:
                self._sizes[number] = len(content)

    def _new(self, path: str) -> int:
        self._next += 1
        self.names[path] = self._next
        return self._next

    def add(self, name: str, arguments: str, result: int) -> None:
        """Add what one call did; a call that failed did nothing."""
        paths = [path for text in _PATH.findall(arguments) if (path := self._below(text[0]))]
        descriptor = _DESCRIPTOR.match(arguments)
        below = self._below(descriptor[2]) if descriptor else None
        if result < 0 or not (paths or below):
            return
        if name == "mmap":
            assert "PROT_WRITE" not in arguments or "MAP_PRIVATE" in arguments, arguments
        elif name == "lseek":
            assert descriptor
            assert "0, SEEK_CUR" in arguments or int(descriptor[1]) not in self._positions
        else:
            assert name in KNOWN.split(), f"no model of {name}({arguments[:200]})"
            getattr(self, f"_{name}")(arguments, paths, descriptor, result)

    def _below(self, text: str) -> str | None:
        path = os.path.normpath(_unhexed(text).decode(errors="surrogateescape"))
        is_below = path == str(self.root) or path.startswith(f"{self.root}/")
        return os.path.relpath(path, self.root) if is_below else None

    def _openat(self, arguments: str, paths: list[str], _: object, result: int) -> None:
        if "O_WRONLY" not in arguments and "O_RDWR" not in arguments:
            self._positions.pop(result, None)
            return
        assert "O_TRUNC" not in arguments or paths[0] not in self.names, arguments
        if paths[0] not in self.names:
            self.operations.append(Name(added=(paths[0], self._new(paths[0]))))
            self._sizes[self.names[paths[0]]] = 0
        size = self._sizes[self.names[paths[0]]]
        self._positions[result] = size if "O_APPEND" in arguments else 0

    def _write(
        self, arguments: str, paths: list[str], descriptor: re.Match[str], result: int
    ) -> None:
        path, number = self._below(descriptor[2]), int(descriptor[1])
        assert path
        text = _PATH.search(arguments)
        assert text
        assert not text[2], "strace has cut the bytes"
        data, file = _unhexed(text[1])[:result], self.names[path]
        self.operations.append(Write(file, self._positions[number], data))
        self._positions[number] += result
        self._sizes[file] = max(self._sizes[file], self._positions[number])

    def _fsync(self, _: str, __: list[str], descriptor: re.Match[str], ___: int) -> None:
        path = self._below(descriptor[2])
        assert path
        self.operations.append(Sync(self.names[path]))

    _fdatasync = _fsync

    def _close(self, _: str, __: list[str], descriptor: re.Match[str], ___: int) -> None:
        self._positions.pop(int(descriptor[1]), None)

    def _rename(self, _: str, paths: list[str], __: object, ___: int) -> None:
        old, new = paths
        number = self.names.pop(old)
        assert number not in self.folders, f"{old}: SMB may refuse to rename a folder"
        assert new not in self.names, f"{new}: SMB refuses to replace a file that is open"
        self.names[new] = number
        self.operations.append(Name(removed=old, added=(new, number)))

    def _unlink(self, _: str, paths: list[str], __: object, ___: int) -> None:
        del self.names[paths[0]]
        self.operations.append(Name(removed=paths[0]))

    _rmdir = _unlink

    def _unlinkat(
        self, arguments: str, paths: list[str], descriptor: re.Match[str] | None, result: int
    ) -> None:
        if descriptor:
            text = _PATH.search(arguments)
            assert text
            paths = [f"{self._below(descriptor[2])}/{_unhexed(text[1]).decode()}"]
        self._unlink(arguments, [os.path.normpath(paths[0])], descriptor, result)

    def _mkdir(self, _: str, paths: list[str], __: object, ___: int) -> None:
        number = self._new(paths[0])
        self.folders.add(number)
        self.operations.append(Name(added=(paths[0], number)))


def _unhexed(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def tree(root: Path) -> Tree:
    """Return what is below a folder."""
    paths = sorted(root.rglob("*"))
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in paths
    }


def calls(log: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, arguments and result of each call in strace's log, in the order of their ends."""
    begun: dict[str, str] = {}  # by thread: calls during which another thread made one
    for line in log.splitlines():
        thread, _, text = line.partition(" ")
        if "<unfinished ...>" in text:
            begun[thread] = text.replace("<unfinished ...>", "")
            continue
        if match := re.match(r" *<\.\.\. \w+ resumed>(.*)", text):
            text = begun.pop(thread) + match[1]
        if match := _CALL.match(text.strip()):
            yield match[1], match[2], -1 if match[3] == "?" else int(match[3])


def record(  # noqa: PLR0917  # one program, one folder, one tracer
    preloaded: Preloaded,
    strace: str,
    root: Path,
    program: str,
    environ: Mapping[str, str],
    options: Sequence[str] = (),
) -> Recording:
    """Run a workload under strace, and record what it does below `root`."""
    recording, log = Recording(root, tree(root)), root.with_name(f"{root.name}.strace")
    traced = ",".join(f"{KNOWN} {OTHERS}".split())
    watch = [strace, "-y", "-xx", "-s", str(1 << 26), "-e", f"trace={traced}", "-o", log, *options]
    recording.ended = preloaded.traced(program, environ, watch)
    for name, arguments, result in calls(log.read_text()):
        recording.add(name, arguments, result)
    assert sorted(tree(root)) == sorted(set(recording.names) - {"."}), "the recording is not whole"
    return recording
