"""The model's files, and that no scorer would refuse them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modelsystem_shared.errors import ModelSystemError
from modelsystem_trainer import training
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.publishing import publisher
from modelsystem_trainer.training import Plan


def test_a_model_that_a_scorer_would_refuse_is_not_published(
    read: Callable[..., Interactions], tmp_path: Path
) -> None:
    """The same check that a scorer makes when it loads a model comes before the first file."""
    data = read({"a.csv": "user_id,item_id\nu,i\nu,j\nv,i\n"})
    model = training.train(data, Plan(5, Parameters()), lambda *_: None).model
    spoilt = replace(model, confidence=np.full_like(model.confidence, np.inf))
    with pytest.raises(ModelSystemError, match="confidence is not finite float32"):
        publisher.write_model(tmp_path, spoilt)
    assert not list(tmp_path.iterdir())
    assert publisher.write_model(tmp_path, model)


@pytest.mark.parametrize("weight", ["1e12", "1e-12"])
def test_weights_at_the_bounds_make_a_model(
    read: Callable[..., Interactions], tmp_path: Path, weight: str
) -> None:
    """Whatever weight is read, the model holds it."""
    rows = [f"u{n % 9},i{n % 7},{weight if n == 5 else 1}" for n in range(60)]
    data = read({"a.csv": "\n".join(["user_id,item_id,weight", *rows])})
    parameters = Parameters(fit_power=1.0, history_power=1.0)
    model = training.train(data, Plan(5, parameters), lambda *_: None).model
    assert publisher.write_model(tmp_path, model)
