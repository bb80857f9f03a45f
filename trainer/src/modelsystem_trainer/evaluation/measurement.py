"""The figures of the test part."""

import numpy as np
from scipy import sparse

from modelsystem_trainer.evaluation import metrics, ranking
from modelsystem_trainer.evaluation.metrics import Metrics
from modelsystem_trainer.evaluation.ranking import OnShare, Recommend
from modelsystem_trainer.evaluation.split import EvaluationSet, Split
from modelsystem_trainer.fit import Parameters

_TEST_SEED = "test"


def measure_on_test(
    split: Split, similarity: sparse.csr_array, parameters: Parameters, on_share: OnShare
) -> tuple[Metrics, Metrics]:
    """Return the figures of a model, and of popularity, for the same users of the test part.

    similarity: fitted on the part `train`.
    """
    users = split.sample(split.test, _TEST_SEED, ranking.MOST_USERS)
    counts, lengths = split.item_counts(split.train), split.user_counts(split.train)
    rows = split.rows(split.train & np.isin(split.table["user"], users))
    test_set = EvaluationSet.of(split, rows, split.test, users)
    history = test_set.history(parameters)

    def measured(recommend: Recommend, on_share: OnShare) -> Metrics:
        lists = ranking.evaluate(
            recommend, test_set.truth, test_set.users, on_share, metrics.MOST_SHOWN
        )
        return metrics.measure(lists, counts, int(np.count_nonzero(lengths)), lengths[users])

    model = measured(ranking.by_similarity(history, similarity), on_share)
    return model, measured(ranking.by_popularity(history, counts), lambda _: None)
