"""The scorer's settings."""

from dataclasses import dataclass
from pathlib import Path

from modelsystem_shared import parsers, settings
from modelsystem_shared.settings import variable


@dataclass(frozen=True)
class ScorerSettings(settings.Settings):
    """Which model to serve, and where and how to listen."""

    build: str | None = variable(
        "BUILDNUMBER", parsers.text, "the build that the model must be of; any when not set", None
    )
    model_cache: Path | None = variable(
        "MODELCACHE",
        parsers.folder,
        "a pod-local copy of the model folder, to load the model from instead",
        None,
    )
    host: str = variable("HOST", parsers.text, "the address to listen on", "0.0.0.0")  # noqa: S104  # a container's port is published by who runs it
    port: int = variable("PORT", parsers.integer(1, 65535), "the port to listen on", 3000)
    workers: int = variable("WORKERS", parsers.integer(1, 256), "processes that answer", 2)
    drain_seconds: float = variable(
        "DRAIN_SECONDS",
        parsers.number(0, 3600),
        "seconds that it goes on answering after SIGTERM, with /readyz at 503",
        0,
    )
    access_log: str = variable(
        "ACCESS_LOG", parsers.choice("on", "off"), "`on`: a line for each request", "on"
    )
    evaluation: str = variable(
        "EVALUATION_ENDPOINT",
        parsers.choice("on", "off"),
        "`on`: answer GET /v1/evaluation/questions",
        "off",
    )

    @property
    def source(self) -> Path:
        """The folder that the model is loaded from."""
        return self.model_cache or self.model_folder
