"""The memory of this process: a container's limit is its control group's, not the machine's."""

import ctypes
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of version 2 and of version 1
_PAGE = os.sysconf("SC_PAGE_SIZE")
_C = ctypes.CDLL(None)


def limit(cgroup: Path = _CGROUP) -> int:
    """Return the bytes that this process may use: its control group's limit, or the machine's."""
    machine = os.sysconf("SC_PHYS_PAGES") * _PAGE
    return min([machine, *(_bytes(cgroup / name) for name in _LIMITS)], key=lambda n: n or machine)


def in_use() -> int:
    """Return the bytes that this process holds; mapped files do not count: they can leave."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(pages[1]) - int(pages[2])) * _PAGE


def give_back() -> None:
    """Give the system what this process has freed: glibc keeps much of it, for each thread."""
    if trim := getattr(_C, "malloc_trim", None):  # not in other C libraries
        trim(0)


def _bytes(path: Path) -> int:
    """Return the number in a file; 0 if there is none or it means no limit."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # another system, or "max"
        return 0
