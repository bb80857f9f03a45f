"""Names for numpy's array types; a docstring that uses one gives the shape."""

from typing import Any

import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Indices = npt.NDArray[np.integer]  # positions of users, items or rows
Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]  # of any type: what a file holds before it is checked
