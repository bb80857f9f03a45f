"""The documents by which Spark starts a training, in docs/spark."""

import re
import tomllib
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import yaml
from databricks.bundles.jobs import Job
from tests.helm.charts import ROOT
from tests.helm.test_schemas import definition

from modelsystem_shared import settings
from modelsystem_trainer.settings import Settings

SPARK = ROOT / "docs" / "spark"


def document(name: str) -> Any:
    """Return a YAML document of the docs."""
    return yaml.safe_load((SPARK / name).read_text(encoding="utf-8"))


@pytest.fixture
def application() -> Any:
    """Return the SparkApplication."""
    return document("sparkapplication.yaml")


@pytest.fixture
def job() -> Any:
    """Return the Databricks job."""
    return document("databricks.yml")["resources"]["jobs"]["modelsystem_training"]


def test_the_spark_application_follows_the_operators_schema(application: Any) -> None:
    """An unknown field is refused, here as in a strict cluster."""
    jsonschema.validate(application["spec"], definition(application))
    wrong = deepcopy(application)
    wrong["spec"]["driver"]["environment"] = []
    with pytest.raises(jsonschema.ValidationError, match="environment"):
        jsonschema.validate(wrong["spec"], definition(wrong))


def test_driver_and_executors_see_the_same_folder(application: Any) -> None:
    """The claim is at the same path in both, with the same settings."""
    driver, executor = application["spec"]["driver"], application["spec"]["executor"]
    assert driver["volumeMounts"] == executor["volumeMounts"]
    assert driver["env"] == executor["env"]
    assert driver["podSecurityContext"] == executor["podSecurityContext"]
    [folder] = [entry["value"] for entry in driver["env"] if entry["name"] == "MODELFOLDER"]
    assert any(folder.startswith(f"{mount['mountPath']}/") for mount in driver["volumeMounts"])


def test_the_databricks_job_has_known_fields_only(job: Any) -> None:
    """Databricks' own classes read it."""
    assert Job.from_dict(job).name == "modelsystem-training"
    job["tasks"][0]["python_wheel_task"]["entrypoint"] = "x"
    with pytest.raises(ValueError, match="entrypoint"):
        Job.from_dict(job)


def test_both_call_the_console_script(application: Any, job: Any) -> None:
    """The image has it as a file for spark-submit, the wheel as its entry point."""
    project = tomllib.loads((ROOT / "trainer/pyproject.toml").read_text(encoding="utf-8"))
    [script] = project["project"]["scripts"]
    [task] = job["tasks"]
    assert task["python_wheel_task"]["entry_point"] == script
    path = application["spec"]["mainApplicationFile"].removeprefix("local://")
    assert path.endswith(f"/{script}.py")
    dockerfile = (ROOT / "trainer/Dockerfile").read_text(encoding="utf-8")
    assert f"RUN cp {path.removesuffix('.py')} {path}\n" in dockerfile


def test_the_version_of_spark_is_the_images(application: Any) -> None:
    """The operator's spark-submit speaks to executors of this version."""
    pins = (ROOT / "trainer/requirements-spark.txt").read_text(encoding="utf-8")
    [version] = re.findall(r"^pyspark==(\S+)", pins, re.MULTILINE)
    assert application["spec"]["sparkVersion"] == version


def test_their_settings_are_the_trainers(application: Any, job: Any) -> None:
    """The trainer accepts each set as it stands."""
    on_kubernetes = {
        entry["name"]: entry.get("value", "a2V5") for entry in application["spec"]["driver"]["env"]
    }
    [cluster] = job["job_clusters"]
    on_databricks = cluster["new_cluster"]["spark_env_vars"] | {"BLOB_STORAGE_KEY": "a2V5"}
    names = {variable.name for variable in settings.variables(Settings)}
    for environ in (on_kubernetes, on_databricks):
        assert set(environ) - {"OPENBLAS_NUM_THREADS"} <= names
        assert settings.read(Settings, environ).engine == "spark"
