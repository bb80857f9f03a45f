"""The same job by several libraries: CSV with string ids to numbers, merged and sorted.

Columns user_id, item_id and timestamp (whole seconds). Ids get the numbers of their places
among all, sorted by UTF-8 bytes; of rows of the same user and item the latest counts; the
table is sorted by user and item. Each engine runs as its documentation advises, on all cores.
Only its own engine imports a library.
"""

# ruff: noqa: PLC0415  # as the line above says

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelsystem_shared.numeric.arrays import Float64s, Indices

THREADS = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Ingested:
    """Sorted ids, and of each pair user and item (places among them) and time in seconds."""

    users: list[str]
    items: list[str]
    user: Indices
    item: Indices
    time: Float64s


def ours(folder: Path) -> Ingested:
    """Read as the trainer does, its SHA-256 of every file included."""
    from modelsystem_trainer import export
    from modelsystem_trainer.columns import Columns
    from modelsystem_trainer.engines import on_this_machine
    from modelsystem_trainer.reading import ReadOptions, read_export

    with on_this_machine(THREADS) as workplace:
        night = export.of_folder(folder, workplace)
        data = read_export(night, ReadOptions(Columns(), None, 0), workplace=workplace)
    columns = (data.table[name].to_numpy() for name in ("user", "item", "time"))
    return Ingested(list(data.users), list(data.items), *columns)


def duckdb(folder: Path) -> Ingested:
    """Read into a table, number the distinct ids in order, join and group."""
    import duckdb as library

    con = library.connect()
    con.execute(
        "CREATE TABLE rows AS SELECT user_id, item_id, timestamp::DOUBLE AS time FROM read_csv(?, "
        "header=true, auto_detect=false, columns={'user_id': 'VARCHAR', 'item_id': 'VARCHAR', "
        "'timestamp': 'BIGINT'})",
        [str(folder / "*.csv")],
    )
    for name in ("user", "item"):
        con.execute(
            f"CREATE TABLE {name}s AS SELECT id, (row_number() OVER (ORDER BY id) - 1)::INTEGER "
            f"AS place FROM (SELECT DISTINCT {name}_id AS id FROM rows)"
        )
    table = con.execute(
        "SELECT u.place AS user, i.place AS item, max(time) AS time FROM rows "
        "JOIN users u ON u.id = user_id JOIN items i ON i.id = item_id GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchnumpy()
    users, items = (
        [row[0] for row in con.execute(f"SELECT id FROM {name} ORDER BY place").fetchall()]
        for name in ("users", "items")
    )
    return Ingested(users, items, table["user"], table["item"], table["time"])


def polars(folder: Path) -> Ingested:
    """Cast ids to enumerations of the sorted distinct ones, and group."""
    import polars as library

    text, whole = library.String, library.Int64
    schema = {"user_id": text, "item_id": text, "timestamp": whole}
    table = library.read_csv(str(folder / "*.csv"), schema=schema)
    users, items = (table[name].unique().sort() for name in ("user_id", "item_id"))
    table = (
        table.select(
            library.col("user_id").cast(library.Enum(users)).to_physical().alias("user"),
            library.col("item_id").cast(library.Enum(items)).to_physical().alias("item"),
            library.col("timestamp").cast(library.Float64).alias("time"),
        )
        .group_by("user", "item")
        .agg(library.col("time").max())
        .sort("user", "item")
    )
    columns = (table[name].to_numpy() for name in ("user", "item", "time"))
    return Ingested(users.to_list(), items.to_list(), *columns)


def pyarrow(folder: Path) -> Ingested:
    """Read ids as dictionaries, number these in order, and group."""
    import pyarrow as library
    from pyarrow import compute, csv

    ids = library.dictionary(library.int32(), library.string())
    types = {"user_id": ids, "item_id": ids, "timestamp": library.int64()}
    options = csv.ConvertOptions(column_types=types)
    parts = [csv.read_csv(path, convert_options=options) for path in sorted(folder.glob("*.csv"))]
    table = library.concat_tables(parts).unify_dictionaries()
    numbers, ids_in_order = {}, []
    for name in ("user", "item"):
        column = table[f"{name}_id"]
        distinct = column.chunk(0).dictionary
        order = compute.sort_indices(distinct).to_numpy()
        places = np.empty(len(order), np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        numbers[name] = places[np.concatenate([part.indices.to_numpy() for part in column.chunks])]
        ids_in_order.append(distinct.take(order).to_pylist())
    numbers["time"] = table["timestamp"].cast(library.float64())
    by = ["user", "item"]
    table = library.table(numbers).group_by(by).aggregate([("time", "max")])
    table = table.sort_by([(name, "ascending") for name in by])
    columns = (table[name].to_numpy() for name in (*by, "time_max"))
    return Ingested(ids_in_order[0], ids_in_order[1], *columns)


def pandas(folder: Path) -> Ingested:
    """Read ids as objects, factorize them, and group."""
    import pandas as library

    types = {"user_id": object, "item_id": object, "timestamp": np.float64}
    parts = [
        library.read_csv(path, dtype=types, na_filter=False)
        for path in sorted(folder.glob("*.csv"))
    ]
    table = library.concat(parts, ignore_index=True)
    ids_in_order = []
    for name in ("user", "item"):
        numbers, distinct = library.factorize(table.pop(f"{name}_id"))
        order = np.argsort(distinct)
        places = np.empty(len(order), np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        table[name] = places[numbers]
        ids_in_order.append(list(distinct[order]))
    table = table.groupby(["user", "item"])["timestamp"].max().reset_index()
    columns = (table[name].to_numpy() for name in ("user", "item", "timestamp"))
    return Ingested(ids_in_order[0], ids_in_order[1], *columns)


ENGINES: dict[str, Callable[[Path], Ingested]] = {
    "DuckDB": duckdb,
    "ours": ours,
    "polars": polars,
    "pandas": pandas,
    "pyarrow": pyarrow,
}
