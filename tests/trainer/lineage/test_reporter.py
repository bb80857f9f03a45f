"""What a training says of a receiver of lineage; tests/integration has trainings that report."""

import time
from pathlib import Path

import pytest

from modelsystem_shared import settings
from modelsystem_trainer.lineage import Reporter, reporter
from modelsystem_trainer.settings import Settings


def report_a_failure(url: str, folder: Path) -> None:
    """Report the start of a training and its failure."""
    variables = {"BUILDNUMBER": "5", "CSV_FOLDER": str(folder), "OPENLINEAGE_URL": url}
    values = settings.read(Settings, {"MODELFOLDER": str(folder / "5")} | variables)
    Reporter(values, "attempt").failed("it failed")


@pytest.mark.parametrize("patience", [0.4, 1.2])
def test_nothing_is_logged_after_the_end(
    hesitant: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    patience: float,
) -> None:
    """A failure that is known later would come after the program's last words."""
    monkeypatch.setattr(reporter, "PATIENCE", patience)
    report_a_failure(hesitant, tmp_path)
    messages = caplog.messages[:]
    assert "does not answer" in messages[-1]
    time.sleep(2.4)  # each event fails 0.8 s after it is sent
    assert caplog.messages == messages


def test_both_failures_are_logged(
    hesitant: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """If there is time for them."""
    report_a_failure(hesitant, tmp_path)
    assert [("HTTP Error 500" in message) for message in caplog.messages] == [True, True]
