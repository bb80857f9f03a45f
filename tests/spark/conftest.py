"""A Spark of this machine, whose workers import the phases of the engines' tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from modelsystem_trainer.engines import Engine, parts, started

PHASES = Path(__file__).parents[1] / "trainer" / "engines"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start Spark with two workers, once for all tests: its start takes longer than they do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PHASES))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(PHASES), os.environ.get("PYTHONPATH", "")]))
        with started("spark", 2, tmp_path_factory.mktemp("attempt")) as engine:
            yield engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with an input of 100 numbers."""
    parts.save(tmp_path / "input.npy", np.arange(100))
    return tmp_path
