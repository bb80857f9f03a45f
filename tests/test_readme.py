"""README.md tells the truth about settings and console scripts."""

import re
import tomllib
from pathlib import Path

import pytest

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import settings
from modelsystem_trainer.settings import Settings as TrainerSettings
from modelsystem_waiter.settings import Settings as WaiterSettings

ROOT = Path(__file__).parents[1]
WORKLOADS = {"trainer": TrainerSettings, "waiter": WaiterSettings, "scorer": ScorerSettings}
MACHINES_OWN = ("THREADS", "trainer")  # its default is the number of CPUs


def table() -> dict[tuple[str, str], str]:
    """Return the default that the table gives for each variable of each workload."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Settings")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z_]+) \|([^|]*)\|([^|]*)\|[^|]+\|$", section, re.MULTILINE)
    return {
        (name, w.strip()): default.strip() for name, for_, default in rows for w in for_.split(",")
    }


def code() -> dict[tuple[str, str], str]:
    """Return the same from the workloads' settings."""

    def shown(v: settings.Variable) -> str:
        if v.default is settings.REQUIRED:
            return "required"
        return "" if v.default is None else str(v.default)

    return {(v.name, w): shown(v) for w, cls in WORKLOADS.items() for v in settings.variables(cls)}


def test_every_setting_is_in_the_table_with_its_default() -> None:
    """The settings table has exactly the variables that the workloads read, and their defaults."""
    documented, declared = table(), code()
    assert documented.pop(MACHINES_OWN) == "the CPUs"
    declared.pop(MACHINES_OWN)
    assert documented == declared


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_console_script_is_named(workload: str) -> None:
    """README.md names each console script that a workload installs."""
    project = tomllib.loads((ROOT / workload / "pyproject.toml").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert project["project"]["scripts"]
    assert all(f"`{script}`" in readme for script in project["project"]["scripts"])
