"""`complete.txt`: a model is complete if this file is there and whole.

    0.148812                          the model's score, a decimal number
    attempt: attempt-20180523T…       the folder beside the marker that holds the model
    build: 20180523.5
    manifest-sha256: 9f86d081…        of that folder's manifest.json
    signature-sha256: 60303ae2…       of that folder's model.sig, if the model is signed
    2c26b46b…                         the SHA-256 of all bytes above

If a reader sees less than this, or the digest does not match, the model is not complete yet.
"""

import hashlib
import re
from dataclasses import dataclass

NAME = "complete.txt"
SIGNATURE = "model.sig"
MOST_BYTES = 8192
ATTEMPT = re.compile(r"attempt-[A-Za-z0-9-]{1,100}")
_DIGEST = r"[0-9a-f]{64}"
_BODY = re.compile(
    r"(?P<score>-?[0-9]+(\.[0-9]+)?)\n"
    rf"attempt: (?P<attempt>{ATTEMPT.pattern})\n"
    r"build: (?P<build>[^\x00-\x1f\x7f]+)\n"
    rf"manifest-sha256: (?P<manifest_sha256>{_DIGEST})\n"
    rf"(signature-sha256: (?P<signature_sha256>{_DIGEST})\n)?"
)


@dataclass(frozen=True)
class Marker:
    """The content of a whole marker; `signature_sha256`: None if the model is not signed."""

    score: str
    attempt: str
    build: str
    manifest_sha256: str
    signature_sha256: str | None = None

    def to_bytes(self) -> bytes:
        """Return the file's content, with its own digest in the last line."""
        body = (
            f"{self.score}\nattempt: {self.attempt}\nbuild: {self.build}\n"
            f"manifest-sha256: {self.manifest_sha256}\n"
        ).encode()
        if self.signature_sha256:
            body += f"signature-sha256: {self.signature_sha256}\n".encode()
        return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def parse(content: bytes) -> Marker | None:
    """Return the marker; None if the content is short, altered or not a marker."""
    body, digest = content[:-65], content[-65:]
    if digest != hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    try:
        match = _BODY.fullmatch(body.decode())
    except UnicodeDecodeError:
        return None
    return Marker(**match.groupdict()) if match else None
