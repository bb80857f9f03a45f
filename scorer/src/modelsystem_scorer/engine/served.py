"""The one model that this process serves: verified, mapped, and never another."""

import logging
from dataclasses import asdict, dataclass
from functools import cached_property
from urllib.parse import quote

from modelsystem_scorer.api.messages import ModelInfo
from modelsystem_scorer.engine.catalogue import Catalogue
from modelsystem_scorer.engine.recommender import Recommender
from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import folder, model
from modelsystem_shared.errors import SettingsError
from modelsystem_shared.folder import Published
from modelsystem_shared.model import Model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A model that is ready to answer, and where it comes from."""

    published: Published
    model: Model
    recommender: Recommender
    catalogue: Catalogue

    @cached_property  # a digest over all files: too much for every answer
    def info(self) -> ModelInfo:
        """Which model this is, as answers tell it."""
        marker, digest = self.published.marker, self.published.manifest.digest
        return ModelInfo(build=marker.build, digest=digest, score=float(marker.score))

    @cached_property
    def facts(self) -> dict[str, str]:
        """Which model this is, as the labels of a metric tell it."""
        trained_at = str(self.published.manifest.run.get("finished", ""))
        marker = self.published.marker
        return {
            "build": marker.build,
            "digest": self.info.digest,
            "trained_at": trained_at,
            "score": marker.score,
        }

    def title(self, item: int) -> str | None:
        """Return an item's title, or None where the catalogue has none."""
        return self.model.titles[item] or None

    @cached_property
    def fades(self) -> bool:
        """Whether some items of a history count more than others."""
        return bool((self.model.confidence != 1).any())

    @cached_property
    def recency(self) -> list[float]:
        """How much the last of listed items counts, the one before it, and so on."""
        counts: list[float] = self.model.recency.tolist()
        return counts

    @cached_property
    def headers(self) -> dict[str, str]:
        """Which model this is, as the headers of every answer tell it."""
        build = self.info.build
        ascii_build = build if build.isascii() else quote(build)
        return {"X-Model-Build": ascii_build, "X-Model-Digest": self.info.digest}


def load(settings: ScorerSettings) -> Served:
    """Verify and map the model.

    Raises:
        IncompleteModelError: the folder holds no complete model.
        CorruptModelError: the model is not what was published.
        SettingsError: the model is of another build than the one asked for.

    """
    published = folder.published(settings.source)
    _check_build(published, settings)
    folder.verify(published)
    loaded = model.load(published.attempt)
    recommender = Recommender(loaded)
    served = Served(published, loaded, recommender, Catalogue(loaded, recommender.by_popularity))
    _announce(served)
    _ = served.fades  # a look at every history: once here, not once in every process
    return served


def _check_build(published: Published, settings: ScorerSettings) -> None:
    if settings.build not in (None, published.marker.build):
        raise SettingsError(
            [
                f"BUILDNUMBER is {settings.build}, "
                f"but the model in {published.folder} is of build {published.marker.build}"
            ]
        )


def _announce(served: Served) -> None:
    facts = {
        **asdict(served.info),
        "items": served.model.n_items,
        "users": len(served.model.users),
    }
    log.info("Model loaded: %s", ", ".join(f"{k} {v}" for k, v in facts.items()), extra=facts)
