"""The scorer's settings: defaults, and every fault at once."""

from pathlib import Path

import pytest

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import settings
from modelsystem_shared.errors import SettingsError


def test_defaults() -> None:
    """A model folder is all that must be given."""
    chosen = settings.read(ScorerSettings, {"MODELFOLDER": "/models/1"})
    assert (chosen.host, chosen.port, chosen.workers) == ("0.0.0.0", 3000, 2)
    assert (chosen.drain_seconds, chosen.access_log, chosen.evaluation) == (0, "on", "off")
    assert chosen.build is None
    assert chosen.source == Path("/models/1")


def test_the_cache_is_the_source_when_there_is_one() -> None:
    """MODELCACHE stands in for MODELFOLDER."""
    environ = {"MODELFOLDER": "/models/1", "MODELCACHE": "/cache"}
    assert settings.read(ScorerSettings, environ).source == Path("/cache")


def test_all_faults_are_told_at_once() -> None:
    """Each one names its variable; port 0 is none."""
    environ = {"PORT": "0", "WORKERS": "many", "DRAIN_SECONDS": "-1", "LOG_FORMAT": "xml"}
    with pytest.raises(SettingsError) as caught:
        settings.read(ScorerSettings, environ)
    named = [problem.split(maxsplit=1)[0].rstrip(":") for problem in caught.value.problems]
    assert sorted(named) == ["DRAIN_SECONDS", "LOG_FORMAT", "MODELFOLDER", "PORT", "WORKERS"]
