"""Random requests over real connections: no 5xx and no traceback."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

import pytest

VALID = b'{"user_id": "u/1", "items": ["7"], "k": 3, "exclude_items": ["a b"]}'
SAMPLES: list[Any] = [
    None,
    True,
    0,
    -1,
    3,
    10**30,
    1e300,
    "",
    "7",
    "\x00",
    "☃" * 50,
    [],
    ["7"],
    [[]],
    {},
]
NUMBERS = [b"NaN", b"-Infinity", b"9" * 5000, b"1e999", b"-0", b"1.0", b'"\\ud800"', b'"\xff"']
PATHS = [b"/", b"/healthz", b"/v1/provenance", b"/v1/users/%s/recommendations"]
PATHS += [b"/v1/items/%s/similar", b"/v1/recommendations", b"/%s", b"/v1/%s/"]
METHODS = b"GET GET GET GET HEAD POST PUT DELETE OPTIONS TRACE CONNECT BREW".split()
HEADERS = [b"Expect: 100-continue", b"Expect: %s", b"Upgrade: h2c", b"Connection: %s", b"Host: %s"]
HEADERS += [b"Transfer-Encoding: %s", b"Transfer-Encoding: chunked", b"Content-Length: %s"]
HEADERS += [b"SCRIPT_NAME: /x", b"X-Forwarded-Proto: %s", b"Content-Encoding: gzip", b"Cookie: %s"]
HEADERS += [b"Upgrade: websocket\r\nConnection: Upgrade", b"Range: bytes=%s", b"%s: x", b"%s"]
IDS = [b"7", b"%2F", b"%00", b"%ff%fe", b"..", b"//", b"%C3%BC", b"%", b"\xc3\xbc"]
QUERIES = [b"", b"", b"?k=3", b"?k=0", b"?k=" + b"9" * 999, b"?%00=%ff", b"?k&k"]
STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) .*\r\n")


def noise(random: Random, most: int = 30) -> bytes:
    """Return random bytes."""
    return random.randbytes(random.randrange(most))


def json_body(random: Random) -> bytes:
    """Return JSON with values of any type in known and unknown fields."""
    names = ["user_id", "items", "k", "exclude_seen", "exclude_items", "x" * random.randrange(99)]
    fields = random.sample(names, random.randrange(len(names)))
    body = json.dumps({name: random.choice(SAMPLES) for name in fields}).encode()
    return body.replace(b"0", random.choice(NUMBERS), 1) if random.random() < 0.2 else body


def broken_body(random: Random) -> bytes:
    """Return a valid body with bytes changed, removed or inserted."""
    place, length = random.randrange(len(VALID)), random.randrange(4)
    return VALID[:place] + noise(random, 5) + VALID[place + length :]


def body_of(random: Random) -> bytes:
    """Return a body of any kind; two in a hundred are large."""
    if random.random() < 0.02:
        return random.choice([b" ", b"[", b'{"a":']) * (1 << random.randrange(18, 22))
    return random.choice([lambda _: VALID, lambda _: b"", json_body, broken_body, noise])(random)


def path_of(random: Random) -> bytes:
    """Return a path with an odd id and an odd query."""
    odd = random.choice(IDS)
    if random.random() < 0.3:
        odd = quote_from_bytes(noise(random), safe=random.choice(["", "/"])).encode()
    path = random.choice(PATHS).replace(b"%s", odd * random.choice([1, 1, 1, 500]))
    return path + random.choice(QUERIES)


def request_of(random: Random) -> bytes:
    """Return the bytes of one request; one in ten is not HTTP."""
    if random.random() < 0.1:
        return noise(random, 200) + random.choice([b"", b"\r\n\r\n", b" / HTTP/1.1\r\n\r\n"])
    method, path = b"POST", b"/v1/recommendations"
    if random.random() < 0.5:
        method, path = random.choice(METHODS), path_of(random)
    body = body_of(random)
    odd_type = random.choice([b"text/plain", noise(random).hex().encode()])
    media_type = odd_type if random.random() < 0.2 else b"application/json"
    head = [method + b" " + path + b" HTTP/1." + random.choice([b"1", b"1", b"1", b"0", b"7"])]
    head += [b"Host: x", b"Content-Type: " + media_type, b"Content-Length: %d" % len(body)]
    if random.random() < 0.2:
        head.insert(1, random.choice(HEADERS).replace(b"%s", noise(random)))
    return b"\r\n".join([*head, b"", body])


def statuses(site: Any, count: int) -> Counter[int]:
    """Send random requests, and return the counts of the answers' statuses; 0: no answer."""
    counts: Counter[int] = Counter()
    for number in range(count):
        request = request_of(Random(number))
        answer = site.send(request).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        match = STATUS.match(answer)
        status = int(match[1]) if match else 0
        assert status < 500 or status == 501, (number, request[:2000], answer)
        is_by_gunicorn = b"\r\nContent-Type: text/plain\r\n" in answer or status == 403
        names_model = b"\r\nX-Model-Digest: " in answer
        assert not match or names_model or is_by_gunicorn, (number, answer)
        counts[status] += 1
    return counts


def check(start_site: Callable[..., Any], model_folder: Path, count: int) -> None:
    """Send random requests to a new scorer, and read its log."""
    site = start_site(MODELFOLDER=model_folder)
    counts = statuses(site, count)
    assert {200, 400, 404, 405, 413, 415, 422} <= counts.keys(), counts
    assert counts[0] < count / 20, counts
    assert site.ask("/").status == 200
    assert not re.search('traceback|error"', site.log(), re.IGNORECASE), site.log()[-5000:]


def test_random_requests(start_site: Callable[..., Any], model_folder: Path) -> None:
    """300 random requests, the same ones each time."""
    check(start_site, model_folder, 300)


@pytest.mark.faults
def test_random_requests_many_times(
    start_site: Callable[..., Any], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The full count of random requests."""
    check(start_site, model_folder, 10_000)
    with capsys.disabled():
        print("\n10000 random requests: no 5xx, no traceback")
