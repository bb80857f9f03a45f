"""A build is never trained twice: what to do in a folder that is complete already."""

import logging
from collections.abc import Iterator
from pathlib import Path

from modelsystem_shared import folder
from modelsystem_shared.errors import CorruptModelError, ModelSystemError, SettingsError
from modelsystem_shared.manifest import Manifest
from modelsystem_trainer.publishing import record
from modelsystem_trainer.settings import Settings

log = logging.getLogger(__name__)
_LOCATION = "CSV_FOLDER or BLOB_STORAGE_*"


def is_complete(chosen: Settings) -> bool:
    """Say whether this build is published already, verified, and made of the same settings.

    Raises:
        SettingsError: it was made with other settings; each is named. Or it is no folder.
        ModelSystemError: what was published has been damaged since.

    """
    if not _has_marker(chosen.model_folder):
        return False
    try:
        found = folder.published(chosen.model_folder)
        if differing := list(differences(chosen, found.manifest)):
            raise SettingsError(differing)
        folder.verify(found)
    except CorruptModelError as error:
        raise ModelSystemError(
            f"this build was published, but is damaged: {error}; cut a new build"
        ) from error
    log.info("Already complete and verified: build %s, score %s", chosen.build, found.marker.score)
    return True


def _has_marker(model_folder: Path) -> bool:
    try:
        return folder.read_marker(model_folder) is not None
    except NotADirectoryError as error:
        raise SettingsError([f"MODELFOLDER: {model_folder} is not a folder"]) from error


def differences(chosen: Settings, published: Manifest) -> Iterator[str]:
    """Yield a sentence for each setting that is not as it was for the published model."""
    now = record.shaping(chosen) | {_LOCATION: chosen.location}
    then = published.model["settings"] | {_LOCATION: published.model["data"]["location"]}
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) != then.get(name):
            yield (
                f"{name} is {now.get(name)!r}, but this folder's complete model was made "
                f"with {then.get(name)!r}: give the new build a folder of its own"
            )
