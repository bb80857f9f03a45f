"""Accepting a complete model: verified where it is, or copied, and the copy's bytes verified.

The copy in MODELCACHE is a model folder like any other, marker last, so that the scorer
loads either with the same code.
"""

import errno
import logging
import shutil
from pathlib import Path

from modelsystem_shared import files, folder, manifest, marker, publication
from modelsystem_shared.errors import (
    CorruptModelError,
    IncompleteModelError,
    SettingsError,
    StorageError,
)
from modelsystem_shared.folder import Published
from modelsystem_shared.marker import Marker
from modelsystem_waiter.settings import Settings

log = logging.getLogger(__name__)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def receive(config: Settings) -> Published:
    """Return the published model once every digest holds, and MODELCACHE, if any, holds it too.

    Raises:
        IncompleteModelError: there is no whole marker.
        CorruptModelError: the model is not, or cannot be read as, what its marker vouches for.
        SettingsError: it is of another build than BUILDNUMBER.
        StorageError: MODELCACHE cannot hold it.
        OSError: the marker cannot be read.

    """
    model = folder.published(config.model_folder)
    if config.build not in (None, model.marker.build):
        raise SettingsError([_other_build(config, model)])
    if config.model_cache is None:
        log.info("Verifying %s", _extent(model))
        folder.verify(model)
    else:
        deliver(model, config.model_cache)
    return model


def _other_build(config: Settings, model: Published) -> str:
    return (
        f"BUILDNUMBER is {config.build}, "
        f"but the model in {config.model_folder} is of build {model.marker.build}"
    )


def _extent(model: Published) -> str:
    megabytes = sum(file.size for file in model.manifest.files) / 1e6
    return f"{len(model.manifest.files)} files, {megabytes:.1f} MB, in {model.attempt}"


def deliver(model: Published, cache: Path) -> None:
    """Make `cache` hold the model, unless it does already; errors as of `receive`."""
    try:
        if _holds(cache, model.marker):
            log.info("%s holds this model already", cache)
            return
        folder.check_names(model)
        log.info("Copying %s, to %s", _extent(model), cache)
        _clear(cache)
        _copy(model, cache)
    except OSError as error:
        raise StorageError(f"MODELCACHE {cache} cannot hold the model: {error}") from error


def _holds(cache: Path, wanted: Marker) -> bool:
    try:
        held = folder.published(cache)
        folder.verify(held)
    except (IncompleteModelError, CorruptModelError):
        return False
    return held.marker == wanted


def _clear(cache: Path) -> None:
    """Remove what a model folder consists of, marker first, and nothing else."""
    (cache / marker.NAME).unlink(missing_ok=True)
    for attempt in folder.attempts(cache):
        shutil.rmtree(attempt)


def _copy(model: Published, cache: Path) -> None:
    target = cache / model.marker.attempt
    target.mkdir(parents=True)
    for file in model.manifest.files:
        path = model.attempt / file.name
        folder.check_file(path, file, _copied(path, target))
    path = model.attempt / manifest.NAME
    if _copied(path, target) != model.marker.manifest_sha256:
        raise CorruptModelError(f"{path} is not the one that {marker.NAME} vouches for")
    files.sync_folder(target)
    if publication.place(cache, model.marker) != model.marker:
        raise StorageError(f"MODELCACHE {cache} is in use by another process")


def _copied(source: Path, target: Path) -> str:
    try:
        return files.copy_hashed(source, target / source.name)
    except OSError as error:
        if error.errno in _NO_ROOM or error.filename == str(target / source.name):
            raise  # it is the cache that fails, and trying again does not help
        raise CorruptModelError(f"{source} cannot be read: {error.strerror}") from error
