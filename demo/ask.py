"""Asks a running site for a recommendation and prints it, with titles, for a person to judge.

Who asks is a user from the export in FOLDER; without one the site says what is popular.
"""

import argparse
import csv
import gzip
import io
import json
import os
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

MOST_ROWS = 100_000  # of the export: enough to find somebody in it
SHOWN = 5
# No proxy from the environment: the site is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class User:
    """Somebody from the export, and what they took, in the export's order."""

    user_id: str
    items: Sequence[str]


def find_user(folder: Path) -> User | None:
    """Return the first user in the export's first file who took enough to show a taste."""
    found = sorted(path for path in folder.rglob("*.csv*") if _is_interactions(path))
    taken: dict[str, list[str]] = {}
    for user_id, item_id in _pairs(found[0]) if found else ():
        items = taken.setdefault(user_id, [])
        if item_id not in items:
            items.append(item_id)
    chosen = next((user for user, items in taken.items() if len(items) >= SHOWN), None)
    return User(chosen, taken[chosen]) if chosen is not None else None


def _is_interactions(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith((".csv", ".csv.gz")) and not name.startswith(("items", "."))


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield user and item of the file's first rows, wherever its header has them."""
    with closing(_opened(path)) as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""))
        header = next(rows, [])
        if not {"user_id", "item_id"} <= set(map(_our_name, header)):
            return
        names = [_our_name(name) for name in header]
        user, item = names.index("user_id"), names.index("item_id")
        for row in islice(rows, MOST_ROWS):
            if len(row) == len(names):
                yield row[user], row[item]


def _opened(path: Path) -> IO[bytes]:
    is_gzip = path.name.lower().endswith(".gz")
    return cast("IO[bytes]", gzip.open(path)) if is_gzip else path.open("rb")


def _our_name(theirs: str) -> str:
    """Translate a column's name as the trainer's CSV_COLUMNS says: `ours=theirs,…`."""
    pairs = [pair.split("=") for pair in os.environ.get("CSV_COLUMNS", "").split(",")]
    ours = {pair[1].strip(): pair[0].strip() for pair in pairs if len(pair) == 2}
    return ours.get(theirs, theirs)


def call(url: str, body: object = None) -> Any:
    """Get, or post where there is a body, and return the answer's JSON."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with _opener.open(request, timeout=10) as answer:
        return json.load(answer)


def title_of(site: str, item_id: str) -> str:
    """Return an item's title as the site knows it, else its id."""
    try:
        answer = call(f"{site}/v1/items/{quote(item_id, safe='')}/similar?k=1")
    except urllib.error.HTTPError:  # not in the model
        return item_id
    return str(answer["title"] or item_id)


def table(left: Sequence[str], right: Sequence[str]) -> str:
    """Return two columns, each under its first line."""
    width = max(map(len, left), default=0)
    pairs = list(zip_longest(left, right, fillvalue=""))
    rule = ("-" * len(pairs[0][0]), "-" * len(pairs[0][1]))
    return "\n".join(f"  {a:{width}}   {b}" for a, b in [pairs[0], rule, *pairs[1:]])


def ask(site: str, user: User | None) -> str:
    """Return a recommendation as a table, and the command that gets it again."""
    body: dict[str, Any] = {"user_id": user.user_id} if user else {"items": []}
    answer = call(f"{site}/v1/recommendations", body | {"k": SHOWN})
    taken = [title_of(site, item_id) for item_id in (user.items if user else ())[-SHOWN:]]
    right = "What everybody likes" if answer["fallback"] else "The model recommends"
    shown = [str(item["title"] or item["item_id"]) for item in answer["items"]]
    return f"{table([_heading(user), *taken], [right, *shown])}\n\n  {_curl(site, body)}"


def _heading(user: User | None) -> str:
    return f"User {user.user_id} took" if user else "Somebody new"


def _curl(site: str, body: dict[str, Any]) -> str:
    data = shlex.quote(json.dumps(body | {"k": SHOWN}, ensure_ascii=False))
    return f"curl -s {site}/v1/recommendations -H 'Content-Type: application/json' -d {data}"


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", metavar="URL", help="for example http://127.0.0.1:3000")
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", help="the export")
    chosen = parser.parse_args()
    try:
        user = find_user(chosen.folder) if chosen.folder else None
        print(f"\n{ask(chosen.site.rstrip('/'), user)}")
    except (OSError, csv.Error, EOFError) as error:
        sys.exit(f"No recommendation could be got: {error}")


if __name__ == "__main__":
    main()
