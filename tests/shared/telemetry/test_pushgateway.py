"""What a program says of a Pushgateway; a real one is asked in tests/integration."""

import time

import pytest

from modelsystem_shared.telemetry import pushgateway
from modelsystem_shared.telemetry.pushgateway import Gauge


@pytest.mark.parametrize(("patience", "words"), [(0.4, ""), (10.0, "HTTP Error 500")])
def test_a_push_is_logged_once(
    hesitant: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    patience: float,
    words: str,
) -> None:
    """A failure after the patience has ended would come after the program's last words."""
    monkeypatch.setattr(pushgateway, "PATIENCE", patience)
    pushgateway.push(hesitant, {"build": "5"}, [Gauge("score", "A score.", "1")])
    time.sleep(1.2)  # the answer comes 0.8 s after the request
    (message,) = caplog.messages
    assert "Pushgateway" in message
    assert words in message
