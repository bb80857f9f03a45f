"""How much memory a process may use, and uses."""

from pathlib import Path

import numpy as np
import pytest

from modelsystem_trainer import memory


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("memory.max", "3221225472\n", 3 << 30),
        ("memory/memory.limit_in_bytes", "1073741824\n", 1 << 30),
    ],
)
def test_a_control_group_limits_it(tmp_path: Path, name: str, content: str, expected: int) -> None:
    """Both versions of control groups are read."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    assert memory.limit(tmp_path) == expected


@pytest.mark.parametrize("content", ["max\n", f"{1 << 62}\n", "", "0\n"])
def test_without_a_limit_it_is_the_machines(tmp_path: Path, content: str) -> None:
    """No limit, one beyond the machine, and what cannot be read are the machine's memory."""
    machine = memory.limit(tmp_path / "nowhere")
    (tmp_path / "memory.max").write_text(content)
    assert memory.limit(tmp_path) == machine > 100 << 20


def test_what_is_in_use_grows_with_arrays() -> None:
    """An array that is filled is counted, one that is not yet is not."""
    before = memory.in_use()
    array = np.empty(64 << 20, np.uint8)
    assert memory.in_use() - before < 32 << 20
    array[:] = 1
    assert memory.in_use() - before > 60 << 20


def test_what_was_freed_is_given_back() -> None:
    """Small arrays below one that stays are free, and still in use until they are given back."""
    arrays = [np.ones(50_000, np.uint8) for _ in range(2_000)]
    before, last = memory.in_use(), arrays.pop()
    arrays.clear()
    memory.give_back()
    assert before - memory.in_use() > 80_000_000
    assert last.all()
