"""The default number of threads."""

import os
from pathlib import Path

import pytest

from modelsystem_trainer import cpus

ALL = len(os.sched_getaffinity(0))
ONE = "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "100001 100000\n"}, min(2, ALL)),
        ({"cpu.max": "90000000 100000\n"}, ALL),
        ({"cpu.max": "max 100000\n"}, ALL),
        ({ONE[0]: "50000\n", ONE[1]: "100000\n"}, 1),
        ({ONE[0]: "150000\n", ONE[1]: "100000\n"}, min(2, ALL)),
        ({ONE[0]: "-1\n", ONE[1]: "100000\n"}, ALL),
        ({"cpu.max": "what is this\n"}, ALL),
        ({}, ALL),
    ],
)
def test_the_limit_of_the_container_counts(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    """The control group's limit, rounded up, of either version, is the number of CPUs."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert cpus.available(tmp_path) == expected
