"""A build's site, asked over HTTP: every answer is checked, timed and bounded."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from modelsystem_release.errors import ServiceError

TIMEOUT = 10.0  # seconds for one answer
MOST_BYTES = 64 << 20
_LIMITS = urllib3.Timeout(connect=5.0, read=TIMEOUT)


@dataclass(frozen=True)
class Answer:
    """What was recommended: ids, best first; or why there is no valid answer."""

    items: tuple[str, ...] = ()
    seconds: float = 0.0
    build: str = ""
    digest: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Question:
    """Earlier items of a gate user, the latest last, and the latest ones, to be found."""

    items: tuple[str, ...]
    answers: frozenset[str]


class Site:
    """One site, over one connection that stays open."""

    def __init__(self, url: str) -> None:
        """Ask nothing yet."""
        self.url = url.rstrip("/")
        self._pool = urllib3.PoolManager(timeout=_LIMITS, retries=False, maxsize=1)

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def questions(self) -> list[Question]:
        """Return the gate users' questions.

        Raises:
            ServiceError: they cannot be got, with the reason and the cure.

        """
        found = self.get("/v1/evaluation/questions")
        return [Question(tuple(q["items"]), frozenset(q["answers"])) for q in found["questions"]]

    def recommend(self, items: Sequence[str], k: int) -> Answer:
        """Ask what to recommend by `items`; a fault of the site is an answer too."""
        started = time.perf_counter()
        try:
            response = self._pool.request(
                "POST", f"{self.url}/v1/recommendations", json={"items": [*items], "k": k}
            )
            seconds = time.perf_counter() - started
            if response.status != 200:
                return Answer(seconds=seconds, fault=f"status {response.status}")
            shown = tuple(item["item_id"] for item in response.json()["items"])
        except urllib3.exceptions.HTTPError as error:
            return Answer(seconds=time.perf_counter() - started, fault=type(error).__name__)
        except (ValueError, KeyError, TypeError):
            return Answer(seconds=seconds, fault="no valid answer")
        told = response.headers
        return Answer(shown, seconds, told.get("X-Model-Build", ""), told.get("X-Model-Digest", ""))

    def get(self, path: str) -> Any:
        """Return the JSON of an answer.

        Raises:
            ServiceError: there is none.

        """
        text = self.text(path)
        try:
            return json.loads(text)
        except ValueError as error:
            raise ServiceError(f"{self.url}{path}: the answer is not JSON") from error

    def text(self, path: str) -> bytes:
        """Return an answer.

        Raises:
            ServiceError: there is none.

        """
        try:
            response = self._pool.request("GET", self.url + path, preload_content=False)
            content = response.read(MOST_BYTES)
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise ServiceError(f"{self.url} does not answer: {type(error).__name__}") from error
        if response.status == 404 and path.startswith("/v1/evaluation"):
            raise ServiceError(f"{self.url}{path}: not there; set EVALUATION_ENDPOINT=on")
        if response.status != 200:
            raise ServiceError(f"{self.url}{path}: status {response.status}")
        return content


def is_url(text: str) -> bool:
    """Whether a text is a site's URL, not a build number."""
    return urlsplit(text).scheme in ("http", "https")
