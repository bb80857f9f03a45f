"""The cures of `release doctor`, and the runbook."""

from pathlib import Path

import pytest

from modelsystem_release.diagnosis import State, cure, cures

RUNBOOK = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_runbook_has_every_cure() -> None:
    """Row by row, in the same order."""
    rows = [known.row() for known in cures()]
    start = RUNBOOK.index(rows[0])
    assert RUNBOOK[start:].splitlines()[: len(rows)] == rows


@pytest.mark.parametrize("state", State)
def test_the_runbook_has_every_state(state: State) -> None:
    """With its meaning and what to do."""
    assert f"\n| `{state}` | " in RUNBOOK


def test_a_cure_is_that_of_the_most_exact_message() -> None:
    """Below it is the row for all others of its kind."""
    killed = "the training failed: killed for memory at 64Mi (trainer.resources.limits.memory)"
    assert cure(killed).startswith("raise `trainer.resources.limits.memory`")
    assert "the sentence is the trainer's" in cure("the training failed: no rows")
    assert "`release prune`" in cure("the training failed: x.npy: No space left on device")
    assert cure("something else") == ""


def test_no_row_is_hidden_by_one_above() -> None:
    """Each message, as it is written, finds its own row."""
    for known in cures():
        for message in known.messages:
            assert cure(message.replace("…", "X")) == known.action, message
