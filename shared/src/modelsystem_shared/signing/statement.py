"""The in-toto statement of a model, as OpenSSF model-signing defines it.

It names each file with its SHA-256; its subject is the SHA-256 over these digests, in their order.
https://github.com/sigstore/model-transparency
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TypedDict

from modelsystem_shared import typed

_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "https://model_signing/signature/v1.0"


class _Resource(TypedDict):
    name: str
    algorithm: str
    digest: str


class _Serialization(TypedDict):
    method: str
    hash_type: str


class _Predicate(TypedDict):
    serialization: _Serialization
    resources: list[_Resource]


class _Digest(TypedDict):
    sha256: str


class _Subject(TypedDict):
    name: str
    digest: _Digest


class _Statement(TypedDict):
    _type: str
    predicateType: str
    subject: list[_Subject]
    predicate: _Predicate


def make(name: str, digests: Mapping[str, str], ignored: Iterable[str]) -> bytes:
    """Return the statement.

    name: of the model, for people.
    digests: the SHA-256 in hex of each file, by its name.
    ignored: names of files in the same folder that the statement is not about.
    """
    resources = [
        {"name": file, "algorithm": "sha256", "digest": digest}
        for file, digest in sorted(digests.items())
    ]
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": sorted(ignored),
    }
    document = {
        "_type": _TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": _root(digests[f] for f in sorted(digests))}}
        ],
        "predicateType": _PREDICATE_TYPE,
        "predicate": {"serialization": serialization, "resources": resources},
    }
    return json.dumps(document).encode()


def digests(payload: bytes) -> dict[str, str]:
    """Return the SHA-256 in hex of each file that the statement names.

    Raises:
        ValueError: it is not such a statement, or contradicts itself.

    """
    statement = typed.checked(_Statement, json.loads(payload), "statement")
    if (statement["_type"], statement["predicateType"]) != (_TYPE, _PREDICATE_TYPE):
        raise ValueError(f"statement is a {statement['predicateType']}, not a {_PREDICATE_TYPE}")
    serialization = statement["predicate"]["serialization"]
    resources = statement["predicate"]["resources"]
    algorithms = {resource["algorithm"] for resource in resources} | {serialization["hash_type"]}
    if serialization["method"] != "files" or algorithms != {"sha256"}:
        raise ValueError("statement does not name files by their SHA-256")
    root = _root(resource["digest"] for resource in resources)
    if [subject["digest"]["sha256"] for subject in statement["subject"]] != [root]:
        raise ValueError("statement has another digest than its files")
    return {resource["name"]: resource["digest"] for resource in resources}


def _root(digests: Iterable[str]) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
