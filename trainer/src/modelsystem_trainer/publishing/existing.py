"""A model that is published already: a build is never trained twice."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelsystem_shared import folder
from modelsystem_shared.errors import (
    CorruptModelError,
    FormatError,
    ModelSystemError,
    SettingsError,
    SignatureError,
    StorageError,
    UnreadableModelError,
)
from modelsystem_shared.manifest import Manifest
from modelsystem_trainer.publishing import record
from modelsystem_trainer.settings import Settings

if TYPE_CHECKING:
    from modelsystem_shared.signing import Signer

log = logging.getLogger(__name__)
_LOCATION = "CSV_FOLDER or BLOB_STORAGE_*"


def is_published(model_folder: Path) -> bool:
    """Return whether the folder has a whole marker.

    Raises:
        SettingsError: it is not a folder.

    """
    try:
        return folder.read_marker(model_folder) is not None
    except NotADirectoryError as error:
        raise SettingsError([f"MODELFOLDER: {model_folder} is not a folder"]) from error


def accept(settings: Settings, signer: "Signer | None" = None) -> None:
    """Accept the published model in place of a training: verify it and log its score.

    signer: the key that must have signed it; None for any or none.

    Raises:
        SettingsError: it was made with other settings, or signed by another key; each is named.
        ModelSystemError: it is damaged.
        StorageError: it cannot be read.

    """
    try:
        trusted = signer.public if signer else None
        published = folder.published(settings.model_folder, trusted=trusted)
        if differing := list(differences(settings, published.manifest)):
            raise SettingsError(differing)
        folder.verify(published)
    except UnreadableModelError as error:
        raise StorageError(f"this build was published, but {error}") from error
    except SignatureError as error:
        name = "SIGNING_KEY_FILE" if settings.signing_key else "SIGNING_KEY_VAULT"
        raise SettingsError(
            [f"{name} is not the key of this folder's complete model: {error}; cut a new build"]
        ) from error
    except FormatError as error:
        raise ModelSystemError(f"another version published this build: {error}") from error
    except CorruptModelError as error:
        raise ModelSystemError(
            f"this build was published, but is damaged: {error}; cut a new build"
        ) from error
    score = published.marker.score
    log.info("Already complete and verified: build %s, score %s", settings.build, score)


def differences(settings: Settings, published: Manifest) -> Iterator[str]:
    """Yield a sentence for each setting that differs from the published model's."""
    now = record.shaping_texts(settings) | {_LOCATION: settings.location}
    then = published.model["settings"] | {_LOCATION: published.model["data"]["location"]}
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) != then.get(name):
            yield (
                f"{name} is {now.get(name) or 'not set'}, but this folder's complete model was "
                f"made {_with(then.get(name))}: give the new build a folder of its own"
            )


def _with(value: str | None) -> str:
    return f"with {value}" if value else "without it"
