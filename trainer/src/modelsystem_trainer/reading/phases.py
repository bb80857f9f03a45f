"""The phases of a reading: pure functions of a folder and a number.

`read` file n: `read-n.tally` says what was read, also of a file that fails; `read-n.part` has the
distinct ids, and `read-n.user.npy` and so on the columns of the rows, ids as numbers of these.
`number` file n: the same columns with the ids' places among all, rows in the order of ranges of
users, and `number-n.part`: where each range ends.
`merge` range r: the columns of the merged rows, sorted by user and item.
"""

from pathlib import Path

import numpy as np

from modelsystem_shared.errors import ModelSystemError
from modelsystem_shared.numeric.arrays import Array, Float64s, Indices
from modelsystem_trainer.engines import faults, note, parts
from modelsystem_trainer.ingest import Distinct
from modelsystem_trainer.reading.merging import merged, order_of
from modelsystem_trainer.reading.one_file import FileReader, joined_column
from modelsystem_trainer.reading.plan import Plan, Ranges
from modelsystem_trainer.reading.sorting import SortedIds

READ, NUMBER, MERGE = "read", "number", "merge"
ID_COLUMNS = ("user", "item")


def column(folder: Path, phase: str, number: int, name: str) -> Path:
    """Return the path of one column."""
    return faults.part(folder, phase, number).with_suffix(f".{name}.npy")


def tally(folder: Path, number: int) -> Path:
    """Return the path of what was read of a file."""
    return faults.part(folder, READ, number).with_suffix(".tally")


def read(folder: Path, number: int) -> None:
    """Read a file of the plan."""
    plan = Plan.load(folder)
    reader = FileReader(plan, plan.files[number])
    with faults.recorded(folder, READ, number):
        try:
            for bytes_read in reader.read():
                note(folder, READ, number, bytes_read)
        except ModelSystemError:
            parts.write_json(tally(folder, number), reader.outcome())
            raise
        _save_columns(folder, number, reader)
    note(folder, READ, number, reader.file.size)


def _save_columns(folder: Path, number: int, reader: FileReader) -> None:
    parts.write_json(tally(folder, number), reader.outcome())
    columns, arrays = reader.columns, list[Array]()
    if not len(columns.users):
        parts.write(faults.part(folder, READ, number))
        return
    for name, ids in zip(ID_COLUMNS, (columns.users, columns.items), strict=True):
        each, numbers = ids.finish()
        parts.save(column(folder, READ, number, name), numbers)
        arrays += [each.words, parts.json_array({"odd": list(each.odd)})]
    for name, values in (("weight", columns.weight), ("time", columns.time)):
        if values:
            parts.save(column(folder, READ, number, name), joined_column(values))
    parts.write(faults.part(folder, READ, number), *arrays)


def distinct_ids(folder: Path, number: int) -> dict[str, Distinct]:
    """Return the distinct ids of a file that is read, by the name of the column."""
    arrays = iter(parts.read(faults.part(folder, READ, number)))
    return {name: Distinct(next(arrays), parts.parsed(next(arrays))["odd"]) for name in ID_COLUMNS}


def number(folder: Path, number: int) -> None:
    """Replace the ids of a file by their places among all, and sort its rows by ranges of users."""
    ranges = Ranges.load(folder)
    columns: dict[str, Array] = {}
    for name, ids in distinct_ids(folder, number).items():
        places = SortedIds.load(folder, name).places(ids)
        columns[name] = places[parts.mapped(column(folder, READ, number, name))]
    for name in ranges.columns:
        columns[name] = parts.mapped(column(folder, READ, number, name))
    if ranges.clip and "time" in columns:
        columns["time"] = np.clip(columns["time"], *ranges.clip)
    order, ends = _by_range(columns["user"], ranges)
    for name, values in columns.items():
        in_order = values if order is None else values[order]
        parts.save(column(folder, NUMBER, number, name), in_order)
    parts.write(faults.part(folder, NUMBER, number), ends)


def _by_range(user: Array, ranges: Ranges) -> tuple[Indices | None, Indices]:
    """Return the order of rows by range, None if there is one only, and where each range ends."""
    if len(ranges) == 1:
        return None, np.array([len(user)])
    of_row = np.searchsorted(np.array(ranges.bounds[1:-1]), user, side="right").astype(np.int32)
    return order_of(of_row), np.cumsum(np.bincount(of_row, minlength=len(ranges)))


def merge(folder: Path, number: int) -> None:
    """Merge the rows of a range of users."""
    ranges = Ranges.load(folder)
    bounds = {file: _bounds(folder, file, number) for file in ranges.files}

    def whole(name: str) -> Array:
        mapped = [
            parts.mapped(column(folder, NUMBER, file, name))[rows] for file, rows in bounds.items()
        ]
        return np.concatenate(mapped)

    first = ranges.bounds[number]
    weight, time = (whole(name) if name in ranges.columns else None for name in ("weight", "time"))
    table = merged(
        whole("user") - np.int32(first), whole("item"), weight, time, is_rating=ranges.is_rating
    )
    columns = {str(name): table[name].to_numpy() for name in table}
    columns["user"] = columns["user"] + np.int32(first)
    for name, values in columns.items():
        parts.save(column(folder, MERGE, number, name), values)
    parts.write(faults.part(folder, MERGE, number), np.array([len(table)]))


def _bounds(folder: Path, file: int, number: int) -> slice:
    """Return where the rows of a range lie in a file."""
    (ends,) = parts.read(faults.part(folder, NUMBER, file))
    return slice(int(ends[number - 1]) if number else 0, int(ends[number]))


def sound_times(folder: Path, number: int, start: float, end: float) -> Float64s:
    """Return the earliest and the latest of the times of a file within bounds; none if none is."""
    time = parts.mapped(column(folder, READ, number, "time"))
    sound = time[(time >= start) & (time < end)]
    return np.array([sound.min(), sound.max()] if len(sound) else [])
