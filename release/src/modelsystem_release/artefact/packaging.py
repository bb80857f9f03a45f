"""From a chart with a build's values to the bytes of its artefact."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelsystem_release.artefact import archive, origin
from modelsystem_release.artefact.artefact import VALUES, make, read, yaml_in
from modelsystem_release.values import Values, secret_paths
from modelsystem_shared import files
from modelsystem_shared.errors import UsageError


@dataclass(frozen=True)
class Package:
    """An artefact that is not written yet."""

    build: str
    content: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.build.replace('/', '-')}.tar.gz"

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def package(
    chart: Path, like: Path | None, environ: Mapping[str, str], allowed: Collection[str]
) -> Package:
    """Make the artefact of a chart.

    like: an artefact whose values and origin to take; without it the chart's own values, and the
        origin from the pipeline's variables (`environ`) and the Git clone.
    allowed: paths of secrets that may be among the values.

    Raises:
        UsageError: it is not a chart, or there is another secret among its values.

    """
    contents = archive.of_folder(chart)
    if like:
        original = read(like)
        annotations = original.annotations
        contents[VALUES] = original.contents[VALUES]
    else:
        annotations = origin.of_run(environ, Path()).annotations()
    _refuse_secrets(yaml_in(contents, VALUES, chart), allowed)
    return Package(*make(contents, annotations, chart))


def write(made: Package, folder: Path) -> Path:
    """Write an artefact, unless it is there already, and return its path.

    Raises:
        UsageError: the build has an artefact with other content there.

    """
    path = folder / made.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        files.write_new(path, made.content)
    except FileExistsError:
        if path.read_bytes() != made.content:
            raise UsageError(f"{path} exists with other content: a build never changes") from None
    return path


def _refuse_secrets(values: Values, allowed: Collection[str]) -> None:
    """Refuse secrets that are not allowed; the sentence has their paths, never their values."""
    paths = [".".join(path) for path in secret_paths(values)]
    if refused := [path for path in paths if path not in allowed]:
        raise UsageError(
            f"secrets among the values: {', '.join(refused)}; use workload identity or an "
            f"existing Secret, or allow each, as with --allow-secret {refused[0]}"
        )
