"""What a training has left in its model folder."""

import hashlib
from pathlib import Path
from typing import Any

from modelsystem_shared import folder, progress
from modelsystem_shared.progress import Failure


def failure(model_folder: Path) -> Failure:
    """Return the failure of the only attempt in a folder."""
    (attempt,) = folder.attempts(model_folder)
    failure = progress.failure(attempt)
    assert failure
    return failure


def model_part(model_folder: Path) -> dict[str, Any]:
    """Verify a published model and return the `model` part of its manifest."""
    published = folder.published(model_folder)
    folder.verify(published)
    return published.manifest.model


def digests(model_folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of the export that was read, from the manifest."""
    return {file["name"]: file["sha256"] for file in model_part(model_folder)["data"]["files"]}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
