"""What the waiter is told by its environment."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelsystem_shared import parsers, settings
from modelsystem_shared.settings import variable


@dataclass(frozen=True)
class Settings(settings.Settings):
    """The waiter's settings; all times are in seconds."""

    build: str | None = variable(
        "BUILDNUMBER",
        parsers.text,
        "the build to wait for; a model of another one is refused",
        None,
    )
    wait_timeout: float = variable(
        "WAIT_TIMEOUT", parsers.number(0, 2_592_000), "seconds to wait for the model", 3600
    )
    wait_interval: float = variable(
        "WAIT_INTERVAL", parsers.number(0.1, 3600), "seconds between two looks at MODELFOLDER", 2
    )
    model_cache: Path | None = variable(
        "MODELCACHE",
        parsers.folder,
        "a folder of the pod's own: the verified model is copied there and served from there",
        None,
    )
    verify_timeout: float = variable(
        "VERIFY_TIMEOUT",
        parsers.number(0, 86_400),
        "seconds a model may differ from its digests before it counts as corrupt",
        60,
    )
    stale_timeout: float = variable(
        "STALE_TIMEOUT",
        parsers.number(1, 86_400),
        "seconds without a heartbeat after which a training counts as dead",
        90,
    )
    pushgateway: str | None = variable(
        "PUSHGATEWAY_URL",
        parsers.url,
        "a Prometheus Pushgateway that is told `model_score` of the model found",
        None,
    )

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong between variables: `values` has MALFORMED where one was."""
        shared, cache = values["MODELFOLDER"], values["MODELCACHE"]
        if shared and cache and _overlap(shared, cache):
            yield f"MODELCACHE {cache} and MODELFOLDER {shared} must not lie inside each other"


def _overlap(one: Path, other: Path) -> bool:
    one, other = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return one.is_relative_to(other) or other.is_relative_to(one)
