"""`release provenance`: states what a build was made of, as an in-toto Statement with SLSA v1."""

import argparse
import json
import os
from pathlib import Path

from modelsystem_release import artefact
from modelsystem_release.commands.arguments import (
    Commands,
    Parser,
    add_place,
    command,
    signer,
    target,
)
from modelsystem_release.commands.output import show, table, write_json
from modelsystem_shared.errors import UsageError
from modelsystem_shared.manifest import Manifest

MORE = """examples:
  release provenance out/152.tar.gz --image acr.example/trainer@sha256:... --into out/152.json
  release provenance out/152.tar.gz --image ... --trained 152 --namespace prod --into ...

Parameters are the artefact's values, with secrets masked. --trained adds the data and the metrics
of the model's manifest. The same input gives the same bytes, but for a signature.

--key signs the statement, in a DSSE envelope: a PEM file with a private key (ECDSA on P-256), or
the URL of a key in Azure Key Vault, https://<vault>.vault.azure.net/keys/<name>."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command."""
    parser = command(commands, "provenance", __doc__, MORE)
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT")
    parser.add_argument(
        "--image", action="append", default=[], metavar="NAME@sha256:...", help="of this build"
    )
    parser.add_argument("--trained", metavar="BUILD|URL", help="the site that serves its model")
    parser.add_argument("--key", metavar="FILE|URL", help="sign the statement with this key")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="write it there, and print its subjects"
    )
    add_place(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Make the statement; print it, or write it and print its subjects."""
    built = artefact.read(arguments.artefact)
    images = [artefact.parse_image(text) for text in arguments.image]
    model = _model(arguments, built.build) if arguments.trained else None
    statement = artefact.make_statement(built, images, os.environ, model)
    document: object = statement
    if arguments.key:
        signed = artefact.sign_statement(statement, signer(arguments.key))
        document = json.loads(signed.to_json())
    if arguments.into:
        write_json(arguments.into, document)
    else:
        arguments.output = "json"
    rows = [[subject["name"], subject["digest"]["sha256"]] for subject in statement["subject"]]
    show(arguments, document, table(("SUBJECT", "SHA-256"), rows))


def _model(arguments: argparse.Namespace, build: str) -> Manifest:
    with target(arguments).site(arguments.trained) as site:
        manifest = site.manifest()
    if manifest.build != build:
        raise UsageError(f"{arguments.trained} serves build {manifest.build}, not {build}")
    return manifest
