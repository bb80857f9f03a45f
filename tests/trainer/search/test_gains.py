"""The NDCG of a search, by hand."""

from math import log2

import numpy as np
import pytest
from scipy import sparse

from modelsystem_trainer.evaluation.ranking import compared
from modelsystem_trainer.search import gains

OF_ITEMS = np.array([1.0, 2.0, 1.0, 2.0, 1.0])
TRUTH = sparse.csr_array(
    np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]], dtype=np.float32)
)
SHOWN = np.array([[4, 0, 1], [3, 1, -1], [0, 1, 2]], dtype=np.int32)


def test_the_ideal_list_begins_with_the_largest_gains() -> None:
    """Of four held-out items it has the best three; of none, nothing."""
    expected = [2 + 1 / log2(3), 2 + 2 / log2(3) + 1 / 2, 0]
    assert gains.ideal_dcg(TRUTH, OF_ITEMS, 3) == pytest.approx(expected)


def test_a_hit_counts_by_its_item_and_its_place() -> None:
    """What was not held out, and the places after a list's end, count nothing."""
    ideal = gains.ideal_dcg(TRUTH, OF_ITEMS, 3)
    of_users = gains.user_ndcg(compared(SHOWN, TRUTH), OF_ITEMS, ideal)
    dcg = [1 / log2(3) + 2 / 2, 2 + 2 / log2(3)]
    assert of_users == pytest.approx([*(dcg / ideal[:2]), 0])
