"""What the phases of a reading need to know, as files of their folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import parts
from modelsystem_trainer.export import ExportFile

_PLAN, _RANGES = "reading.part", "ranges.part"


@dataclass(frozen=True)
class ReadOptions:
    """Names of columns, the tenant whose rows count, and how many malformed rows are tolerated."""

    columns: Columns
    tenant: str | None
    bad_rows: int


@dataclass(frozen=True)
class Plan:
    """The files, and how each is read.

    threads: that parse one file; waiting: see `Ids`. Neither has an effect on the result.
    """

    options: ReadOptions
    files: Sequence[ExportFile]
    threads: int
    waiting: int

    def save(self, folder: Path) -> None:
        """Write it for all workers."""
        content = {
            "columns": self.options.columns.names,
            "tenant": self.options.tenant,
            "bad_rows": self.options.bad_rows,
            "files": [file.to_json() for file in self.files],
            "threads": self.threads,
            "waiting": self.waiting,
        }
        parts.write_json(folder / _PLAN, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it."""
        content = parts.read_json_once(folder / _PLAN)
        options = ReadOptions(Columns(content["columns"]), content["tenant"], content["bad_rows"])
        files = [ExportFile.of_json(file) for file in content["files"]]
        return cls(options, files, content["threads"], content["waiting"])


@dataclass(frozen=True)
class Ranges:
    """How rows are cut by ranges of users, and what is known of all files.

    files: the numbers of those with rows.
    bounds: range r has the users from `bounds[r]` to `bounds[r + 1]`, by place.
    columns: `weight` and `time`, if the data has them; `is_rating`: weights are ratings.
    clip: the times between which all others are moved; None for none.
    """

    files: Sequence[int]
    bounds: Sequence[int]
    columns: Sequence[str]
    is_rating: bool
    clip: tuple[float, float] | None

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def save(self, folder: Path) -> None:
        """Write it for all workers."""
        content: Mapping[str, Any] = {
            "files": list(self.files),
            "bounds": list(self.bounds),
            "columns": list(self.columns),
            "is_rating": self.is_rating,
            "clip": self.clip,
        }
        parts.write_json(folder / _RANGES, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it."""
        content = parts.read_json(folder / _RANGES)
        return cls(**{**content, "clip": content["clip"] and tuple(content["clip"])})
