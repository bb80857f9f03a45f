"""Asks a running site for a recommendation and prints it, with titles, for a person to judge.

The request is for a user of the export in FOLDER; without FOLDER the site gives popular items.
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

from modelsystem_shared.errors import DataError
from modelsystem_trainer import export
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.ingest import of_interactions

MOST_ROWS = 100_000  # of the export: enough to find a user with a taste
SHOWN = 5
# No proxy from the environment: the site is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class User:
    """A user of the export, and the user's items in the export's order."""

    user_id: str
    items: Sequence[str]


def find_user(folder: Path) -> User | None:
    """Return the first user in the export's first file with at least `SHOWN` different items."""
    names = [name for name in export.data_files(folder).names if not export.is_catalogue(name)]
    histories: dict[str, list[str]] = {}
    for user_id, item_id in _pairs(folder / names[0]) if names else ():
        history = histories.setdefault(user_id, [])
        if item_id not in history:
            history.append(item_id)
    users = (User(user_id, history) for user_id, history in histories.items())
    return next((user for user in users if len(user.items) >= SHOWN), None)


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield user and item of the file's first rows, from the columns that its header names."""
    with closing(_open(path)) as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""))
        header = next(rows, [])
        try:
            theirs = of_interactions(_columns(), path.name, header).theirs
        except DataError:
            return
        user, item = (header.index(theirs[ours]) for ours in ("user_id", "item_id"))
        for row in islice(rows, MOST_ROWS):
            if len(row) == len(header):
                yield row[user], row[item]


def _open(path: Path) -> IO[bytes]:
    is_gzip = path.name.lower().endswith(".gz")
    return cast("IO[bytes]", gzip.open(path)) if is_gzip else path.open("rb")


def _columns() -> Columns:
    """Return the names of columns by the trainer's CSV_COLUMNS."""
    names = os.environ.get("CSV_COLUMNS")
    return Columns.parse(names) if names else Columns()


def call(url: str, body: object = None) -> Any:  # the JSON of any answer
    """Return the answer's JSON; a request with a body is a POST."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with _opener.open(request, timeout=10) as answer:
        return json.load(answer)


def title_of(site: str, item_id: str) -> str:
    """Return an item's title, or its id if the site has no title."""
    try:
        answer = call(f"{site}/v1/items/{quote(item_id, safe='')}/similar?k=1")
    except urllib.error.HTTPError:  # not in the model
        return item_id
    return str(answer["title"] or item_id)


def table(left: Sequence[str], right: Sequence[str]) -> str:
    """Return two columns as text; the first line of each is its heading."""
    width = max(map(len, left), default=0)
    pairs = list(zip_longest(left, right, fillvalue=""))
    rule = ("-" * len(pairs[0][0]), "-" * len(pairs[0][1]))
    return "\n".join(f"  {a:{width}}   {b}" for a, b in [pairs[0], rule, *pairs[1:]])


def ask(site: str, user: User | None) -> str:
    """Return a recommendation as a table, and the curl command that repeats the request."""
    body: dict[str, object] = {"user_id": user.user_id} if user else {"items": []}
    answer = call(f"{site}/v1/recommendations", body | {"k": SHOWN})
    latest = [title_of(site, item_id) for item_id in (user.items if user else ())[-SHOWN:]]
    heading = "Popular items" if answer["fallback"] else "The model recommends"
    recommended = [str(item["title"] or item["item_id"]) for item in answer["items"]]
    columns = table([_heading(user), *latest], [heading, *recommended])
    return f"{columns}\n\n  {_curl(site, body)}"


def _heading(user: User | None) -> str:
    return f"User {user.user_id} took" if user else "A new user"


def _curl(site: str, body: dict[str, object]) -> str:
    data = shlex.quote(json.dumps(body | {"k": SHOWN}, ensure_ascii=False))
    return f"curl -s {site}/v1/recommendations -H 'Content-Type: application/json' -d {data}"


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", metavar="URL", help="for example http://127.0.0.1:3000")
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", help="the export")
    arguments = parser.parse_args()
    try:
        user = find_user(arguments.folder) if arguments.folder else None
        print(f"\n{ask(arguments.site.rstrip('/'), user)}")
    except (OSError, csv.Error, EOFError) as error:
        sys.exit(f"Cannot get a recommendation: {error}")


if __name__ == "__main__":
    main()
