from modelsystem_shared.arrays import Array
from modelsystem_shared.model import Rows

class Accumulator:
    def __init__(self, rows: Rows, values: Array) -> None: ...
    def best(
        self,
        items: list[int],
        weights: Array | None,
        k: int,
        excluded: list[int],
        candidates: list[int] | None,
    ) -> tuple[list[int], list[float]]: ...
    def scores(self, items: list[int], weights: Array | None, wanted: list[int]) -> list[float]: ...
