"""What needs numpy, the extra `numpy`: the model's arrays, and the figures of ranked lists."""

from modelsystem_shared.numeric import arrays, exposure, model, ranking

__all__ = ["arrays", "exposure", "model", "ranking"]
