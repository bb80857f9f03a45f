"""A build's site, asked over HTTP: every answer is checked, timed, and limited in size."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, TypeVar
from urllib.parse import urlsplit

import urllib3

from modelsystem_shared import manifest, typed
from modelsystem_shared.errors import ServiceError
from modelsystem_shared.manifest import Data, Manifest

T = TypeVar("T")
TIMEOUT = 10.0  # seconds for one answer
MOST_BYTES = 64 << 20
_LIMITS = urllib3.Timeout(connect=5.0, read=TIMEOUT)


@dataclass(frozen=True)
class Answer:
    """A recommendation: ids, best first; or the fault of an invalid answer."""

    items: tuple[str, ...] = ()
    seconds: float = 0.0
    build: str = ""
    digest: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Popularity:
    """How many of `users` users chose each item of the catalogue, by the item's id."""

    users: int
    counts: dict[str, int]


@dataclass(frozen=True)
class GateQuestions:
    """The gate users' questions; popularity: None if the site does not tell it."""

    questions: tuple["Question", ...]
    popularity: Popularity | None = None


@dataclass(frozen=True)
class Question:
    """A gate user: the earlier items, the latest of them last; and the held-out items."""

    items: tuple[str, ...]
    held_out: frozenset[str]


class _AskedUser(TypedDict):
    items: list[str]
    answers: list[str]


class _Popularity(TypedDict):
    users: int
    item_ids: list[str]
    counts: list[int]


class _Questions(TypedDict):
    questions: list[_AskedUser]
    popularity: NotRequired[_Popularity | None]


class _ScoredItem(TypedDict):
    item_id: str


class _Recommendations(TypedDict):
    items: list[_ScoredItem]


class _Readiness(TypedDict):
    build: str


class _ModelData(TypedDict):
    data: Data


class _Provenance(TypedDict):
    model: _ModelData


class Site:
    """One site, over one connection that stays open."""

    def __init__(self, url: str, renewed_url: Callable[[], str] | None = None) -> None:
        """Connect with the first request only.

        renewed_url: called when a request fails; returns another URL to ask, empty if none.
        """
        self.url = url.rstrip("/")
        self._renewed_url = renewed_url
        self._started = 0.0
        self._pool = urllib3.PoolManager(timeout=_LIMITS, retries=False, maxsize=1)

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def questions(self) -> GateQuestions:
        """Return the gate users' questions, and how popular the items are.

        Raises:
            ServiceError: the site does not give them; with the reason and the cure.

        """
        answer = self._json("/v1/evaluation/questions", _Questions)
        questions = (
            Question(tuple(user["items"]), frozenset(user["answers"]))
            for user in answer["questions"]
        )
        return GateQuestions(tuple(questions), _popularity(answer.get("popularity")))

    def manifest(self) -> Manifest:
        """Return the manifest of the model that the site serves.

        Raises:
            CorruptModelError: it is not a manifest that this version reads.

        """
        return manifest.parse(self.read("/v1/provenance"))

    def data(self) -> Data:
        """Return the manifest's part about the data; also of a model of another format.

        Raises:
            ServiceError: the site does not give it.

        """
        return self._json("/v1/provenance", _Provenance)["model"]["data"]

    def is_ready_as(self, build: str) -> bool:
        """Return whether the site is ready and of this build.

        Raises:
            ServiceError: it does not answer, or is not ready.

        """
        return self._json("/readyz", _Readiness)["build"] == build

    def recommend(self, items: Sequence[str], k: int) -> Answer:
        """Ask for k recommendations for a history; a fault of the site is an answer, too."""
        try:
            response = self._request(
                "POST", "/v1/recommendations", json={"items": [*items], "k": k}
            )
            seconds = time.perf_counter() - self._started
            if response.status != 200:
                return Answer(seconds=seconds, fault=f"status {response.status}")
            answer = typed.checked(_Recommendations, response.json(), "answer")
        except urllib3.exceptions.HTTPError as error:
            return Answer(seconds=time.perf_counter() - self._started, fault=type(error).__name__)
        except ValueError:
            return Answer(seconds=seconds, fault="invalid answer")
        ids = tuple(item["item_id"] for item in answer["items"])
        headers = response.headers
        build, digest = headers.get("X-Model-Build", ""), headers.get("X-Model-Digest", "")
        return Answer(ids, seconds, build, digest)

    def read(self, path: str) -> bytes:
        """Return the body of an answer.

        Raises:
            ServiceError: the site does not answer, or not with status 200.

        """
        try:
            response = self._request("GET", path, preload_content=False)
            content = response.read(MOST_BYTES)
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise ServiceError(f"{self.url} does not answer: {type(error).__name__}") from error
        if response.status == 404 and path.startswith("/v1/evaluation"):
            raise ServiceError(f"{self.url}{path}: not found; set EVALUATION_ENDPOINT=on")
        if response.status == 404 and path.startswith("/v1/provenance"):
            raise ServiceError(f"{self.url}{path}: not found; the model is not signed")
        if response.status != 200:
            raise ServiceError(f"{self.url}{path}: status {response.status}")
        return content

    def _request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """Send a request; once more if the way to the site has ended and there is another.

        options: those of urllib3.
        """
        self._started = time.perf_counter()
        try:
            return self._pool.request(method, self.url + path, **options)
        except urllib3.exceptions.HTTPError:
            if not self._renewed_url or not (url := self._renewed_url()):
                raise
            self.url, self._started = url, time.perf_counter()
            return self._pool.request(method, self.url + path, **options)

    def _json(self, path: str, kind: type[T]) -> T:
        content = self.read(path)
        try:
            return typed.checked(kind, json.loads(content), "answer")
        except ValueError as error:
            raise ServiceError(f"{self.url}{path}: unexpected answer: {error}") from error


def _popularity(answer: _Popularity | None) -> Popularity | None:
    if answer is None:
        return None
    counts = dict(zip(answer["item_ids"], answer["counts"], strict=False))
    return Popularity(answer["users"], counts)


def is_url(text: str) -> bool:
    """Return whether a text is a site's URL, not a build number."""
    return urlsplit(text).scheme in ("http", "https")
