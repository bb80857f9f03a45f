"""What lists show of a catalogue."""

import numpy as np
import pytest

from modelsystem_shared.numeric import exposure


def test_rare_items_have_more_bits() -> None:
    """Chosen by all, a quarter or an eighth of the users; nobody's item counts as somebody's."""
    bits = exposure.self_information(np.array([8, 2, 1, 0]), 8)
    assert bits.tolist() == [0, 2, 3, 3]
    assert exposure.self_information(np.array([0]), 0).tolist() == [0]


def test_novelty_is_a_mean_over_a_lists_items() -> None:
    """Places that hold no item of the catalogue count in neither part of the mean."""
    shown = np.array([[0, 1, 2], [1, -1, 2], [-1, -1, -1]])
    novelty = exposure.novelty(shown, np.array([0.0, 2.0, 3.0, 3.0]))
    assert novelty.tolist() == pytest.approx([5 / 3, 5 / 2, 0])


def test_coverage_counts_an_item_once() -> None:
    """Three of eight items are in some list."""
    shown = np.array([[0, 1], [1, -1], [7, 0]])
    assert exposure.coverage(shown, 8) == 0.375
    assert exposure.is_shown(shown, 8).nonzero()[0].tolist() == [0, 1, 7]


def test_without_lists_or_items_both_are_0() -> None:
    """So no reader divides by nothing."""
    nobody, nothing = np.zeros((0, 20), np.int32), np.full((2, 20), -1)
    assert exposure.coverage(nobody, 4) == exposure.coverage(nothing, 0) == 0
    assert exposure.novelty(nobody, np.ones(4)).tolist() == []
    assert exposure.novelty(nothing, np.zeros(0)).tolist() == [0, 0]
