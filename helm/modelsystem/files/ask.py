"""Checks that a site recommends items, and that it serves its own build."""

import json
import os
import urllib.request

site, build = os.environ["SITE"], os.environ["BUILDNUMBER"]


def ask(path: str, body: object = None) -> str:
    """Return the body of the answer to a request: a POST with `body`, a GET without."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(site + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


front = ask("/")
print(front)
if f"Build Number:{build}" not in front.splitlines():
    raise SystemExit(f"{site}/ serves another build than {build}: {front}")
answer = json.loads(ask("/v1/recommendations", {"user_id": "unknown", "k": 3}))
print(json.dumps(answer, indent=2))
if answer["model"]["build"] != build:
    raise SystemExit(f"the recommendation comes from another build than {build}")
if not answer["items"]:
    raise SystemExit("no items are recommended, not even popular ones")
