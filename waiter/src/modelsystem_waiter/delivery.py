"""Accepting a complete model: verified in place, or copied while its bytes are verified.

The copy in MODELCACHE is a model folder too, with its marker written last: the scorer loads both
with the same code.
"""

import logging
import shutil
from pathlib import Path

from modelsystem_shared import files, folder, marker, publication
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
_BLOCK = 4096  # bytes: a file takes whole blocks of a volume


def receive(settings: Settings) -> Published:
    """Return the published model if every digest holds; with MODELCACHE, copy it there first.

    Raises:
        IncompleteModelError: there is no whole marker.
        CorruptModelError: a file cannot be read, or does not have the digest that was published.
        SettingsError: the model is of another build than BUILDNUMBER, of another tenant than
            TENANTID, or larger than MODELCACHE_LIMIT.
        SignatureError: no key of TRUSTED_KEYS has signed it.
        StorageError: MODELCACHE cannot hold it.
        OSError: the marker cannot be read.

    """
    model = folder.published(
        settings.model_folder, settings.build, settings.trusted_keys, settings.tenant
    )
    if settings.model_cache is None:
        log.info("Verifying %s", model.extent)
        folder.verify(model)
    else:
        _check_size(model, settings.cache_limit)
        copy(model, settings.model_cache)
    return model


def _check_size(model: Published, limit: int | None) -> None:
    """Refuse a model that exceeds the limit: an emptyDir takes it, and the pod is then evicted."""
    sizes = [file.size for file in model.manifest.all_files]
    sizes += [(model.attempt / name).stat().st_size for name in model.seals]
    blocks = sum(-(-size // _BLOCK) for size in sizes) + 3  # and the marker and two folders
    if limit is not None and blocks * _BLOCK > limit:
        raise SettingsError(
            [
                f"MODELCACHE_LIMIT is {limit:,} bytes, and the model takes {blocks * _BLOCK:,}: "
                "raise it (modelCache.sizeLimit of the chart)"
            ]
        )


def copy(model: Published, cache: Path) -> None:
    """Copy the model to `cache`, unless it is there already; errors as of `receive`."""
    try:
        if _holds(cache, model.marker):
            log.info("%s holds this model already", cache)
            return
        folder.check_names(model)
        log.info("Copying %s, to %s", model.extent, cache)
        _clear(cache)
        _copy_all(model, cache)
    except OSError as error:
        reason = files.reason(error)
        raise StorageError(f"MODELCACHE {cache} cannot hold the model: {reason}") from error


def _holds(cache: Path, expected: Marker) -> bool:
    try:
        cached = folder.published(cache)
        folder.verify(cached)
    except (IncompleteModelError, CorruptModelError):
        return False
    return cached.marker == expected


def _clear(cache: Path) -> None:
    """Remove the files of a model folder, the marker first, and nothing else."""
    (cache / marker.NAME).unlink(missing_ok=True)
    for attempt in folder.attempts(cache):
        shutil.rmtree(attempt)


def _copy_all(model: Published, cache: Path) -> None:
    target = cache / model.marker.attempt
    files.make_folder(target)
    for file in model.manifest.all_files:
        path = model.attempt / file.name
        folder.check_file(path, file, _copy_file(path, target))
    for name, sha256 in model.seals.items():
        path = model.attempt / name
        if _copy_file(path, target) != sha256:
            raise CorruptModelError(f"{path} does not have the digest in {marker.NAME}")
    files.sync_folder(target)
    if publication.place(cache, model.marker) != model.marker:
        raise StorageError(f"MODELCACHE {cache} is in use by another process")


def _copy_file(source: Path, target: Path) -> str:
    """Copy a file into the folder `target` and return its SHA-256."""
    try:
        return files.copy_hashed(source, target / source.name)
    except OSError as error:
        if error.filename == str(target / source.name):
            raise  # the cache fails, and another try does not help
        raise folder.unreadable(source, error) from error
