"""`manifest.json`: what a model consists of, what made it, and how good it is.

The `model` part is the same for the same data, settings and code; the `run` part tells of
the one training that wrote it.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from modelsystem_shared.errors import CorruptModelError

NAME = "manifest.json"
FORMAT = 1
MOST_BYTES = 16 << 20
_FILE_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFile:
    """A file of the model: its plain name, size in bytes, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The manifest, with its files checked and the rest as JSON has it."""

    model: dict[str, Any]
    run: dict[str, Any]

    @property
    def build(self) -> str:
        """The build number."""
        return str(self.model["build"])

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The model files, by name."""
        return tuple(ModelFile(**file) for file in self.model["files"])

    @property
    def digest(self) -> str:
        """The model digest: the SHA-256 over the list of model files with their digests."""
        return model_digest(self.files)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        parts = {"model": self.model, "run": self.run}
        return (json.dumps(parts, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def listing(files: Iterable[ModelFile]) -> list[dict[str, Any]]:
    """Return the files as the manifest lists them, by name."""
    return [asdict(file) for file in sorted(files, key=lambda file: file.name)]


def model_digest(files: Iterable[ModelFile]) -> str:
    """Return the SHA-256 over lines of digest, two blanks and name, as sha256sum prints them."""
    lines = sorted(f"{file.sha256}  {file.name}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def parse(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        CorruptModelError: when it is not one that this version understands.

    """
    try:
        parts = json.loads(content)
        manifest = Manifest(model=dict(parts["model"]), run=dict(parts["run"]))
        if manifest.model["format"] != FORMAT:
            raise CorruptModelError(
                f"{NAME} has format {manifest.model['format']!r}; this version reads {FORMAT}"
            )
        _check_files(manifest.files)
        _ = manifest.build
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptModelError(f"{NAME} is not a manifest: {error!r}") from error
    return manifest


def _check_files(files: tuple[ModelFile, ...]) -> None:
    for file in files:
        if not _FILE_NAME.fullmatch(file.name) or not _DIGEST.fullmatch(file.sha256):
            raise ValueError(f"bad entry {file!r}")
        if type(file.size) is not int or file.size < 0:
            raise ValueError(f"bad size in {file!r}")
    if len({file.name for file in files}) != len(files) or not files:
        raise ValueError("no files, or one listed twice")
