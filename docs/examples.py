"""Writes docs/examples.md: each call of the API with the answer of a running site.

`.venv/bin/python docs/examples.py http://127.0.0.1:3000` asks a site of any model whose items are
`course-0` and so on; a test asks one, and compares the page with its answers.
"""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).with_name("examples.md")
HEADING = "## The calls"
ITEMS = ["course-1", "course-2"]
_SHOWN = 2  # elements of a list
_DEEP = 5  # levels below an answer
_MORE = "…"
# What differs from run to run: digests, and what a training says of itself.
_VOLATILE = (
    *("run", "location", "digest", "sha256", "settings", "settings_digest"),
    *("parameters", "metrics", "search", "trend", "profile"),
)


class Example(NamedTuple):
    """A call: its method and path, its body, and what it shows."""

    method: str
    path: str
    about: str
    body: Mapping[str, object] | None = None


class Answer(NamedTuple):
    """The answer to an example; content: of JSON the document, else the text."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    content: Any  # any JSON


EXAMPLES = (
    Example("GET", "/", "What this is: the model's score and its build"),
    Example(
        "POST",
        "/v1/recommendations",
        "For a user whom the model may not know, by the items that they have",
        {"items": ITEMS, "k": 2, "explain": True},
    ),
    Example(
        "POST",
        "/v1/recommendations",
        "For a known user, among a few candidates",
        {"user_id": "learner-7", "candidates": ["course-3", "course-4", "course-5"], "k": 2},
    ),
    Example(
        "POST",
        "/v1/recommendations",
        "For a user of whom nothing is known: popular items, and `fallback` says so",
        {"user_id": "nobody", "k": 2},
    ),
    Example(
        "POST",
        "/v1/recommendations",
        "With a mistake: the answer names the field",
        {"items": ITEMS, "k": 0},
    ),
    Example(
        "POST",
        "/v1/recommendations/batch",
        "Several at once, each with its own answer or error",
        {"requests": [{"user_id": "learner-7", "k": 1}, {"k": 1}]},
    ),
    Example(
        "POST",
        "/v1/scores",
        "A score for each candidate",
        {"items": ITEMS, "candidates": ["course-3", "course-4"]},
    ),
    Example("GET", "/v1/users/learner-7/recommendations?k=2", "The same for curl, or a cache"),
    Example("GET", "/v1/items/course-1/similar?k=2", "An item's neighbours"),
    Example("GET", "/v1/items?q=number+1&k=2", "Items by a part of their title"),
    Example("GET", "/v1/provenance", "What the model was made of, and how good it is"),
    Example("GET", "/v1/provenance/signature", "Who made it; this model is not signed"),
    Example("GET", "/v1/provenance/signature", "Its signature; this model has none"),
    Example("GET", "/v1/evaluation/questions", "The gate's questions (`EVALUATION_ENDPOINT=on`)"),
    Example("GET", "/v2", "The server, for clients of the Open Inference Protocol"),
    Example("GET", "/v2/health/live", "Whether it is alive"),
    Example("GET", "/v2/health/ready", "Whether it is ready"),
    Example("GET", "/v2/models/modelsystem", "The model's inputs and outputs"),
    Example("GET", "/v2/models/modelsystem/ready", "Whether the model is ready"),
    Example(
        "POST",
        "/v2/models/modelsystem/infer",
        "Recommendations as tensors",
        {
            "inputs": [
                {"name": "user_id", "shape": [1], "datatype": "BYTES", "data": ["learner-7"]},
            ],
            "parameters": {"k": 2},
        },
    ),
    Example("GET", "/healthz", "Whether the process answers"),
    Example("GET", "/readyz", "Whether the model is loaded and the site not shutting down"),
)


def ask(url: str, example: Example) -> Answer:
    """Return a site's answer; an error is one, too."""
    data = None if example.body is None else json.dumps(example.body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(  # noqa: S310  # the site that the caller names
        url + example.path, data, headers, method=example.method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return _answer(response)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error)


def _answer(response: Any) -> Answer:  # Any: an answer of urllib, or its error
    text = response.read().decode()
    media_type = response.headers.get_content_type()
    content = json.loads(text) if media_type.endswith("json") else text
    return Answer(response.status, media_type, dict(response.headers), content)


def documented(url: str) -> str:
    """Return the page with the answers of a site."""
    introduction = PAGE.read_text(encoding="utf-8").split(HEADING)[0]
    blocks = [_block(example, ask(url, example)) for example in EXAMPLES]
    return f"{introduction}{HEADING}\n\n" + "\n\n".join(blocks) + "\n"


def _block(example: Example, answer: Answer) -> str:
    lines = [f"{example.about}:", "", "```http", f"{example.method} {example.path}"]
    lines += [_text(example.body)] if example.body is not None else []
    is_json = answer.media_type.endswith("json")
    shown = _text(abridged(answer.content)) if is_json else answer.content.strip()
    of = f"{answer.status}, `{answer.media_type}`"
    return "\n".join(
        [*lines, "```", "", f"{of}:", "", "```json" if is_json else "```text", shown, "```"]
    )


def abridged(value: object, depth: int = _DEEP) -> object:
    """Return an answer as the page shows it: the first of each list, and nothing volatile."""
    if isinstance(value, dict):
        if depth == 0:
            return _MORE
        return {
            key: _MORE if key in _VOLATILE else abridged(member, depth - 1)
            for key, member in value.items()
        }
    if isinstance(value, list):
        shown = [abridged(member, depth) for member in value[:_SHOWN]]
        return [*shown, _MORE] if len(value) > _SHOWN else shown
    return round(value, 4) if isinstance(value, float) else value


def _text(value: object) -> str:
    """Return JSON: short parts on one line."""
    return "\n".join(_lines(value))


def _lines(value: object, indent: str = "", before: str = "", after: str = "") -> Iterator[str]:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(indent + before + flat) <= 96:
        yield f"{indent}{before}{flat}{after}"
        return
    start, end = "{}" if isinstance(value, dict) else "[]"
    yield f"{indent}{before}{start}"
    members = (
        [(f"{json.dumps(key)}: ", member) for key, member in value.items()]
        if isinstance(value, dict)
        else [("", member) for member in value]
    )
    for place, (name, member) in enumerate(members, 1):
        yield from _lines(member, indent + "  ", name, "," if place < len(members) else "")
    yield f"{indent}{end}{after}"


def main() -> None:
    """Rewrite the page with the answers of the site that the argument names."""
    PAGE.write_text(documented(sys.argv[1].rstrip("/")), encoding="utf-8")


if __name__ == "__main__":
    main()
