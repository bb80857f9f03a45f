"""A running build compared with its statement and its artefact."""

import re
from collections.abc import Iterator

from modelsystem_release.artefact import MODEL, Artefact, Statement
from modelsystem_release.cluster import Site, Target, container_statuses
from modelsystem_release.judging.check import Check
from modelsystem_shared.manifest import Manifest

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})$")


def verify(
    statement: Statement, target: Target, build: str, artefact: Artefact | None
) -> list[Check]:
    """Return all checks of a build, given by its number or its site's URL.

    Images are checked if the build is found by its number; the artefact if there is one.
    """
    with target.site(build) as site:
        model = site.manifest()
        checks = [*_of_model(statement, model), *_of_answer(site, model)]
    if target.url(build) is None:
        checks += _of_images(statement, target, model.build)
    if artefact:
        checks.append(_same("artefact", artefact.sha256, *_digests(statement)[:1]))
    return checks


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
