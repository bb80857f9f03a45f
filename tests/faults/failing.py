"""Calls on some paths that fail or kill, by strace's injection, in programs that are preloaded."""

import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from tests.faults.preloaded import KNOWN, Fork, Preloaded, attached
from tests.programs import Ended

from modelsystem_shared import marker, progress

NAMES = "openat,read,write,fsync,rename,mmap,mkdir,unlink,unlinkat,getdents64,close"
ERRORS = ("ENOSPC", "EIO", "EACCES", "ESTALE", "EINTR")
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
_QUOTED = re.compile(r'"(/[^"]*)"|\d+<(/[^>]*)>')


class Call(NamedTuple):
    """The `nth` call of its name on the watched paths, and the path that it is about."""

    name: str
    nth: int
    path: Path


class Failed(NamedTuple):
    """How a program ended, one of whose calls failed."""

    call: Call
    error: str
    ended: Ended


@dataclass(frozen=True)
class Tracer:
    """Runs one program under strace, which sees only calls on the given paths."""

    strace: str
    preloaded: Preloaded
    program: str
    log: Path

    def calls(self, environ: Mapping[str, str], paths: Iterable[Path]) -> list[Call]:
        """Run the program undisturbed, and list the calls of its main thread."""
        ended = self._run(environ, paths, ())
        assert ended.code == 0, ended.output
        matches = [match for line in self._lines() if (match := _CALL.match(line))]
        main, counts, listed = matches[0][1], Counter[str](), []
        for thread, name, rest in (match.groups() for match in matches):
            if thread == main and (named := _QUOTED.search(rest)):
                counts[name] += 1
                listed.append(Call(name, counts[name], Path(named[1] or named[2])))
        return listed

    def fail(
        self, environ: Mapping[str, str], paths: Iterable[Path], call: Call, error: str
    ) -> Failed | None:
        """Run the program, and let the call fail; return None if the run did without it.

        strace counts the calls of each thread.
        """
        inject = f"inject={call.name}:error={error}:when={call.nth}"
        ended = self._run(environ, paths, ("-e", inject))
        failed = [
            Failed(call._replace(path=path), error, ended) for path in _injected(self._lines())
        ]
        return next(filter(is_named, failed), failed[0] if failed else None)

    def kill(self, environ: Mapping[str, str], paths: Iterable[Path], call: Call) -> bool:
        """Kill the program as it enters the call; return False if the run did without it."""
        ended = self._run(environ, paths, ("-e", f"inject={call.name}:signal=KILL:when={call.nth}"))
        assert ended.code in (0, -signal.SIGKILL), ended.output
        return ended.code != 0

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def _run(
        self, environ: Mapping[str, str], paths: Iterable[Path], options: tuple[str, ...]
    ) -> Ended:
        watched = [word for path in paths for word in ("-P", str(path))]
        command = [self.strace, "-y", "-o", self.log, "-e", f"trace={NAMES}", *options, *watched]
        fork = self.preloaded.prepare(self.program, environ, fixed=True)
        with attached(command, fork):
            fork.go()
            if port := environ.get("PORT"):
                stop(fork, int(port))
            return fork.end()


def published(
    model_folder: Path, preloaded: Preloaded, environ_of: Callable[[Path], dict[str, str]]
) -> Path:
    """Publish a model with fixed names in a folder, and return the folder."""
    fork = preloaded.prepare("trainer", environ_of(model_folder), fixed=True)
    fork.go()
    assert fork.end().code == 0
    return model_folder


def below(model_folder: Path, known: Path) -> list[Path]:
    """Return all paths that a program may use in a model folder like `known`."""
    names = [path.relative_to(known) for path in known.rglob("*")]
    more = [f"{marker.NAME}.dead-known", f"{KNOWN}/{progress.FAILED}", f"{KNOWN}/reserve"]
    return [model_folder, *(model_folder / name for name in [*names, *more])]


def _injected(lines: Iterable[str]) -> Iterator[Path]:
    """Yield the paths of calls that failed; a call that others interrupt has two lines."""
    latest: dict[str, Path] = {}
    for line in lines:
        thread = line.split(" ", 1)[0]
        if named := _QUOTED.search(line):
            latest[thread] = Path(named[1] or named[2])
        if "(INJECTED)" in line:
            yield latest[thread]


def stop(fork: Fork, port: int) -> None:
    """Stop a scorer as soon as it is ready, or see it end by itself."""
    deadline = time.monotonic() + 60
    while Path(f"/proc/{fork.pid}").exists():
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz"):
            fork.kill(signal.SIGTERM)
            return
        assert time.monotonic() < deadline, fork.output.read_text()
        time.sleep(0.02)


def is_named(failed: Failed) -> bool:
    """Whether the last words name the file of the call that failed; one of the export by name."""
    path, words = failed.call.path, last_words(failed.ended)
    return str(path) in words or (path.suffix == ".csv" and path.name in words)


def last_words(ended: Ended) -> str:
    """Return the last line of a program's output."""
    return ended.output.splitlines()[-1]
