"""`manifest.json`: what a model consists of, what made it, and how good it is.

The `model` part is the same for the same data, settings and code; the `run` part is about the one
training that wrote it. Each has a type below, which holds when the file is read, too. A model may
lack all that is `NotRequired`: a reader looks whether it is there.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from modelsystem_shared import typed
from modelsystem_shared.errors import CorruptModelError, FormatError
from modelsystem_shared.profile import Profile

NAME = "manifest.json"
REPORT = "report.html"
PLOTS = {  # a drawing in SVG and its caption, in the order of a page; a model lists those it has
    "plot_recall.svg": "Recall at k",
    "plot_ndcg.svg": "NDCG at k",
    "plot_champion.svg": "NDCG at k on the gate users, beside the champion",
    "plot_history.svg": "NDCG@20 by length of history",
    "plot_tail.svg": "Share of items shown to anyone, by tenths from the most popular to the least",
    "plot_users.svg": "Users by number of items",
    "plot_items.svg": "Items by number of users",
    "plot_days.svg": "Interactions by day",
    "plot_search.svg": "The search: NDCG on its validation users, try by try",
}
FORMAT = 2
MOST_BYTES = 16 << 20
_FILE_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ListedFile(TypedDict):
    """A file of the model: its plain name, size in bytes, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


class DataFile(TypedDict):
    """A file of the export, by its path below the export's folder; `etag` of a blob only."""

    name: str
    bytes: int
    sha256: str
    etag: str | None


class HistoryBand(TypedDict):
    """How many users have `first` to `last` items (null: or more)."""

    first: int
    last: int | None
    users: int


class Data(TypedDict):
    """What was read: from where, which files, and how many rows of each kind."""

    location: str
    files: list[DataFile]
    rows: int
    rows_rejected: int
    rows_of_other_tenants: int
    users: int
    items: int
    interactions: int
    history_lengths: list[HistoryBand]
    profile: NotRequired[Profile]


class Interval(TypedDict):
    """A mean over users and its 95 % interval."""

    mean: float
    low: float
    high: float


class Figures(TypedDict):
    """How good lists of one length are; the trainer's `metrics` defines each figure."""

    recall: Interval
    ndcg: Interval
    novelty: Interval
    coverage: float


class Band(TypedDict):
    """The figures of users with `first` to `last` earlier items (null: or more)."""

    first: int
    last: int | None
    users: int
    at: dict[str, Figures]


class Metrics(TypedDict):
    """All figures of one recommender on some users; `at`: by the length of a list."""

    users: int
    at: dict[str, Figures]
    by_history: list[Band]
    tail: list[float]


class Gain(TypedDict):
    """The model's figures minus the champion's for the same users."""

    recall: Interval
    ndcg: Interval
    novelty: NotRequired[Interval]
    coverage: NotRequired[float]


class ChampionMetrics(TypedDict):
    """The champion's figures on this build's gate users."""

    build: str
    digest: str
    metrics: Metrics
    difference: dict[str, Gain]


class GateMetrics(TypedDict):
    """The gate users' figures, on the model that is published."""

    users: int
    model: Metrics
    popularity: Metrics
    champion: NotRequired[ChampionMetrics]


class Evaluation(TypedDict):
    """All figures of the model."""

    model: Metrics
    popularity: Metrics
    gate: GateMetrics


class TriedHalfLife(TypedDict):
    """A half-life in days (0: none) and the NDCG@20 of what it calls trending."""

    half_life: float
    ndcg: float


class SearchStart(TypedDict):
    """Where a search began; `champion`: the digest of the model whose parameters they are."""

    name: str
    parameters: dict[str, float | str]
    champion: NotRequired[str]


class Searched(TypedDict):
    """How a search went; `chosen` and `runner_up` are places in `search`.

    fits, tries: their numbers.
    work, most_work: what they cost and might, in estimated seconds of a core.
    k: the length of the lists whose NDCG was compared.
    difference: NDCG@k of the chosen parameters minus that of the best ones of another fit, on
        the same users of the validation part.
    """

    starts: list[SearchStart]
    fits: int
    work: float
    tries: int
    most_work: float
    k: int
    chosen: int
    runner_up: NotRequired[int]
    difference: NotRequired[Interval]


class ModelPart(TypedDict):
    """What depends on data, settings and code only.

    settings: those that shape the model, by variable, as text.
    search: the parameters that were tried, in their order, each with `ndcg`, `coverage` and
        `novelty` of lists of 20 on validation data, the number of `fits` until then, and the
        `path` of the search: the start that it came from, or what was tried at the end. `exact`: on
        all draws of the validation part, of what would ship; only such figures are compared with
        one another to choose.
    digest: the model digest, see `model_digest`.
    """

    format: int
    build: str
    files: list[ListedFile]
    tenant: NotRequired[str | None]
    settings: NotRequired[dict[str, str | None]]
    settings_digest: NotRequired[str]
    parameters: NotRequired[dict[str, float | str]]
    search: NotRequired[list[dict[str, float | str]]]
    searched: NotRequired[Searched]
    trend: NotRequired[list[TriedHalfLife]]
    metrics: NotRequired[Evaluation]
    data: NotRequired[Data]
    digest: NotRequired[str]


