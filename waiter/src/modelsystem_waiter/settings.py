"""The waiter's settings."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelsystem_shared import parsers, settings
from modelsystem_shared.settings import Values, variable


@dataclass(frozen=True)
class Settings(settings.ReaderSettings):
    """The waiter's settings; all times are in seconds."""

    build: str | None = variable(
        "BUILDNUMBER",
        parsers.text,
        "the build to wait for; a model of another build is refused",
        None,
    )
    wait_timeout: float = variable(
        "WAIT_TIMEOUT", parsers.number(0, 2_592_000), "seconds to wait for the model", 3600
    )
    wait_interval: float = variable(
        "WAIT_INTERVAL", parsers.number(0.1, 3600), "seconds between two checks of MODELFOLDER", 2
    )
    model_cache: Path | None = variable(
        "MODELCACHE",
        parsers.folder,
        "a folder of this pod: the waiter copies the verified model there, and the scorer "
        "loads it from there",
        None,
    )
    cache_limit: int | None = variable(
        "MODELCACHE_LIMIT",
        parsers.quantity,
        "bytes that MODELCACHE may hold, such as 512Mi or 1G; a larger model is refused before it "
        "is copied",
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
        "the URL of a Prometheus Pushgateway; the waiter pushes `model_score` and its exit code",
        None,
    )
    namespace: str | None = variable(
        "NAMESPACE",
        parsers.text,
        "the namespace of the build in its cluster, a label of what the waiter pushes",
        None,
    )

    @classmethod
    def contradictions(cls, values: Values) -> Iterator[str]:
        """Yield contradictions between variables; a malformed variable's value is MALFORMED."""
        shared, cache = values["MODELFOLDER"], values["MODELCACHE"]
        if shared and cache and _overlap(shared, cache):
            yield f"MODELCACHE {cache} and MODELFOLDER {shared} must not lie inside each other"


def _overlap(first: Path, second: Path) -> bool:
    first, second = Path(os.path.realpath(first)), Path(os.path.realpath(second))
    return first.is_relative_to(second) or second.is_relative_to(first)
