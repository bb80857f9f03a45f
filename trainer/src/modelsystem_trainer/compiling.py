"""How loops are compiled: by numba, on first use.

What was compiled is kept for the next training if the folder of the loop is writable.
"""

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a loop that computes as Python would, without the interpreter's lock."""
    return _by_numba(function)


def fused(function: F) -> F:
    """Compile a loop whose multiplications and additions may be fused; no sum is reordered."""
    return _by_numba(function, "contract")


def _by_numba(function: F, *flags: str) -> F:
    try:
        cached: F = numba.njit(function, nogil=True, fastmath=set(flags), cache=True)
    except RuntimeError:  # no folder is writable, as in a read-only container
        uncached: F = numba.njit(function, nogil=True, fastmath=set(flags))
        return uncached
    return cached
