"""The peak memory of a process."""

from pathlib import Path


def own_peak() -> int:
    """Return this process's peak in bytes: getrusage would start from its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
