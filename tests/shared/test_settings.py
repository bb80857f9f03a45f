"""Settings come from the environment, all faults at once, and no secret shows."""

from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_shared import parsers, settings
from modelsystem_shared.errors import SettingsError
from modelsystem_shared.parsers import Secret
from modelsystem_shared.settings import Settings, variable


@dataclass(frozen=True)
class Workload(Settings):
    """A workload's settings, one of each kind."""

    build: str = variable("BUILDNUMBER", parsers.text, "this build")
    key: Secret | None = variable("BLOB_STORAGE_KEY", Secret, "account key", None)
    endpoint: str | None = variable("BLOB_STORAGE_ENDPOINT", parsers.url, "endpoint", None)
    neighbours: int = variable(
        "NEIGHBOURS", parsers.integer(1, 1000), "neighbours kept", 100, shapes_model=True
    )

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[str]:
        """Refuse a key without an endpoint."""
        if values["BLOB_STORAGE_KEY"] and not values["BLOB_STORAGE_ENDPOINT"]:
            yield "BLOB_STORAGE_KEY is set without BLOB_STORAGE_ENDPOINT"


LEAST = {"MODELFOLDER": "/models/13", "BUILDNUMBER": "13"}


def _problems(environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        settings.read(Workload, environ)
    return caught.value.problems


def test_what_is_not_set_has_its_default() -> None:
    """The least that must be set is enough."""
    read = settings.read(Workload, LEAST)
    assert read == Workload(
        model_folder=Path("/models/13"),
        log_format="auto",
        build="13",
        key=None,
        endpoint=None,
        neighbours=100,
    )


@given(st.sampled_from(["{}", '"{}"', "'{}'", '  " {} "', "\t{}\n"]), st.integers(1, 1000))
def test_quotes_and_blanks_around_any_value_go(form: str, neighbours: int) -> None:
    """The seed system's pipeline delivers values with their quotes."""
    read = settings.read(Workload, LEAST | {"NEIGHBOURS": form.format(neighbours)})
    assert read.neighbours == neighbours


@pytest.mark.parametrize("empty", ["", "  ", '""', "' '"])
def test_an_empty_value_is_not_set(empty: str) -> None:
    """A chart passes on what its user left empty."""
    assert settings.read(Workload, LEAST | {"NEIGHBOURS": empty}).neighbours == 100
    assert "MODELFOLDER is not set" in _problems(LEAST | {"MODELFOLDER": empty})[0]


def test_every_fault_is_reported_at_once() -> None:
    """One look at the error mends all, contradictions included."""
    faulty = {"NEIGHBOURS": "many", "LOG_FORMAT": "xml", "BLOB_STORAGE_KEY": "hunter2"}
    named = [problem.split()[0].rstrip(":") for problem in _problems(faulty)]
    assert named == ["MODELFOLDER", "LOG_FORMAT", "BUILDNUMBER", "NEIGHBOURS", "BLOB_STORAGE_KEY"]


def test_a_fault_shows_the_value_and_what_it_is_not() -> None:
    """A typo is found by reading the error."""
    (problem,) = _problems(LEAST | {"NEIGHBOURS": "1O0"})
    assert problem == "NEIGHBOURS: '1O0' is not a whole number from 1 to 1000"


def test_no_secret_shows() -> None:
    """Neither the settings nor an error hold the key."""
    environ = LEAST | {"BLOB_STORAGE_KEY": "hunter2"}
    assert "hunter2" not in "".join(_problems(environ))
    read = settings.read(Workload, environ | {"BLOB_STORAGE_ENDPOINT": "https://host"})
    assert "hunter2" not in f"{read} {read!r} {vars(read)}"
    assert read.key is not None
    assert read.key.reveal() == "hunter2"


@pytest.mark.parametrize("url", ["https://me:hunter2@host", "https://host/?sig=hunter2"])
def test_a_secret_in_a_url_does_not_show_either(url: str) -> None:
    """A URL is refused because it holds a password or a signature: it is not repeated."""
    (problem,) = _problems(LEAST | {"BLOB_STORAGE_ENDPOINT": url})
    assert problem.startswith("BLOB_STORAGE_ENDPOINT")
    assert "hunter2" not in problem


def test_settings_are_frozen() -> None:
    """What was read once stays."""
    with pytest.raises(FrozenInstanceError):
        settings.read(Workload, LEAST).build = "14"  # type: ignore[misc] # that is the point


def test_only_marked_settings_shape_the_model() -> None:
    """Two builds with the same of these make the same model."""
    assert settings.shaping(settings.read(Workload, LEAST)) == {"NEIGHBOURS": 100}
