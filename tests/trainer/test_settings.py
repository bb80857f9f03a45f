"""Settings from the environment: every fault at once, each with its variable."""

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modelsystem_shared import settings
from modelsystem_shared.errors import SettingsError
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.publishing import record
from modelsystem_trainer.settings import Settings

KEY = base64.b64encode(b"a very secret key").decode()
LOCAL = {"MODELFOLDER": "/models/20180523.5", "BUILDNUMBER": "20180523.5", "CSV_FOLDER": "/export"}
BLOB = {
    "MODELFOLDER": "/models/20180523.5",
    "BUILDNUMBER": "20180523.5",
    "BLOB_STORAGE_ACCOUNT": "acme",
    "BLOB_STORAGE_CONTAINER": "etl",
    "BLOB_STORAGE_CSV_FOLDER": "2018/05/08",
}
Read = Callable[..., Settings]


@pytest.fixture
def local() -> Read:
    """Read settings of a training on a local folder; None takes a variable away."""
    return lambda **variables: read(LOCAL, variables)


@pytest.fixture
def blob() -> Read:
    """Read settings of a training on Blob Storage; None takes a variable away."""
    return lambda **variables: read(BLOB, variables)


def read(usual: dict[str, str], variables: dict[str, str | None]) -> Settings:
    environ = {name: value for name, value in (usual | variables).items() if value is not None}
    return settings.read(Settings, environ)


def problems(read_: Read, **variables: str | None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read_(**variables)
    return caught.value.problems


def test_the_defaults_are_those_of_a_laptop(local: Read) -> None:
    """A folder, a build and an export are enough."""
    defaults = local()
    assert (defaults.model_folder, defaults.build) == (Path("/models/20180523.5"), "20180523.5")
    assert (defaults.location, defaults.tenant, defaults.key) == ("/export", None, None)
    assert (defaults.neighbours, defaults.bad_rows, defaults.parameters) == (None, 0, None)
    assert defaults.columns == Columns()
    assert defaults.threads == len(os.sched_getaffinity(0))


def test_a_blob_folder_has_a_location(blob: Read) -> None:
    """The location is a URL, of the public cloud or of the endpoint."""
    public = "https://acme.blob.core.windows.net/etl/2018/05/08"
    assert blob().location == public
    assert blob(BLOB_STORAGE_CSV_FOLDER="/2018/05/08/").location == public
    azurite = blob(BLOB_STORAGE_ENDPOINT="http://127.0.0.1:10000/acme/")
    assert azurite.location == "http://127.0.0.1:10000/acme/etl/2018/05/08"


def test_quotes_and_blanks_are_tolerated(blob: Read) -> None:
    """The seed's pipeline delivers values in quotes."""
    plain = blob(BLOB_STORAGE_KEY=KEY, TENANTID="acme inc", NEIGHBOURS="50")
    quoted = blob(
        BLOB_STORAGE_CSV_FOLDER='"2018/05/08"',
        BLOB_STORAGE_KEY=f" '{KEY}' ",
        TENANTID=' "acme inc" ',
        NEIGHBOURS='"50"',
        BUILDNUMBER="'20180523.5'",
    )
    assert record.shaping_texts(quoted) == record.shaping_texts(plain)
    assert quoted.location == plain.location
    assert quoted.key
    assert quoted.key.reveal() == KEY


def test_all_missing_variables_are_named_at_once() -> None:
    """An empty environment yields one sentence for each required variable."""
    with pytest.raises(SettingsError) as caught:
        settings.read(Settings, {})
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "MODELFOLDER",
        "BUILDNUMBER",
        "BLOB_STORAGE_ACCOUNT",
        "BLOB_STORAGE_CONTAINER",
        "BLOB_STORAGE_CSV_FOLDER",
    ]
    assert all("is not set" in problem for problem in caught.value.problems)
    assert "neither is CSV_FOLDER" in str(caught.value)


def test_half_of_blob_storage_is_not_enough(blob: Read) -> None:
    """Of account, container and folder the missing ones are named, and nothing else."""
    missing = problems(blob, BLOB_STORAGE_CONTAINER=None, BLOB_STORAGE_CSV_FOLDER=" ")
    assert missing == (
        "BLOB_STORAGE_CONTAINER is not set",
        "BLOB_STORAGE_CSV_FOLDER is not set",
    )


@pytest.mark.parametrize("name", [*list(BLOB)[2:], "BLOB_STORAGE_KEY", "BLOB_STORAGE_ENDPOINT"])
def test_a_local_folder_and_blob_storage_contradict_each_other(local: Read, name: str) -> None:
    """The sentence names both variables, and no value."""
    value = {**BLOB, "BLOB_STORAGE_KEY": KEY, "BLOB_STORAGE_ENDPOINT": "https://acme.example"}[name]
    (problem,) = problems(local, **{name: value})
    assert problem == f"CSV_FOLDER contradicts {name}: set one of the two"


