"""The statement of what a build was made of: an in-toto Statement v1, SLSA provenance v1.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
https://slsa.dev/spec/v1.0/provenance
"""

import json
import re
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

from modelsystem_release.values import read_text
from modelsystem_shared import typed
from modelsystem_shared.errors import UsageError
from modelsystem_shared.signing import Envelope, Signer

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:modelsystem:build:1"
MODEL = "model"  # the name of the byproduct
_IMAGE = re.compile(r"([^@\s]+)@sha256:([0-9a-f]{64})")


class Digest(TypedDict):
    """The SHA-256 in hex."""

    sha256: str


class Subject(TypedDict):
    """What the statement is about: the artefact first, then the images."""

    name: str
    digest: Digest


class Dependency(TypedDict):
    """What the build was made from: the commit, and each file of the export."""

    uri: str
    digest: dict[str, str]
    name: NotRequired[str]


class Byproduct(TypedDict):
    """The model: its digest, metrics and run."""

    name: str
    digest: Digest
    annotations: dict[str, object]


class BuildDefinition(TypedDict):
    """The inputs; externalParameters: the artefact's values, secrets masked."""

    buildType: str
    externalParameters: dict[str, object]
    internalParameters: dict[str, str]
    resolvedDependencies: list[Dependency]


class RunDetails(TypedDict):
    """The run that made it."""

    builder: dict[str, str]
    metadata: dict[str, str]
    byproducts: list[Byproduct]


class Predicate(TypedDict):
    """SLSA provenance."""

    buildDefinition: BuildDefinition
    runDetails: RunDetails


class Statement(TypedDict):
    """The whole file."""

    _type: str
    subject: list[Subject]
    predicateType: str
    predicate: Predicate


class Image(NamedTuple):
    """An image: its repository and its SHA-256 in hex."""

    name: str
    sha256: str


def parse_image(text: str) -> Image:
    """Read `NAME@sha256:DIGEST`.

    Raises:
        UsageError: it has no digest.

    """
    match = _IMAGE.fullmatch(text)
    if not match:
        raise UsageError(f"--image {text}: write NAME@sha256:DIGEST; a tag can be moved")
    return Image(match[1], match[2])


class Provenance(NamedTuple):
    """A statement, and the envelope that has its signature; None if it is not signed."""

    statement: Statement
    envelope: Envelope | None


def sign_statement(statement: Statement, signer: Signer) -> Envelope:
    """Return the statement in an envelope, signed."""
    return signer.sign(json.dumps(statement, ensure_ascii=False).encode())


def load_provenance(path: Path) -> Provenance:
    """Read a statement, signed or not; its signature is not checked here.

    Raises:
        UsageError: it is not one that this tool has made.

    """
    try:
        content = read_text(path)
        envelope = Envelope.of_json(content.encode()) if '"payload"' in content else None
        document = json.loads(envelope.payload if envelope else content)
        statement = typed.checked(Statement, document, "statement")
    except ValueError as error:
        raise UsageError(f"{path}: not a provenance statement: {error}") from error
    build_type = statement["predicate"]["buildDefinition"]["buildType"]
    kinds = (statement["_type"], statement["predicateType"], build_type)
    if kinds != (STATEMENT, PREDICATE, BUILD_TYPE):
        raise UsageError(f"{path}: unknown kind of statement: {', '.join(kinds)}")
    return Provenance(statement, envelope)
