"""`release verify`: checks a running build against its provenance."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelsystem_release import naming
from modelsystem_release.artefact import artefact
from modelsystem_release.cluster.site import Site
from modelsystem_release.cluster.target import Namespace
from modelsystem_release.commands import provenance
from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import MismatchError
from modelsystem_release.judging.verdict import Check
from modelsystem_release.traffic import routing as weights
from modelsystem_shared.manifest import Manifest

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})$")


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "verify", __doc__)
    parser.add_argument("statement", type=Path, metavar="STATEMENT")
    parser.add_argument("build", metavar="BUILD|URL")
    parser.add_argument("--artefact", type=Path, metavar="FILE", help="check this one, too")
    weights.add_place(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Check everything and tell all of it.

    Raises:
        MismatchError: something is not as the statement says.

    """
    claimed = provenance.load(chosen.statement)
    space = Namespace(chosen.namespace, chosen.tenant, weights.sites(chosen))
    trained = provenance.manifest_of(space, chosen.build)
    checks = [*_of_model(claimed, trained), *_of_answer(space, chosen.build, trained)]
    if space.url(chosen.build) is None:
        checks += _of_images(claimed, space, trained.build)
    if chosen.artefact:
        checks.append(_of_artefact(claimed, chosen.artefact))
    rows = [("ok" if one.passed else "WRONG", one.name, one.reason) for one in checks]
    data = {"verified": all(one.passed for one in checks), "checks": [vars(one) for one in checks]}
    show(chosen.output == "json", data, table(("", "CHECK", "WHY"), rows))
    if wrong := [f"{one.name}: {one.reason}" for one in checks if not one.passed]:
        raise MismatchError(f"{chosen.build} is not what its provenance says: {'; '.join(wrong)}")


def _of_model(claimed: dict[str, Any], trained: Manifest) -> Iterator[Check]:
    definition = claimed["predicate"]["buildDefinition"]
    number = str(definition["externalParameters"]["build"]["number"])
    yield _same("build", trained.build, number)
    yield _same("model digest of its files", str(trained.model.get("digest")), trained.digest)
    made = claimed["predicate"]["runDetails"].get("byproducts") or []
    models = [one["digest"]["sha256"] for one in made if one["name"] == provenance.MODEL]
    yield _same("model digest", trained.digest, *models)
    commits = [
        one["digest"]["gitCommit"]
        for one in definition["resolvedDependencies"]
        if "gitCommit" in one["digest"]
    ]
    if told := trained.run.get("commit"):
        yield _same("commit", str(told), *commits)
    known = {one["digest"].get("sha256") for one in definition["resolvedDependencies"]}
    unknown = [f["name"] for f in trained.model["data"]["files"] if f["sha256"] not in known]
    yield Check("data", not unknown, f"unknown: {', '.join(unknown)}" if unknown else "all files")


def _of_answer(space: Namespace, build: str, trained: Manifest) -> Iterator[Check]:
    """Compare what a real answer says of itself with the manifest."""
    with space.site(build) as url, Site(url) as site:
        answer = site.recommend((), 1)
    if answer.fault:
        yield Check("answer", False, answer.fault)
    else:
        yield _same("X-Model-Build of an answer", answer.build, trained.build)
        yield _same("X-Model-Digest of an answer", answer.digest, trained.digest)


def _of_images(claimed: dict[str, Any], space: Namespace, build: str) -> Iterator[Check]:
    """Every container that runs must be of an image of the statement."""
    known = {one["digest"]["sha256"] for one in claimed["subject"]}
    for pod in space.of_release("pods", naming.release(build, space.tenant)):
        status = pod["status"]
        for one in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
            found = _DIGEST.search(one.get("imageID", ""))
            name = f"image of {one['name']} in {pod['metadata']['name']}"
            yield Check(name, bool(found and found[1] in known), one.get("imageID") or "no digest")


def _of_artefact(claimed: dict[str, Any], path: Path) -> Check:
    digests = [one["digest"]["sha256"] for one in claimed["subject"]]
    return _same("artefact", artefact.read(path).sha256, *digests[:1])


def _same(name: str, found: str, *wanted: str) -> Check:
    if not wanted:
        return Check(name, False, f"{found}, of which the statement says nothing")
    reason = found if found in wanted else f"{found}, but the statement says {' or '.join(wanted)}"
    return Check(name, found in wanted, reason)
