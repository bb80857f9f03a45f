"""Each container gets the settings that its program reads, unchanged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
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
BLOB_SETTINGS = {"BLOB_STORAGE_ACCOUNT", "BLOB_STORAGE_CONTAINER", "BLOB_STORAGE_CSV_FOLDER",
                   "BLOB_STORAGE_ENDPOINT", "BLOB_STORAGE_KEY"}  # fmt: skip
DERIVED = {"MODELFOLDER", "BUILDNUMBER", "WAIT_TIMEOUT", "MODELCACHE", "MODELCACHE_LIMIT",
           "SIGNING_KEY_FILE", "TRUSTED_KEYS", "NAMESPACE",
           "DRAIN_SECONDS", "PORT", "JOB_COMPLETION_INDEX"}  # fmt: skip
BY_KUBERNETES = {"JOB_COMPLETION_INDEX"}  # in the containers of an Indexed Job


def environments(build: Release) -> dict[str, dict[str, Any]]:
    """Return the environment of each container; a variable with a reference is None."""
    programs = [*containers(pods(build)["trainer"]), *containers(pods(build)["scorer"])]
    return {
        container["name"]: {entry["name"]: entry.get("value") for entry in container["env"]}
        for container in programs
    }


def declared(container: str) -> set[str]:
    """Return the variables that the program of a container reads."""
    names = {variable.name for variable in settings.variables(READ_BY[container])}
    return names - BY_KUBERNETES


def in_values() -> list[str]:
    """Return the names of all settings that values may have."""
    return sorted(set().union(*(declared(name) for name in READ_BY)) - DERIVED)


def test_every_setting_reaches_every_program_that_reads_it(render: Render) -> None:
    """If all are set, the variables of each container are exactly its program's settings."""
    minimal, vault = (
        VALUES / "minimal.yaml",
        "SIGNING_KEY_VAULT",
    )  # one key signs, one way to sign in
    local = {name: "1" for name in in_values() if name not in BLOB_SETTINGS | {vault}}
    local["CSV_FOLDER"] = "/mnt/azure/export"
    keys = json.dumps({"existingSecret": "signing", "trustedKeys": "trusted-keys"})
    build = render(minimal, json=f"env={json.dumps(local)},signing={keys}")
    for container, variables in environments(build).items():
        assert set(variables) == declared(container) - BLOB_SETTINGS - {vault}
    blobs = dict.fromkeys(in_values(), "1") | {"CSV_FOLDER": "", vault: ""}
    build = render(minimal, json=f"env={json.dumps(blobs)}")
    assert set(environments(build)["trainer"]) == declared("trainer") - {
        *("CSV_FOLDER", "SIGNING_KEY_FILE", "TRUSTED_KEYS", vault)
    }


def test_values_list_every_setting() -> None:
    """values.yaml has each setting of the programs; its schema also knows the derived ones."""
    values = yaml.safe_load((CHARTS / "modelsystem" / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHARTS / "modelsystem" / "values.schema.json").read_text(encoding="utf-8"))
    properties = schema["properties"]["env"]["properties"]
    assert sorted(values["env"]) == in_values()
    assert set(properties) == set(in_values()) | DERIVED


def test_schema_and_templates_refuse_derived_settings_alike() -> None:
    """Both name the same cure for a setting that the chart derives."""
    schema = json.loads((CHARTS / "modelsystem" / "values.schema.json").read_text(encoding="utf-8"))
    properties = schema["properties"]["env"]["properties"]
    template = (CHARTS / "modelsystem/templates/_settings.tpl").read_text(encoding="utf-8")
    block = template.partition('"modelsystem.derived" -}}')[2].partition("{{-")[0]
    assert yaml.safe_load(block) == {name: properties[name]["const"] for name in DERIVED}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Make a pair of keys, in files as the chart mounts them; return their variables."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(private)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a.pub").write_bytes(public)
    return {
        "SIGNING_KEY_FILE": str(tmp_path / "key.pem"),
        "TRUSTED_KEYS": str(tmp_path / "keys"),
    }


def test_the_programs_accept_their_environment(build: Release, keys: dict[str, str]) -> None:
    """Each program's settings can be read from its container's environment."""
    for container, variables in environments(build).items():
        environ = {
            name: charts.expanded(text or "4", variables) for name, text in variables.items()
        }
        environ.update({"BLOB_STORAGE_KEY": "a2V5"} if "BLOB_STORAGE_KEY" in environ else {})
        if "$" in environ.get("BLOB_STORAGE_CSV_FOLDER", ""):
            environ["BLOB_STORAGE_CONTAINER"] = "etl"
        environ.update({name: path for name, path in keys.items() if name in environ})
        settings.read(READ_BY[container], environ)


TEXTS = ["20180523.10", "0123", "on", "1e5", "null", "~", "", " x ", "a: b # c", "'", '"', "\\",
         "$(HOME)", "$$(HOME)", "$$$(HOME)", "$", "$$", "a$", "$(", "${HOME}", "{{ fail 1 }}",
         "ü€😀", "a\nb", "\t", "&a *b !c", "%d", "-", "<>&"]  # fmt: skip


@pytest.mark.parametrize("major", charts.MAJORS)
def test_text_arrives_unchanged(major: int, tmp_path: Path) -> None:
    """Any text survives values, templates, YAML and Kubernetes' expansion of variables."""
    for number, text in enumerate(TEXTS):
        path = tmp_path / f"{number}.yaml"
        values = {"build": {"number": "13"}, "env": {"CSV_FOLDER": "/x", "STARTED_BY": text}}
        path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        variables = environments(charts.find_helm(major).render(path))["trainer"]
        arrived = charts.expanded(variables.get("STARTED_BY", ""), variables | {"HOME": "wrong"})
        assert arrived == text


def test_threads_follow_the_limit(render: Render) -> None:
    """THREADS is the container's CPU limit, unless it is set."""
    [trainer] = containers(pods(render(VALUES / "minimal.yaml"))["trainer"])
    [threads] = [variable for variable in trainer["env"] if variable["name"] == "THREADS"]
    assert threads["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"
    assert environments(render(VALUES / "nfs.yaml"))["trainer"]["THREADS"] == "8"


def test_no_float_and_no_empty_name(any_release: Release) -> None:
    """No rendered value is a float: a build number that became one has lost digits."""
    for manifest in any_release:
        assert not [path for path, value in leaves(manifest) if isinstance(value, float)]
        assert None not in [value for _, value in leaves(manifest)]


def test_text_is_quoted(any_release: Release) -> None:
    """Labels, annotations and variables are text, even if they look like numbers."""
    for manifest in any_release:
        metadata = manifest["metadata"]
        for strings in (metadata["labels"], metadata.get("annotations", {})):
            assert all(isinstance(value, str) for value in strings.values())
        assert all(isinstance(entry.get("value", ""), str) for entry in variables_of(manifest))


def variables_of(manifest: Manifest) -> list[Manifest]:
    """Return all environment variables of an object's containers."""
    return [
        variable
        for pod in pods((manifest,)).values()
        for container in containers(pod)
        for variable in container["env"]
    ]


@pytest.mark.parametrize("number", [13, 115, 20180523, 201805231234567])
def test_a_whole_number_is_its_digits(helm: Helm, number: int, tmp_path: Path) -> None:
    """A build number without quotes, as the seed has it, is taken as its digits."""
    path = tmp_path / "values.yaml"
    path.write_text(f"build: {{number: {number}}}\nenv: {{CSV_FOLDER: {os.devnull}}}\n")
    assert environments(helm.render(path))["trainer"]["BUILDNUMBER"] == str(number)
