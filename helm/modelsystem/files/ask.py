"""Checks that a site recommends items, and that it serves its own build."""

import json
import os
import time
import urllib.error
import urllib.request

PATIENCE = 30.0  # seconds: a NetworkPolicy does not know this pod's address at once
site, build = os.environ["SITE"], os.environ["BUILDNUMBER"]
deadline = time.monotonic() + PATIENCE


def ask(path: str, body: object = None) -> str:
    """Return the body of the answer, asked until the deadline: POST with `body`, GET without."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(site + path, data, {"Content-Type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except urllib.error.HTTPError:
            raise
        except OSError as error:  # refused, dropped, or without a name so far
            if time.monotonic() >= deadline:
                raise SystemExit(f"{site}{path} does not answer: {error}") from error
            time.sleep(1)


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
