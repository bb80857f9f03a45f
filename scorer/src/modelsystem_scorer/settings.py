"""The scorer's settings."""

from dataclasses import dataclass
from pathlib import Path

from modelsystem_shared import parsers, settings
from modelsystem_shared.settings import variable


@dataclass(frozen=True)
class ScorerSettings(settings.ReaderSettings):
    """The model to serve, and how to serve it."""

    build: str | None = variable(
        "BUILDNUMBER", parsers.text, "the build that the model must be of; any if not set", None
    )
    model_cache: Path | None = variable(
        "MODELCACHE",
        parsers.folder,
        "a pod-local copy of the model folder; the model is loaded from it",
        None,
    )
    host: str = variable("HOST", parsers.text, "the address to listen on", "0.0.0.0")  # noqa: S104  # a container's port is published by its owner
    port: int = variable("PORT", parsers.integer(1, 65535), "the port to listen on", 3000)
    workers: int = variable(
        "WORKERS", parsers.integer(1, 256), "the number of processes that answer requests", 2
    )
    drain_seconds: float = variable(
        "DRAIN_SECONDS",
        parsers.number(0, 3600),
        "seconds to go on answering after SIGTERM, with /readyz at 503",
        0,
    )
    access_log: str = variable(
        "ACCESS_LOG", parsers.choice("on", "off"), "`on`: log a line for each request", "on"
    )
    evaluation: str = variable(
        "EVALUATION_ENDPOINT",
        parsers.choice("on", "off"),
        "`on`: serve GET /v1/evaluation/questions",
        "off",
    )

    @property
    def source(self) -> Path:
        """The folder that the model is loaded from."""
        return self.model_cache or self.model_folder
