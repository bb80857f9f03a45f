"""One check of the model folder: what is there now, and whether the model can be accepted."""

from collections.abc import Mapping
from pathlib import Path

from modelsystem_shared import files, folder, progress
from modelsystem_shared.errors import CorruptModelError, FormatError, IncompleteModelError
from modelsystem_waiter import delivery
from modelsystem_waiter.settings import Settings
from modelsystem_waiter.verdict import Attempt, Observation


def observe(settings: Settings) -> Observation:
    """Check the attempts, and then the marker, which outranks them.

    Raises:
        SettingsError: the model is complete, but of another build or tenant.
        FormatError: the model is complete, but of another format.
        SignatureError: the model is complete, but no trusted key has signed it.
        StorageError: MODELCACHE cannot hold the model.

    """
    attempts = trouble = mismatch = model = None
    try:
        attempts = _attempts(settings.model_folder)
    except OSError as error:
        trouble = _sentence(settings.model_folder, error)
    try:
        model = delivery.receive(settings)
    except IncompleteModelError:
        pass
    except FormatError:  # no stale cache: the manifest has its digest
        raise
    except CorruptModelError as error:
        mismatch = str(error)
    except OSError as error:
        trouble = _sentence(settings.model_folder, error)
    if model is None and files.is_full(settings.model_folder):
        trouble = f"{settings.model_folder}: no space is left on its volume"
    return Observation(model, attempts, mismatch, trouble)


def _attempts(model_folder: Path) -> Mapping[str, Attempt]:
    return {
        path.name: Attempt(progress.latest(path), progress.failure(path))
        for path in folder.attempts(model_folder)
    }


def _sentence(model_folder: Path, error: OSError) -> str:
    return f"{model_folder} cannot be read: {error.strerror or error}"
