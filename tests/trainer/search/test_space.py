"""The grid of a search, and the starts on it."""

from dataclasses import asdict, replace

import pytest

from modelsystem_trainer import search
from modelsystem_trainer.fit import Parameters


@pytest.mark.parametrize("method", search.GRIDS)
def test_the_starts_are_on_the_grid(method: str) -> None:
    """Steps go from a start to its neighbours on the grid, which is sorted."""
    assert [start.parameters for start in search.starts_of(method)] == list(search.STARTS[method])
    for name, values in search.GRIDS[method].items():
        for start in search.STARTS[method]:
            assert asdict(start)[name] in values
        along = values[1:][::-1] if name == "half_life" else values  # 0: no decay
        assert list(along) == sorted(set(along))


def test_parameters_from_elsewhere_are_put_on_the_grid() -> None:
    """Each value is replaced by the nearest one; what has no grid stays."""
    p = Parameters("dense", lam=1501.0, a=0.6, b=0.14, e=0.35)
    assert search.on_grid(p) == replace(p, lam=1280.0, a=0.5, b=0.1)
