"""The parts of the manifest: what the model is made of, and the training that made it."""

import getpass
import hashlib
import json
import platform
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from modelsystem_shared import manifest, settings
from modelsystem_shared.manifest import Data, HistoryBand, Manifest, ModelFile, ModelPart, RunPart
from modelsystem_shared.profile import Profile
from modelsystem_trainer.evaluation import Gate, in_bands
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.publishing.figures import evaluation_part, search_part, searched_part
from modelsystem_trainer.settings import Settings
from modelsystem_trainer.training import Trained

_HISTORY_LENGTHS = (1, 2, 3, 6, 11, 21, 51, 101)  # where each band of them begins
_LIBRARIES = (
    *("jinja2", "llvmlite", "numba", "numpy", "pandas", "scipy"),
    *("threadpoolctl", "ziaplot"),
)


@dataclass(frozen=True)
class Result:
    """What a training came to: the data with its profile, the model, and the gate's figures."""

    data: Interactions
    profile: Profile
    trained: Trained
    gate: Gate


def model_part(settings: Settings, result: Result) -> ModelPart:
    """Return the part that depends on data, settings and code only, without the files yet."""
    shaping, trained = shaping_texts(settings), result.trained
    part: ModelPart = {
        "format": manifest.FORMAT,
        "build": settings.build,
        "tenant": settings.tenant,
        "settings": shaping,
        "settings_digest": hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest(),
        "parameters": asdict(trained.parameters),
        "search": search_part(trained.search),
        "trend": [{"half_life": days, "ndcg": ndcg} for days, ndcg in trained.half_lives.items()],
        "metrics": evaluation_part(trained, result.gate),
        "data": _data_part(result),
        "files": [],
    }
    if trained.search.tried:
        part["searched"] = searched_part(trained.search)
    return part


def with_files(part: ModelPart, files: list[ModelFile]) -> ModelPart:
    """Return the part with the model's files and their digest."""
    return {**part, "files": manifest.listing(files), "digest": manifest.model_digest(files)}


def with_documents(content: Manifest, documents: list[ModelFile]) -> Manifest:
    """Return the manifest with files that describe the training."""
    return Manifest(content.model, {**content.run, "documents": manifest.listing(documents)})


def run_part(settings: Settings, attempt: str, started: datetime, seconds: float) -> RunPart:
    """Return the part on this one training; `seconds` are not those between two clock times."""
    return {
        "attempt": attempt,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "threads": settings.threads,
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "commit": settings.commit,
        "started_by": settings.started_by or _user(),
        "traceparent": settings.traceparent,
    }


def shaping_texts(values: Settings) -> dict[str, str | None]:
    """Return the settings that shape the model, by variable name, as text."""
    return {
        name: None if value is None else str(value)
        for name, value in settings.shaping(values).items()
    }


def _data_part(result: Result) -> Data:
    data = result.data
    return {
        "location": data.export.location,
        "files": [
            {"name": file.name, "bytes": file.size, "sha256": file.sha256, "etag": file.etag}
            for file in data.export.files
        ],
        "rows": data.rows,
        "rows_rejected": data.rejects.count,
        "rows_of_other_tenants": data.rows_of_others,
        "users": len(data.users),
        "items": len(data.items),
        "interactions": len(data.table),
        "history_lengths": _history_lengths(data),
        "profile": result.profile,
    }


def _history_lengths(data: Interactions) -> list[HistoryBand]:
    lengths = np.bincount(data.table["user"].to_numpy(), minlength=len(data.users))
    return [
        {"first": first, "last": last, "users": int(is_in.sum())}
        for first, last, is_in in in_bands(lengths, _HISTORY_LENGTHS)
    ]


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in most containers
        return None
