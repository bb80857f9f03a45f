"""Numbers: ratings and weights, and what all columns of numbers have in common."""

import numpy as np
import pandas as pd

from modelsystem_shared.numeric.arrays import Float64s, Mask

LEAST, MOST = 1e-12, 1e12  # a weight beyond them would leave the range of the model's float32
FAULT = f"is not a number: 0, or from {LEAST:g} to {MOST:g}"


def numbers(texts: "pd.Series[str]") -> Float64s:
    """Return numbers, NaN for other texts; 0 for -0, because the integer "-0" is 0 too."""
    parsed: Float64s = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64) + 0.0
    if (other := np.isnan(parsed)).any():
        stripped = texts[other].str.strip()
        parsed[other] = pd.to_numeric(stripped, errors="coerce").to_numpy(np.float64) + 0.0
    return parsed


def weights(texts: "pd.Series[str]") -> tuple[Float64s, Mask]:
    """Return weights or ratings, and which of them cannot be used; see `FAULT`."""
    parsed = numbers(texts)
    return parsed, ~((parsed == 0) | ((parsed >= LEAST) & (parsed <= MOST)))
