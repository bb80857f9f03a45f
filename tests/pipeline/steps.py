"""The pipelines' own script steps, read from their YAML and run as an agent runs them."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".azure-pipelines"
FILES = [*sorted(ROOT.glob("azure-pipelines*.yml")), *sorted(FOLDER.rglob("*.yml"))]
SCRIPTS = sorted((FOLDER / "scripts").iterdir())
IN_CLUSTER, ENVIRONMENT = FOLDER / "jobs" / "in-cluster.yml", FOLDER / "stages" / "environment.yml"
_PARAMETER = re.compile(r"\$\{\{ parameters\.(\w+) \}\}")
_VARIABLE = re.compile(r"\$\(([\w.]+)\)")
_INSERT = "${{ insert }}"


@dataclass(frozen=True)
class Step:
    """A step that runs a script; `file` and `name` identify it."""

    file: str
    name: str
    script: str
    env: Mapping[str, str]


def parsed(path: Path) -> Any:
    """Return a pipeline's YAML."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps() -> list[Step]:
    """Return every step of every file; the jobs of an environment with their own parameters."""
    plain = [
        step for path in FILES if path != IN_CLUSTER for step in _steps_of(path.name, parsed(path))
    ]
    return [*plain, *jobs()]


def jobs() -> list[Step]:
    """Return the step that each job of an environment runs in the cluster, named after the job."""
    [step] = _steps_of(IN_CLUSTER.name, parsed(IN_CLUSTER))
    [stage] = parsed(ENVIRONMENT)["stages"]
    return [_with(step, job["parameters"]) for job in stage["jobs"]]


def _with(step: Step, parameters: Mapping[str, Any]) -> Step:
    """Return a template's step with the parameters that a job gives to it."""
    env = {name: value for name, value in step.env.items() if name != _INSERT}
    assert step.env[_INSERT] == "${{ parameters.env }}"
    env |= {"SCRIPT": parameters["script"]} | parameters.get("env", {})
    return Step(ENVIRONMENT.name, parameters["name"], step.script, env)


def _steps_of(file: str, node: Any) -> Iterator[Step]:
    """Yield every step below a node that runs a script."""
    if isinstance(node, dict):
        if script := node.get("script") or node.get("inputs", {}).get("inlineScript"):
            yield Step(file, node["displayName"], script, node.get("env", {}))
        node = [below for key, below in node.items() if key != "parameters"]
    if isinstance(node, list):
        for below in node:
            yield from _steps_of(file, below)


@dataclass
class Agent:
    """Runs steps in a folder, with the pipeline's parameters and variables."""

    folder: Path
    environ: Mapping[str, str]
    parameters: Mapping[str, str]
    variables: Mapping[str, str]
    ran: set[tuple[str, str]] = field(default_factory=set)

    def step(self, file: str, name: str) -> str:
        """Run the step of a file that is displayed under a name, in the checkout."""
        [step] = [s for s in steps() if s.file == file and self._filled(s.name) == name]
        return self.run(step, self.folder)

    def run(self, step: Step, folder: Path) -> str:
        """Run a step and return its output. Targets of make are only printed: CI runs them."""
        self.ran.add((step.file, step.name))
        script = self._filled(step.script)
        if script.startswith("make "):
            script = script.replace("make ", "make --dry-run ", 1)
        env = {name: self._filled(str(value)) for name, value in step.env.items()}
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={**self.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert ended.returncode == 0, f"{script}\n{ended.stdout}"
        return f"$ {script}\n{ended.stdout}"

    def _filled(self, text: str) -> str:
        """Replace parameters and variables; an unknown one is a defect of the pipeline."""
        text = _PARAMETER.sub(lambda match: self.parameters[match[1]], text)
        while _VARIABLE.search(text):
            text = _VARIABLE.sub(lambda match: self.variables[match[1]], text)
        return text


def copied(target: Path) -> Path:
    """Copy the tree, as Git would commit it now, into a repository with a remote."""
    names = _git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    for name in names.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
            (target / name).chmod((ROOT / name).stat().st_mode)
    _git(target, "init", "--quiet", "--initial-branch", "main")
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--message", "Merged PR 12: Go to traffic (AB#77)")
    _git(target, "init", "--quiet", "--bare", str(target.parent / "origin.git"))
    _git(target, "remote", "add", "origin", str(target.parent / "origin.git"))
    return target


def _git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER")
                for part in ("NAME", "EMAIL")}  # fmt: skip
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | identity, check=True,
        capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
