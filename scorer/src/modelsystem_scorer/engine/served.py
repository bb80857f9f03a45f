"""The one model that this process serves: verified, mapped, and never replaced."""

import logging
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic_core import to_json

from modelsystem_scorer.engine.catalogue import Catalogue
from modelsystem_scorer.engine.finder import Finder
from modelsystem_scorer.engine.listing import Listing
from modelsystem_scorer.engine.recommender import Recommender
from modelsystem_shared import files, folder, marker
from modelsystem_shared.folder import Published
from modelsystem_shared.numeric import model
from modelsystem_shared.numeric.model import Model
from modelsystem_shared.telemetry import trace

if TYPE_CHECKING:
    from modelsystem_shared.signing import TrustedKeys

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelInfo:
    """The model that answered."""

    build: str
    digest: str
    score: float


@dataclass(frozen=True)
class ServedModel:
    """A model that is ready to answer, with its provenance."""

    published: Published
    model: Model
    recommender: Recommender
    catalogue: Catalogue

    @cached_property  # a digest over all files: too slow for every answer
    def info(self) -> ModelInfo:
        """The model's identity, as answers state it."""
        marker, digest = self.published.marker, self.published.manifest.digest
        return ModelInfo(build=marker.build, digest=digest, score=float(marker.score))

    @cached_property
    def info_json(self) -> bytes:
        """The same as JSON."""
        return to_json(self.info)

    @cached_property
    def keyed_hash(self) -> "blake2b":
        """A hash, 16 bytes, that has begun with the model's identity; to be copied."""
        key = sha256(f"{self.info.build}\n{self.info.digest}".encode()).digest()
        return blake2b(key=key, digest_size=16)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The model's identity, as labels of a metric."""
        marker, manifest = self.published.marker, self.published.manifest
        return {
            "build": marker.build,
            "tenant": manifest.tenant or "",
            "digest": self.info.digest,
            "trained_at": manifest.run.get("finished", ""),
            "score": marker.score,
            "commit": manifest.run.get("commit") or "",
            "trace": self.trace,
        }

    @cached_property
    def facts(self) -> dict[str, str]:
        """The model's identity, in the line of each request."""
        build = {"build": self.info.build}
        return {**build, "model_trace": self.trace} if self.trace else build

    @cached_property
    def headers(self) -> dict[str, str]:
        """The model's identity, as headers of every answer."""
        build = self.info.build
        ascii_build = build if build.isascii() else quote(build)
        identity = {"X-Model-Build": ascii_build, "X-Model-Digest": self.info.digest}
        return {**identity, "X-Model-Trace": self.trace} if self.trace else identity

    @cached_property
    def trace(self) -> str:
        """The id of the trace in which the model was made; empty if it is not known."""
        parent = self.published.manifest.run.get("traceparent")
        return trace.trace_id(parent) if parent and trace.valid_parent(parent) else ""

    @cached_property
    def users(self) -> Finder:
        """The ids of users, to be found."""
        return Finder(self.model.users)

    @cached_property
    def items(self) -> Finder:
        """The ids of items, to be found."""
        return Finder(self.model.items)

    @cached_property
    def listing(self) -> Listing:
        """The items as JSON."""
        return Listing(self.model.items, self.model.titles)

    @property
    def has_histories(self) -> bool:
        """Whether the model knows users; without histories they are asked by their items."""
        return len(self.model.users) > 0

    @cached_property
    def has_confidence(self) -> bool:
        """Whether some items of a history count more than others."""
        return bool((self.model.confidence != 1).any())

    @cached_property
    def recency(self) -> list[float]:
        """The weight of the last of the items in a request, of the one before it, and so on."""
        weights: list[float] = self.model.recency.tolist()
        return weights

    @cached_property
    def signature(self) -> bytes | None:
        """The bundle that signs the model, or None."""
        if self.published.marker.signature_sha256 is None:
            return None
        path = self.published.attempt / marker.SIGNATURE
        with files.naming(path):
            return path.read_bytes()

    def file(self, name: str) -> Path | None:
        """Return the path of a file of the model, or None if the manifest does not list it."""
        is_listed = any(file.name == name for file in self.published.manifest.files)
        return self.published.attempt / name if is_listed else None

    def title(self, item: int) -> str | None:
        """Return an item's title, or None if the catalogue has none."""
        return self.model.titles[item] or None


def load(
    source: Path,
    build: str | None,
    trusted: "TrustedKeys | None" = None,
    tenant: str | None = None,
) -> ServedModel:
    """Verify and map the model in the folder `source`.

    build, tenant: the build that the model must be of, and its tenant or None; both None for any.
    trusted: the keys, one of which must have signed it; None for any or none.

    Raises:
        IncompleteModelError: the folder holds no complete model.
        CorruptModelError: the files are not the ones that were published.
        SettingsError: the model is of another build or tenant.
        SignatureError: no trusted key has signed it.

    """
    published = folder.published(source, build, trusted, tenant)
    log.info("Verifying and mapping %s", published.extent)
    folder.verify(published)
    mapped = model.load(published.attempt)
    recommender = Recommender(mapped)
    served = ServedModel(published, mapped, recommender, Catalogue(mapped, recommender.by_trend))
    _announce(served)
    _ = served.signature  # one of the files that no request waits for
    _ = served.has_confidence  # reads every history: here once, not once in every process
    return served


def _announce(served: ServedModel) -> None:
    facts = {
        **asdict(served.info),
        "items": served.model.n_items,
        "users": len(served.model.users),
    }
    listed = ", ".join(f"{name} {value}" for name, value in facts.items())
    log.info("Model loaded: %s", listed, extra=facts)
    if not served.has_histories:
        log.info("The model has no histories (HISTORIES=off): every user id is unknown")
