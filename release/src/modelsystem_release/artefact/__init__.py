"""A build as one file: the chart with the build's values and origin.

And what belongs to it: its tag in Git, and the statement that says what it was made of.
"""

from modelsystem_release.artefact.artefact import Artefact, make, read
from modelsystem_release.artefact.packaging import Package, package, write
from modelsystem_release.artefact.provenance import make_statement
from modelsystem_release.artefact.statement import (
    MODEL,
    Image,
    Provenance,
    Statement,
    load_provenance,
    parse_image,
    sign_statement,
)
from modelsystem_release.artefact.tagging import tag

__all__ = [
    "MODEL",
    "Artefact",
    "Image",
    "Package",
    "Provenance",
    "Statement",
    "load_provenance",
    "make",
    "make_statement",
    "package",
    "parse_image",
    "read",
    "sign_statement",
    "tag",
    "write",
]
