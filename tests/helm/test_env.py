"""What each container is told is what its program reads, and arrives as it was written."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.helm import charts
from tests.helm.charts import (
    CHARTS,
    VALUES,
    Helm,
    Manifest,
    Release,
    Render,
    containers,
    leaves,
    pods,
)

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import settings
from modelsystem_trainer.settings import Settings as TrainerSettings
from modelsystem_waiter.settings import Settings as WaiterSettings

READ_BY = {"trainer": TrainerSettings, "waiter-container": WaiterSettings, "scorer": ScorerSettings}
WHERE_BLOBS_ARE = {"BLOB_STORAGE_ACCOUNT", "BLOB_STORAGE_CONTAINER", "BLOB_STORAGE_CSV_FOLDER",
                   "BLOB_STORAGE_ENDPOINT", "BLOB_STORAGE_KEY"}  # fmt: skip
DERIVED = {"MODELFOLDER", "BUILDNUMBER", "WAIT_TIMEOUT", "MODELCACHE", "DRAIN_SECONDS", "PORT"}


def told(build: Release) -> dict[str, dict[str, Any]]:
    """Return the variables of each program, None where they come from elsewhere."""
    found = [*containers(pods(build)["trainer"]), *containers(pods(build)["scorer"])]
    return {one["name"]: {v["name"]: v.get("value") for v in one["env"]} for one in found}


def declared(container: str) -> set[str]:
    """Return the variables that the program of a container reads."""
    return {variable.name for variable in settings.variables(READ_BY[container])}


def all_given() -> list[str]:
    """Return the names of all settings that values may have."""
    return sorted(set().union(*(declared(name) for name in READ_BY)) - DERIVED)


def test_every_setting_reaches_every_program_that_reads_it(render: Render) -> None:
    """With everything given, the variables of each container are exactly its program's settings."""
    minimal = VALUES / "minimal.yaml"
    local = {name: "1" for name in all_given() if name not in WHERE_BLOBS_ARE}
    local["CSV_FOLDER"] = "/mnt/azure/export"
    build = render(minimal, json=f"env={json.dumps(local)}")
    for container, variables in told(build).items():
        assert set(variables) == declared(container) - WHERE_BLOBS_ARE
    blobs = {name: "1" for name in all_given() if name != "CSV_FOLDER"} | {"CSV_FOLDER": ""}
    build = render(minimal, json=f"env={json.dumps(blobs)}")
    assert set(told(build)["trainer"]) == declared("trainer") - {"CSV_FOLDER"}


def test_values_list_every_setting() -> None:
    """values.yaml and its schema know each setting of the programs, and the derived ones not."""
    values = yaml.safe_load((CHARTS / "modelsystem" / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHARTS / "modelsystem" / "values.schema.json").read_text(encoding="utf-8"))
    assert sorted(values["env"]) == all_given()
    assert set(schema["properties"]["env"]["properties"]) == set(all_given()) | DERIVED


def test_the_programs_accept_what_they_are_told(build: Release) -> None:
    """Each program's settings can be read from what its container is told."""
    for container, variables in told(build).items():
        here = {name: charts.expanded(text or "4", variables) for name, text in variables.items()}
        here.update({"BLOB_STORAGE_KEY": "a2V5"} if "BLOB_STORAGE_KEY" in here else {})
        if "$" in here.get("BLOB_STORAGE_CSV_FOLDER", ""):
            here["BLOB_STORAGE_CONTAINER"] = "etl"
        settings.read(READ_BY[container], here)


TEXTS = ["20180523.10", "0123", "on", "1e5", "null", "~", "", " x ", "a: b # c", "'", '"', "\\",
         "$(HOME)", "$$(HOME)", "$$$(HOME)", "$", "$$", "a$", "$(", "${HOME}", "{{ fail 1 }}",
         "ü€😀", "a\nb", "\t", "&a *b !c", "%d", "-", "<>&"]  # fmt: skip


@pytest.mark.parametrize("major", charts.MAJORS)
def test_text_arrives_as_it_was_written(major: int, tmp_path: Path) -> None:
    """Any text survives values, templates, YAML and Kubernetes' expansion of variables."""
    for number, text in enumerate(TEXTS):
        path = tmp_path / f"{number}.yaml"
        given = {"build": {"number": "13"}, "env": {"CSV_FOLDER": "/x", "STARTED_BY": text}}
        path.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")
        variables = told(charts.find_helm(major).render(path))["trainer"]
        arrived = charts.expanded(variables.get("STARTED_BY", ""), variables | {"HOME": "wrong"})
        assert arrived == text


def test_threads_follow_the_limit(render: Render) -> None:
    """THREADS is the container's CPU limit, unless it is given."""
    [trainer] = containers(pods(render(VALUES / "minimal.yaml"))["trainer"])
    [threads] = [one for one in trainer["env"] if one["name"] == "THREADS"]
    assert threads["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"
    assert told(render(VALUES / "nfs.yaml"))["trainer"]["THREADS"] == "8"


def test_no_float_and_no_empty_name(any_release: Release) -> None:
    """Nothing rendered is a float: a number of a build that became one has lost digits."""
    for manifest in any_release:
        assert not [path for path, value in leaves(manifest) if isinstance(value, float)]
        assert None not in [value for _, value in leaves(manifest)]


def test_text_is_quoted(any_release: Release) -> None:
    """Labels, annotations and variables are text, whatever they look like."""
    for manifest in any_release:
        metadata = manifest["metadata"]
        for strings in (metadata["labels"], metadata.get("annotations", {})):
            assert all(isinstance(value, str) for value in strings.values())
        assert all(isinstance(one.get("value", ""), str) for one in variables_of(manifest))


def variables_of(manifest: Manifest) -> list[Manifest]:
    """Return all environment variables of an object's containers."""
    found = [one for pod in pods((manifest,)).values() for one in containers(pod)]
    return [variable for container in found for variable in container["env"]]


@pytest.mark.parametrize("number", [13, 115, 20180523, 201805231234567])
def test_a_whole_number_is_its_digits(helm: Helm, number: int, tmp_path: Path) -> None:
    """The seed wrote its build number without quotes: that is taken as its digits."""
    path = tmp_path / "values.yaml"
    path.write_text(f"build: {{number: {number}}}\nenv: {{CSV_FOLDER: {os.devnull}}}\n")
    assert told(helm.render(path))["trainer"]["BUILDNUMBER"] == str(number)
