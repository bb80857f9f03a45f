"""Asks a site for a recommendation, and whether it serves the build that it should."""

import json
import os
import urllib.request

site, build = os.environ["SITE"], os.environ["BUILDNUMBER"]


def ask(path: str, body: object = None) -> str:
    """Return the answer to a request; `body` makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(site + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


front = ask("/")
print(front)
if f"Build Number:{build}" not in front.splitlines():
    raise SystemExit(f"{site}/ is not of build {build}: {front}")
answer = json.loads(ask("/v1/recommendations", {"user_id": "nobody", "k": 3}))
print(json.dumps(answer, indent=2))
if answer["model"]["build"] != build:
    raise SystemExit(f"the recommendation is not of build {build}")
if not answer["items"]:
    raise SystemExit("nothing is recommended, not even what is popular")
