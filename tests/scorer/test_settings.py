"""The scorer's settings: defaults, and all faults at once."""

from pathlib import Path

import pytest

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import settings
from modelsystem_shared.errors import SettingsError


def test_defaults() -> None:
    """Only the model folder is required."""
    defaults = settings.read(ScorerSettings, {"MODELFOLDER": "/models/1"})
    assert (defaults.host, defaults.port, defaults.workers) == ("0.0.0.0", 3000, 2)
    assert (defaults.drain_seconds, defaults.access_log, defaults.evaluation) == (0, "on", "off")
    assert defaults.build is None
    assert defaults.source == Path("/models/1")


def test_the_model_is_loaded_from_the_cache_if_it_is_set() -> None:
    """MODELCACHE replaces MODELFOLDER."""
    environ = {"MODELFOLDER": "/models/1", "MODELCACHE": "/cache"}
    assert settings.read(ScorerSettings, environ).source == Path("/cache")


def test_all_faults_are_reported_at_once() -> None:
    """Each sentence names its variable; 0 is not a port."""
    environ = {"PORT": "0", "WORKERS": "many", "DRAIN_SECONDS": "-1", "LOG_FORMAT": "xml"}
    with pytest.raises(SettingsError) as caught:
        settings.read(ScorerSettings, environ)
    named = [problem.split(maxsplit=1)[0].rstrip(":") for problem in caught.value.problems]
    assert sorted(named) == ["DRAIN_SECONDS", "LOG_FORMAT", "MODELFOLDER", "PORT", "WORKERS"]
