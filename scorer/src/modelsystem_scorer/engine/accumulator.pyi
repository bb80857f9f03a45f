from modelsystem_shared.numeric.arrays import Float32s
from modelsystem_shared.numeric.model import Rows

class Accumulator:
    def __init__(self, rows: Rows, values: Float32s) -> None: ...
    def best(
        self,
        items: list[int],
        weights: Float32s | None,
        k: int,
        excluded: list[int],
        candidates: list[int] | None,
    ) -> tuple[list[int], list[float]]: ...
    def scores(
        self, items: list[int], weights: Float32s | None, targets: list[int]
    ) -> list[float]: ...