class RunPart(TypedDict):
    """What one training says of itself; times are ISO 8601 in UTC.

    traceparent: of the pipeline's run that made the build, see `telemetry.trace`.
    documents: files beside the model's that describe this training, and do not count in its digest.
    """

    attempt: NotRequired[str]
    started: NotRequired[str]
    finished: NotRequired[str]
    seconds: NotRequired[float]
    threads: NotRequired[int]
    host: NotRequired[str]
    python: NotRequired[str]
    libraries: NotRequired[dict[str, str]]
    commit: NotRequired[str | None]
    started_by: NotRequired[str | None]
    traceparent: NotRequired[str | None]
    documents: NotRequired[list[ListedFile]]


class _Parts(TypedDict):
    model: ModelPart
    run: RunPart


@dataclass(frozen=True)
class ModelFile:
    """A file of the model: its plain name, size in bytes, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The two parts of the manifest."""

    model: ModelPart
    run: RunPart

    @property
    def build(self) -> str:
        """The build number."""
        return self.model["build"]

    @property
    def tenant(self) -> str | None:
        """The tenant of the build, if it has one."""
        return self.model.get("tenant") or None

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The model files, by name."""
        return tuple(ModelFile(**file) for file in self.model["files"])

    @property
    def score(self) -> str | None:
        """The model's score, its NDCG@20, as the marker writes it; None without metrics."""
        metrics = self.model.get("metrics")
        figures = metrics["model"]["at"].get("20") if metrics else None
        return f"{figures['ndcg']['mean']:.6f}" if figures else None

    @property
    def all_files(self) -> tuple[ModelFile, ...]:
        """The model files, and those that describe the training."""
        documents = (ModelFile(**file) for file in self.run.get("documents", []))
        return (*self.files, *documents)

    @property
    def digest(self) -> str:
        """The model digest: the SHA-256 over the list of model files with their digests."""
        return model_digest(self.files)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        parts: _Parts = {"model": self.model, "run": self.run}
        return (json.dumps(parts, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def signed_digests(content: Manifest, sha256: str) -> dict[str, str]:
    """Return the digests that the model's signature is about: of its files, and of its manifest.

    sha256: of the manifest, as it is on the volume.
    """
    return {file.name: file.sha256 for file in content.all_files} | {NAME: sha256}


def check_signed(signed: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse digests that were signed for another model.

    Raises:
        ValueError: naming the files that differ, are missing or are too many.

    """
    if signed != expected:
        differing = sorted({name for name, _ in signed.items() ^ expected.items()})
        raise ValueError(f"signs other bytes: {', '.join(differing)}")


def listing(files: Iterable[ModelFile]) -> list[ListedFile]:
    """Return the files as the manifest lists them, by name."""
    by_name = sorted(files, key=lambda file: file.name)
    return [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in by_name]


def model_digest(files: Iterable[ModelFile]) -> str:
    """Return the SHA-256 over lines of digest, two blanks and name, as sha256sum prints them."""
    lines = sorted(f"{file.sha256}  {file.name}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def parse(content: bytes, name: str = NAME) -> Manifest:
    """Read a manifest; `name` is the file's name in errors.

    Raises:
        FormatError: it has another format than `FORMAT`.
        CorruptModelError: it is not a manifest; the sentence says what is wrong.

    """
    try:
        parts = typed.checked(dict[str, object], json.loads(content), NAME)
        _check_format(parts.get("model"), name)
        model = typed.checked(ModelPart, parts.get("model"), "model")
        manifest = Manifest(model, typed.checked(RunPart, parts.get("run"), "run"))
        for files in (manifest.files, manifest.all_files):
            _check_files(files)
    except (ValueError, TypeError) as error:
        raise CorruptModelError(f"{name} is not a manifest: {error}") from error
    return manifest


def _check_format(model: object, name: str) -> None:
    """Refuse another format before its keys are looked at: they may mean something else."""
    number = model.get("format", FORMAT) if isinstance(model, dict) else FORMAT
    if number != FORMAT:
        raise FormatError(
            f"{name} has format {number!r}, and this version reads format {FORMAT}: "
            "only the images of its own build can read the model"
        )


def _check_files(files: tuple[ModelFile, ...]) -> None:
    for file in files:
        if not _FILE_NAME.fullmatch(file.name) or not _DIGEST.fullmatch(file.sha256):
            raise ValueError(f"bad entry {file!r}")
        if file.size < 0:
            raise ValueError(f"bad size in {file!r}")
    if len({file.name for file in files}) != len(files) or not files:
        raise ValueError("no files, or a file that is listed twice")
