"""A folder with the input of phases."""

from pathlib import Path

import numpy as np
import pytest

from modelsystem_trainer.engines import parts


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import `phases`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with an input of 100 numbers."""
    parts.save(tmp_path / "input.npy", np.arange(100))
    return tmp_path