@pytest.mark.parametrize("key", ["gehe!m", "schlüssel", KEY[:-1], "=" * 8])
def test_a_bad_key_is_named_and_not_shown(blob: Read, key: str) -> None:
    """A key that is not base64 is refused before any request to the storage."""
    (problem,) = problems(blob, BLOB_STORAGE_KEY=key)
    assert problem.startswith("BLOB_STORAGE_KEY: its value (not shown) is not base64")
    assert key not in problem


def test_the_key_is_in_no_text(blob: Read) -> None:
    """Neither the settings' repr nor the manifest shows it."""
    values = blob(BLOB_STORAGE_KEY=KEY)
    assert KEY not in f"{values!r}{values}{record.shaping_texts(values)}{values.location}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUILDNUMBER", "a\nb"),
        ("NEIGHBOURS", "0"),
        ("NEIGHBOURS", "10001"),
        ("NEIGHBOURS", "1.5"),
        ("MAX_BAD_ROWS", "-1"),
        ("DATA_RULES", "rowz >= 1"),
        ("THREADS", "many"),
        ("PARAMETERS", "a=x"),
        ("CSV_COLUMNS", "user=u"),
        ("LOG_FORMAT", "xml"),
        ("TENANTID", "x" * 1001),
    ],
)
def test_a_malformed_value_names_its_variable(local: Read, name: str, value: str) -> None:
    """One sentence, with the variable and the value's beginning."""
    (problem,) = problems(local, **{name: value})
    assert problem.startswith(f"{name}: {value[:80]!r} ")


def test_faults_of_several_variables_are_reported_together(blob: Read) -> None:
    """Malformed, contradictory and missing values are all in one report."""
    faults = problems(
        blob, CSV_FOLDER="/x", NEIGHBOURS="no", BUILDNUMBER=None, BLOB_STORAGE_KEY="ü"
    )
    assert [fault.split()[0].rstrip(":") for fault in faults] == [
        "BUILDNUMBER",
        "NEIGHBOURS",
        "CSV_FOLDER",
        "BLOB_STORAGE_KEY",
    ]


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ("a=0.5,lam=160,c=-0.05", Parameters("ridge", a=0.5, lam=160, c=-0.05)),
        (
            " method=cooccurrence, a=0, c=10 ",
            Parameters("cooccurrence", a=0, b=0.7, c=10, s=1.25),
        ),
    ],
)
def test_parameters_are_read(local: Read, value: str, parameters: Parameters) -> None:
    """A parameter that is missing has the method's default."""
    assert local(PARAMETERS=value).parameters == parameters
    assert Parameters.parse(str(parameters)) == parameters


def test_neighbours_may_stand_twice_but_not_differ(local: Read) -> None:
    """NEIGHBOURS beside parameters as the log shows them; those say 100 if nothing else was set."""
    assert local(PARAMETERS="a=1,neighbours=50", NEIGHBOURS="50").neighbours == 50
    assert local(PARAMETERS="a=1", NEIGHBOURS="50").neighbours == 50
    (problem,) = problems(local, PARAMETERS="neighbours=60", NEIGHBOURS="50")
    assert problem.startswith("NEIGHBOURS contradicts")
    assert len(problems(local, PARAMETERS="a=x", NEIGHBOURS="50")) == 1


@pytest.mark.parametrize(
    "value", ["s=0", "lam=0", "beta=-1", "a=11", "a=nan", "x=1", "a=1,a=2", "method=magic", "a", ""]
)
def test_parameters_out_of_range_are_refused(value: str) -> None:
    """Unknown names, no numbers, numbers out of range, a name twice."""
    with pytest.raises(ValueError, match=r"is not like|has "):
        Parameters.parse(value)


def test_some_settings_shape_the_model(local: Read) -> None:
    """Threads, champion and who started it shape no model; K, columns and tenant do."""
    usual = record.shaping_texts(local())
    others = {"THREADS": "7", "STARTED_BY": "me", "GIT_COMMIT": "1", "CHAMPIONFOLDER": "/models/6"}
    others["TRACEPARENT"] = f"00-{'1' * 32}-{'2' * 16}-01"
    assert record.shaping_texts(local(**others)) == usual
    changed = local(
        NEIGHBOURS="9",
        TENANTID="t",
        CSV_COLUMNS="user_id=u",
        MAX_BAD_ROWS="1",
        DATA_RULES="off all",
        HISTORIES="off",
    )
    differing = {
        name for name, value in record.shaping_texts(changed).items() if value != usual[name]
    }
    assert differing == {
        *("NEIGHBOURS", "TENANTID", "CSV_COLUMNS", "MAX_BAD_ROWS", "DATA_RULES", "HISTORIES")
    }
