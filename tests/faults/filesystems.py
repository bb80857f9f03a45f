"""Every folder that a crash can leave, by three models of a file system.

A crash cuts the operations after some prefix of them. What was not made durable by then is
undecided: each model says what it may have become, independently of the rest. If the choices are
few, their product is enumerated; otherwise all states that differ from "everything was kept" or
from "everything was lost" in at most two choices, and some hundred random ones, by a seed.
"""

import itertools
import math
import random
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.operations import Name, Operation, Recording, Sync, Tree, Write

PAGE = 4096
EXHAUSTIVE = 1024  # states of one prefix
RANDOM = 64

Choices = Sequence[Sequence[object]]  # for each fact, first what is kept, then what else it can be


@dataclass
class File:
    """A file's bytes: those that are durable, and the writes since."""

    durable: bytes = b""
    pending: list[Write] = field(default_factory=list)

    def content(self, writes: Sequence[Write] | None = None) -> bytes:
        """Return the bytes after these of the pending writes; None for all."""
        data = bytearray(self.durable)
        for write in self.pending if writes is None else writes:
            data.extend(bytes(max(0, write.offset - len(data))))
            data[write.offset : write.offset + len(write.data)] = write.data
        return bytes(data)

    def cuts(self) -> list[bytes]:
        """Return the content cut where a page that was not written back begins."""
        whole, start = self.content(), len(self.durable)
        pages = range(start - start % PAGE + PAGE, len(whole), PAGE)
        return [whole, *(whole[:size] for size in [start, *pages] if size < len(whole))]

    def cuts_anywhere(self) -> list[bytes]:
        """Also cut inside a page: early, in the middle, and before the last byte."""
        whole, start = self.content(), len(self.durable)
        sizes = {start + 1, (start + len(whole)) // 2, len(whole) - 1}
        return [*self.cuts(), *(whole[:size] for size in sorted(sizes) if size < len(whole))]

    def torn(self) -> list[bytes]:
        """Also drop single writes, and leave holes or another file's bytes for what was written."""
        whole, start = self.content(), len(self.durable)
        fresh = len(whole) - start
        if not fresh:
            return [whole]
        without = [
            self.content([w for w in self.pending if w is not write]) for write in self.pending
        ]
        hole = min(PAGE, fresh)
        return [
            *self.cuts_anywhere(),
            *without,
            whole[:start] + bytes(fresh),
            whole[:start] + bytes(hole) + whole[start + hole :],
            whole[:-hole] + bytes(hole),
            whole[:start] + random.Random(fresh).randbytes(fresh),
        ]


@dataclass
class Disk:
    """What the operations so far have done, and what of it is durable.

    names: of each path, all numbers (None: no such name) since its folder was last synced; the last
    is what a program sees. history: all that a path ever showed, for readers with stale caches.
    """

    folders: set[int]
    files: dict[int, File] = field(default_factory=dict)
    names: dict[str, list[int | None]] = field(default_factory=dict)
    history: dict[str, list[bytes | None]] = field(default_factory=dict)
    trail: list[dict[str, int]] = field(default_factory=list)  # names since the last commit

    def now(self) -> dict[str, int]:
        """Return the number that each path has now."""
        return {path: last for path, (*_, last) in self.names.items() if last is not None}

    def apply(self, operation: Operation) -> None:
        """Do one operation."""
        if isinstance(operation, Write):
            self.files[operation.file].pending.append(operation)
        elif isinstance(operation, Sync):
            self._sync(operation.node)
        else:
            self._rename(operation)
        self.remember()

    def _rename(self, operation: Name) -> None:
        if operation.removed:
            self.names[operation.removed].append(None)
        if operation.added:
            path, number = operation.added
            self.names.setdefault(path, [None]).append(number)
            if number not in self.folders:
                self.files.setdefault(number, File())
        self.trail.append(self.now())

    def _sync(self, node: int) -> None:
        if node in self.files:
            self.files[node] = File(self.files[node].content())
        else:
            (folder,) = (path for path, number in self.now().items() if number == node)
            for path in self.names:
                if _parent(path) == folder:
                    self.names[path] = self.names[path][-1:]
        self.trail = [self.now()]  # one journal: a sync commits all names before it

    def remember(self) -> None:
        """Keep what each path shows now."""
        for path, number in self.now().items():
            if number not in self.folders:
                content, seen = self.files[number].content(), self.history.setdefault(path, [])
                if not seen or seen[-1] != content:
                    seen.append(content)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "."


def started(recording: Recording) -> Disk:
    """Return the disk before the first operation: all durable."""
    numbers = {path: number for number, path in enumerate([".", *recording.before], start=1)}
    disk = Disk(recording.folders, names={path: [number] for path, number in numbers.items()})
    for path, content in recording.before.items():
        if content is not None:
            disk.files[numbers[path]] = File(content)
    disk.trail = [disk.now()]
    disk.remember()
    return disk


Model = Callable[[Disk], Iterator[Tree]]


# The models: from a disk at the moment of a crash to the trees that may be there afterwards


def ext4(disk: Disk) -> Iterator[Tree]:
    """Names are journalled in order, and a file is never longer than its data (data=ordered)."""
    for names in reversed(disk.trail or [disk.now()]):
        yield from _trees(disk, [(path, [number]) for path, number in names.items()], File.cuts)


def unordered(disk: Disk) -> Iterator[Tree]:
    """Whatever was not synced is kept or lost by itself: each name, and each write or page."""
    names = [(path, list(dict.fromkeys(reversed(seen)))) for path, seen in disk.names.items()]
    yield from _trees(disk, names, File.torn)


def smb(disk: Disk) -> Iterator[Tree]:
    """Names are the server's at once; a client that dies may not have sent its pages."""
    names = [(path, [number]) for path, number in disk.now().items()]
    yield from _trees(disk, names, File.cuts_anywhere)


def smb_stale(disk: Disk) -> Iterator[Tree]:
    """Another node sees each path as it was at any moment of the last 30 s, or cut to that size."""
    names = disk.now()
    views = [_views(disk, path, names.get(path)) for path in sorted({*names, *disk.history})]
    for picked in combinations(views):
        yield _pruned({path: content for path, content, is_seen in picked if is_seen})


View = tuple[str, bytes | None, bool]  # a path, its content, and whether the reader sees it


def _views(disk: Disk, path: str, number: int | None) -> list[View]:
    """Return what a reader may see at a path, first the truth."""
    absent: View = (path, None, False)
    if number in disk.folders:
        return [(path, None, True), absent]
    cuts = [b""] if number is None else [*disk.files[number].cuts_anywhere(), b""]
    seen: list[View] = [(path, content, True) for content in [*reversed(disk.history[path]), *cuts]]
    return list(dict.fromkeys([absent, *seen] if number is None else [*seen, absent]))


MODELS: Mapping[str, Model] = {"ext4, ordered": ext4, "unordered": unordered, "SMB": smb}


def _trees(
    disk: Disk, names: list[tuple[str, list[int | None]]], contents: Callable[[File], list[bytes]]
) -> Iterator[Tree]:
    """Yield a tree for each combination of names and of the contents of unsynced files."""
    unsynced = [number for number, file in disk.files.items() if file.pending]
    choices = [numbers for _, numbers in names]
    choices += [list(dict.fromkeys(contents(disk.files[number]))) for number in unsynced]
    for picked in combinations(choices):
        written = dict(zip(unsynced, picked[len(names) :], strict=True))
        tree = {}
        for (path, _), number in zip(names, picked, strict=False):
            if number in disk.folders:
                tree[path] = None
            elif number is not None:
                tree[path] = written[number] if number in written else disk.files[number].durable
        yield _pruned(tree)


def _pruned(tree: dict[str, bytes | None]) -> Tree:
    """Leave out what is below a folder that is not there."""
    kept: dict[str, bytes | None] = {".": None}
    for path in sorted(tree):
        if _parent(path) in kept:
            kept[path] = tree[path]
    del kept["."]
    return kept


def combinations(choices: Choices) -> Iterator[tuple]:
    """Yield combinations of one value of each: all of them, or those named above."""
    open_facts = [place for place, values in enumerate(choices) if len(values) > 1]
    if math.prod(len(choices[place]) for place in open_facts) <= EXHAUSTIVE:
        yield from itertools.product(*choices)
        return
    for base in (0, -1):
        start = [values[base] for values in choices]
        for places in itertools.chain(
            [()], itertools.combinations(open_facts, 1), itertools.combinations(open_facts, 2)
        ):
            for others in itertools.product(*(choices[place] for place in places)):
                picked = list(start)
                for place, other in zip(places, others, strict=True):
                    picked[place] = other
                yield tuple(picked)
    rng = random.Random(len(open_facts))
    for _ in range(RANDOM):
        yield tuple(rng.choice(values) for values in choices)


def states(
    recording: Recording, model: Model, prefixes: Container[int] | None = None
) -> Iterator[tuple[int, Tree]]:
    """Yield each distinct folder that a crash can leave, with the operations that were done.

    prefixes: after how many operations the crash may come; None for any number.
    """
    seen = set()
    disk = started(recording)
    for done in range(len(recording.operations) + 1):
        if done:
            disk.apply(recording.operations[done - 1])
        if prefixes is not None and done not in prefixes:
            continue
        if done == len(recording.operations):
            seen.clear()  # after the end even a folder that was right before can be a lost model
        for tree in model(disk):
            if (key := frozenset(tree.items())) not in seen:
                seen.add(key)
                yield done, tree
