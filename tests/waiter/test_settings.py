"""The waiter's own rules for its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelsystem_shared.errors import SettingsError

Make = Callable[..., Any]


def test_only_the_model_folder_is_required(configure: Make, model_folder: Path) -> None:
    """Everything but MODELFOLDER has a default."""
    config = configure()
    assert config.model_folder == model_folder
    assert (config.wait_timeout, config.wait_interval) == (3600, 2)
    assert config.model_cache is None


@pytest.mark.parametrize(
    "cache", ["models/20180523.5", "models/20180523.5/inside/it", "models", "link", "link/inside"]
)
def test_cache_and_folder_are_apart(
    configure: Make, model_folder: Path, tmp_path: Path, cache: str
) -> None:
    """MODELCACHE is neither MODELFOLDER nor inside or around it, symlinks resolved."""
    (tmp_path / "link").symlink_to(model_folder)
    with pytest.raises(SettingsError, match="must not lie inside each other"):
        configure(MODELCACHE=tmp_path / cache)


def test_a_sibling_is_apart(configure: Make, model_folder: Path) -> None:
    """A cache whose name only begins like the model folder's is fine."""
    sibling = model_folder.with_name(f"{model_folder.name}0")
    assert configure(MODELCACHE=sibling).model_cache == sibling
