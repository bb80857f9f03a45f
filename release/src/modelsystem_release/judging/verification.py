"""A running build compared with its statement and its artefact."""

import re
from collections.abc import Iterator
from hashlib import sha256

from modelsystem_release.artefact import MODEL, Artefact, Provenance, Statement
from modelsystem_release.cluster import Site, Target, container_statuses
from modelsystem_release.judging.check import Check
from modelsystem_shared import manifest
from modelsystem_shared.errors import ServiceError
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.signing import Envelope, TrustedKeys

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})$")


def verify(
    provenance: Provenance,
    target: Target,
    build: str,
    artefact: Artefact | None,
    trusted: TrustedKeys | None = None,
) -> list[Check]:
    """Return all checks of a build, given by its number or its site's URL, as a chain.

    It begins with the statement's signature and ends with a real answer. Images are checked if the
    build is found by its number; the artefact if there is one; signatures if there are keys.
    """
    statement = provenance.statement
    checks = [_of_statement(provenance.envelope, trusted)] if trusted else []
    if artefact:
        checks.append(_same("artefact", artefact.sha256, *_digests(statement)[:1]))
    with target.site(build) as site:
        model = site.manifest()
        if target.url(build) is None:
            checks += _of_images(statement, target, model.build)
        checks += _of_model(statement, model)
        if trusted:
            checks.append(_of_signature(site, model, trusted))
        checks += _of_answer(site, model)
    return checks


def _of_statement(envelope: Envelope | None, trusted: TrustedKeys) -> Check:
    name = "signature of the statement"
    if envelope is None:
        return Check(name, False, "the statement is not signed")
    try:
        trusted.payload(envelope)
    except ValueError as error:
        return Check(name, False, f"the statement {error}")
    return Check(name, True, f"key {envelope.key_id}")


def _of_signature(site: Site, model: Manifest, trusted: TrustedKeys) -> Check:
    """Check that a trusted key has signed the manifest that the site shows, and its files."""
    name, shown = "signature of the model", sha256(model.to_bytes()).hexdigest()
    try:
        bundle = site.read("/v1/provenance/signature")
        signed = trusted.digests(bundle)
        manifest.check_signed(signed, manifest.signed_digests(model, shown))
    except (ServiceError, ValueError) as error:
        return Check(name, False, f"model.sig {error}")
    return Check(name, True, f"key {Envelope.of_bundle(bundle).key_id}")


def _of_model(statement: Statement, model: Manifest) -> Iterator[Check]:
    definition = statement["predicate"]["buildDefinition"]
    yield _same("build", model.build, _build_number(definition["externalParameters"]))
    yield _same("model digest of its files", str(model.model.get("digest")), model.digest)
    byproducts = statement["predicate"]["runDetails"]["byproducts"]
    digests = [b["digest"]["sha256"] for b in byproducts if b["name"] == MODEL]
    yield _same("model digest", model.digest, *digests)
    made_from = [dependency["digest"] for dependency in definition["resolvedDependencies"]]
    if commit := model.run.get("commit"):
        commits = [digest["gitCommit"] for digest in made_from if "gitCommit" in digest]
        yield _same("commit", commit, *commits)
    yield _of_data(model, {digest.get("sha256") for digest in made_from})


def _build_number(values: dict[str, object]) -> str:
    build = values.get("build")
    return str(build.get("number")) if isinstance(build, dict) else "without a number"


def _of_data(model: Manifest, digests: set[str | None]) -> Check:
    data = model.model.get("data")
    if data is None:
        return Check("data", False, "the manifest has no data")
    unknown = [file["name"] for file in data["files"] if file["sha256"] not in digests]
    return Check("data", not unknown, f"unknown: {', '.join(unknown)}" if unknown else "all files")


def _of_answer(site: Site, model: Manifest) -> Iterator[Check]:
    """Compare the headers of a real answer with the manifest."""
    answer = site.recommend((), 1)
    if answer.fault:
        yield Check("answer", False, answer.fault)
    else:
        yield _same("X-Model-Build of an answer", answer.build, model.build)
        yield _same("X-Model-Digest of an answer", answer.digest, model.digest)


def _of_images(statement: Statement, target: Target, build: str) -> Iterator[Check]:
    """Look for the image of every container among those of the statement."""
    digests = set(_digests(statement))
    for pod in target.of_release("pods", target.release(build)):
        for status in container_statuses(pod):
            image = status.get("imageID", "")
            match = _DIGEST.search(image)
            name = f"image of {status['name']} in {pod['metadata']['name']}"
            yield Check(name, bool(match and match[1] in digests), image or "no digest")


def _digests(statement: Statement) -> list[str]:
    """Return the digests of the subjects; the first is the artefact's."""
    return [subject["digest"]["sha256"] for subject in statement["subject"]]


def _same(name: str, actual: str, *stated: str) -> Check:
    if not stated:
        return Check(name, False, f"{actual}, and the statement has none")
    if actual in stated:
        return Check(name, True, actual)
    return Check(name, False, f"{actual}, but the statement has {' or '.join(stated)}")
