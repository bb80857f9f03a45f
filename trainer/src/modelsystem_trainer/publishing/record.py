"""Writing the model down, and what it was made of."""

import getpass
import hashlib
import io
import json
import platform
import socket
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from modelsystem_shared import files, manifest, model, publication, settings, typed
from modelsystem_shared.manifest import ModelFile, ModelPart, RunPart
from modelsystem_trainer.evaluation import metrics
from modelsystem_trainer.evaluation.gate import Gate
from modelsystem_trainer.ingest.interactions import Interactions
from modelsystem_trainer.ingest.rejects import Rejects
from modelsystem_trainer.publishing import report
from modelsystem_trainer.settings import Settings
from modelsystem_trainer.training import Trained

_REJECTED = "rejected.csv"
_HISTORY_LENGTHS = (1, 2, 3, 6, 11, 21, 51, 101)  # where each band of them begins
_LIBRARIES = (
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "pygal",
    "scipy",
    "sparse-dot-topn",
    "threadpoolctl",
)


def facts(chosen: Settings, data: Interactions, trained: Trained, asked: Gate) -> dict[str, Any]:
    """Return all that the manifest and the report tell of the model, its files left out."""
    shape = shaping(chosen)
    return {
        "format": manifest.FORMAT,
        "build": chosen.build,
        "tenant": chosen.tenant,
        "settings": shape,
        "settings_digest": hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest(),
        "parameters": asdict(trained.parameters),
        "search": [{**asdict(tried), "ndcg": ndcg} for tried, ndcg in trained.tried.items()],
        "trend": [{"half_life": days, "ndcg": ndcg} for days, ndcg in trained.half_lives.items()],
        "metrics": _metrics_part(trained, asked),
        "data": _data_part(data) | {"history_lengths": _history_lengths(trained)},
    }


def write_files(attempt: Path, trained: Trained, rejects: Rejects) -> list[ModelFile]:
    """Write the model's files, each synced, and return their sizes and digests."""
    names = []
    for name, array in model.arrays(trained.model):
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        files.write_new(attempt / name, content.getvalue())
        names.append(name)
    if rejects.count:
        files.write_new(attempt / _REJECTED, rejects.to_csv())
        names.append(_REJECTED)
    return publication.describe(attempt, names)


def write_report(attempt: Path, told: dict[str, Any]) -> list[ModelFile]:
    """Write the facts down for people, as one more file of the model."""
    files.write_new(attempt / report.NAME, report.page(told))
    return publication.describe(attempt, [report.NAME])


def model_part(told: dict[str, Any], listed: list[ModelFile]) -> ModelPart:
    """Return the manifest's part that depends on data, settings and code only."""
    files = {"files": manifest.listing(listed), "digest": manifest.model_digest(listed)}
    return typed.checked(ModelPart, told | files, "model")


def _metrics_part(trained: Trained, asked: Gate) -> dict[str, Any]:
    """Return what `metrics` and `gate` describe, keyed as JSON has it."""
    told = {
        "model": asdict(trained.metrics),
        "popularity": asdict(trained.popularity),
        "gate": {name: part for name, part in asdict(asked).items() if part is not None},
    }
    parsed: dict[str, Any] = json.loads(json.dumps(told))
    return parsed


def _data_part(data: Interactions) -> dict[str, Any]:
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
    }


def _history_lengths(trained: Trained) -> list[dict[str, Any]]:
    lengths = np.diff(trained.model.history.ends, prepend=0)
    return [
        {"first": first, "last": last, "users": int(is_in.sum())}
        for first, last, is_in in metrics.in_bands(lengths, _HISTORY_LENGTHS)
    ]


def run_part(chosen: Settings, attempt: Path, started: datetime) -> RunPart:
    """Return the manifest's part on this one training."""
    finished = datetime.now(UTC)
    return {
        "attempt": attempt.name,
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 1),
        "threads": chosen.threads,
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "commit": chosen.commit,
        "started_by": chosen.started_by or _user(),
    }


def shaping(chosen: Settings) -> dict[str, str | None]:
    """Return the settings that shape the model, by variable name, as text."""
    values = settings.shaping(chosen).items()
    return {name: None if value is None else str(value) for name, value in values}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in most containers
        return None
