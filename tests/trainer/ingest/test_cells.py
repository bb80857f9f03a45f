"""From the texts of rows to numbers."""

import math

import numpy as np
import pandas as pd

from modelsystem_trainer.ingest import cells, numbers

NOW = "1527037323"


def test_malformed_rows_are_dropped_and_named() -> None:
    """A row has one reason; the sound ones keep their order and types."""
    long = "x" * (cells.LONGEST + 1)
    texts = {
        "user_id": ["u", "", "u", "u", "v", long],
        "item_id": ["i", "", "i", "i", long[1:], "i"],
        "weight": ["1", "x", "-1", "1", "2.5", "1"],
        "timestamp": [NOW, NOW, NOW, "soon", NOW, NOW],
    }
    frame, malformed = cells.parse(pd.DataFrame(texts, dtype=object))
    assert malformed == [
        (1, "user_id is empty"),
        (2, f"weight {numbers.FAULT}"),
        (3, "timestamp is neither seconds since 1970 nor ISO 8601"),
        (5, f"user_id is longer than {cells.LONGEST} characters"),
    ]
    assert frame["user_id"].tolist() == ["u", "v"]
    assert frame["weight"].tolist() == [1.0, 2.5]
    assert frame["timestamp"].dtype == np.float64
    assert math.fsum(frame["timestamp"]) == 2 * float(NOW)


def test_a_line_break_in_an_id_is_malformed() -> None:
    """A stray quote makes one of the rows that follow; titles may have line breaks."""
    texts = {"user_id": ["u\nv", "u"], "item_id": ["i", "i\r"], "title": ["t", "t\nt"]}
    _, malformed = cells.parse(pd.DataFrame(texts, dtype=object))
    assert malformed == [
        (0, "user_id has a line break, as after a stray quote"),
        (1, "item_id has a line break, as after a stray quote"),
    ]
