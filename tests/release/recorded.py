"""What a real cluster said, in `recordings`: Kubernetes 1.34, trimmed to what the tool reads.

A file is one situation, from its first look to its last: `second` since the start, the objects that
`changed` since the look before, and those that are `gone`.
"""

import json
import re
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).with_name("recordings")
Look = list[dict[str, Any]]


def looks(situation: str, release: str = "") -> dict[int, Look]:
    """Return all objects of each look, by its second; as those of `release` if one is given."""
    objects: dict[str, dict[str, Any]] = {}
    looks_by_second = {}
    text = (RECORDINGS / f"{situation}.json").read_text()
    for part in json.loads(re.sub(r"mlrelease-\d+", release, text) if release else text):
        for name in part.get("gone", []):
            del objects[name]
        objects |= {f"{o['kind']}/{o['metadata']['name']}": o for o in part["changed"]}
        looks_by_second[part["second"]] = [*objects.values()]
    return looks_by_second


def recorded(name: str) -> Any:
    """Return a recorded answer."""
    return json.loads((RECORDINGS / f"{name}.json").read_text())
