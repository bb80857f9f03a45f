"""`release provenance`: says what a build was made of, as an in-toto Statement with SLSA v1."""

import argparse
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelsystem_release.artefact import artefact
from modelsystem_release.artefact.artefact import Artefact
from modelsystem_release.cluster.site import Site
from modelsystem_release.cluster.target import Namespace
from modelsystem_release.commands.arguments import Commands, Parser, command, show, table
from modelsystem_release.errors import UsageError
from modelsystem_release.traffic import routing as weights
from modelsystem_release.values import masking, yamlfile
from modelsystem_shared import manifest
from modelsystem_shared.manifest import Manifest, Metrics

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:modelsystem:build:1"
MODEL, ARTEFACT = "model", "artefact"
_IMAGE = re.compile(r"([^@\s]+)@sha256:([0-9a-f]{64})")
MORE = """examples:
  release provenance out/152.tar.gz --image acr.example/trainer@sha256:... --into out/152.json
  release provenance out/152.tar.gz --image ... --trained 152 --namespace prod --into ...

Parameters are the artefact's values, secrets masked. With --trained it also has the data and
the metrics of the model's manifest. The same input gives the same bytes."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "provenance", __doc__, MORE)
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT")
    parser.add_argument(
        "--image", action="append", default=[], metavar="NAME@sha256:...", help="of this build"
    )
    parser.add_argument("--trained", metavar="BUILD|URL", help="the site that serves its model")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="write it there, and print its subjects"
    )
    weights.add_place(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Make the statement, print it, and write it down where that is wanted."""
    found = artefact.read(chosen.artefact)
    trained = None
    if chosen.trained:
        space = Namespace(chosen.namespace, chosen.tenant, weights.sites(chosen))
        trained = manifest_of(space, chosen.trained)
        if trained.build != found.build:
            raise UsageError(f"{chosen.trained} serves build {trained.build}, not {found.build}")
    made = statement(found, [image(text) for text in chosen.image], os.environ, trained)
    if chosen.into:
        weights.write_json(chosen.into, made)
    rows = [[one["name"], one["digest"]["sha256"]] for one in made["subject"]]
    is_whole = chosen.output == "json" or not chosen.into
    show(is_whole, made, table(("SUBJECT", "SHA-256"), rows))


def statement(
    found: Artefact,
    images: Sequence[tuple[str, str]],
    environ: Mapping[str, str],
    trained: Manifest | None,
) -> dict[str, Any]:
    """Return the statement; images: names and SHA-256 digests."""
    subjects = [(found.path.name, found.sha256), *images]
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": masking.masked(found.values),
                "internalParameters": found.origin.annotations(),
                "resolvedDependencies": [_source(found), *(_data(trained) if trained else [])],
            },
            "runDetails": {
                "builder": {"id": _builder(environ)},
                "metadata": {"invocationId": found.origin.run_url or f"build {found.build}"},
                "byproducts": [_model(trained)] if trained else [],
            },
        },
    }


def manifest_of(space: Namespace, build: str) -> Manifest:
    """Return the manifest that a build's site shows.

    Raises:
        CorruptModelError: it is no manifest.

    """
    with space.site(build) as url, Site(url) as site:
        return manifest.parse(site.text("/v1/provenance"))


def image(text: str) -> tuple[str, str]:
    """Read an image's name and digest.

    Raises:
        UsageError: there is no digest: a tag can be moved.

    """
    found = _IMAGE.fullmatch(text)
    if not found:
        raise UsageError(f"--image {text}: write NAME@sha256:DIGEST; a tag can be moved")
    return found[1], found[2]


def load(path: Path) -> dict[str, Any]:
    """Read a statement.

    Raises:
        UsageError: it is not one of ours.

    """
    try:
        found: dict[str, Any] = json.loads(yamlfile.read_text(path))
        kind = (found["_type"], found["predicateType"])
        build_type = found["predicate"]["buildDefinition"]["buildType"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: is no provenance statement: {error!r}") from error
    if (*kind, build_type) != (STATEMENT, PREDICATE, BUILD_TYPE):
        raise UsageError(f"{path}: is a {kind[1]} of {build_type}, which this does not know")
    return found


def _source(found: Artefact) -> dict[str, Any]:
    told = found.origin
    name = f"git+{told.repository}" if told.repository else "git+local"
    return {
        "uri": f"{name}@{told.branch}" if told.branch else name,
        "digest": {"gitCommit": told.commit},
    }


def _data(trained: Manifest) -> list[dict[str, Any]]:
    data = trained.model["data"]
    return [
        {
            "name": file["name"],
            "uri": f"{data['location']}/{file['name']}",
            "digest": {"sha256": file["sha256"]},
        }
        for file in data["files"]
    ]


def _model(trained: Manifest) -> dict[str, Any]:
    model = trained.model
    metrics = model.get("metrics")
    told = {
        "build": trained.build,
        "metrics": {"model": _at_20(metrics["model"]), "popularity": _at_20(metrics["popularity"])}
        if metrics
        else {},
        "rows": model["data"]["rows"],
        "run": {
            key: trained.run.get(key) for key in ("started", "finished", "commit", "started_by")
        },
    }
    return {"name": MODEL, "digest": {"sha256": trained.digest}, "annotations": told}


def _at_20(metrics: Metrics) -> dict[str, object]:
    figures = metrics["at"]["20"]
    return {
        "users": metrics["users"],
        "recall": figures["recall"],
        "ndcg": figures["ndcg"],
        "coverage": figures["coverage"],
    }


def _builder(environ: Mapping[str, str]) -> str:
    place = environ.get("SYSTEM_COLLECTIONURI", "")
    project = environ.get("SYSTEM_TEAMPROJECT", "").replace(" ", "%20")
    definition = environ.get("SYSTEM_DEFINITIONID", "")
    if not place:
        return "urn:modelsystem:by-hand"
    return f"{place}{project}/_build?definitionId={definition}"
