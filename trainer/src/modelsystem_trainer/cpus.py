"""The CPUs of this process: a container's limit is a share of time, which Python does not see."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available(cgroup: Path = _CGROUP) -> int:
    """Return the number of CPUs that this process may use, rounded up, at least 1."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, math.ceil(min(allowed, _limit(cgroup))))


def _limit(cgroup: Path) -> float:
    """Return the limit of our control group in CPUs, infinite without one.

    `cpu.max` (version 2) holds quota and period in microseconds; `max` means no quota. Version 1
    has a file for each; -1 means no quota.
    """
    try:
        quota, period = _words(cgroup / "cpu.max") or [
            *_words(cgroup / "cpu/cpu.cfs_quota_us"),
            *_words(cgroup / "cpu/cpu.cfs_period_us"),
        ]
        is_limited = quota not in ("max", "-1")
        return int(quota) / int(period) if is_limited else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # another system, without control groups
        return math.inf


def _words(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").split() if path.exists() else []
