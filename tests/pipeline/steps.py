"""The pipelines' own script steps, taken from their YAML and run as an agent would run them."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "azure-pipelines.yml", *sorted((ROOT / ".azure-pipelines").glob("*.yml"))]
_PARAMETER = re.compile(r"\$\{\{ parameters\.(\w+) \}\}")
_VARIABLE = re.compile(r"\$\(([\w.]+)\)")

Step = dict[str, Any]


def parsed(path: Path) -> Any:
    """Return a pipeline's YAML."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps_of(thing: Any) -> Iterator[Step]:
    """Yield every step that runs a script, at any depth."""
    if isinstance(thing, dict):
        if "script" in thing or "inlineScript" in thing.get("inputs", {}):
            yield thing
        for value in thing.values():
            yield from steps_of(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from steps_of(value)


def script_of(step: Step) -> str:
    """Return what a step runs."""
    return str(step.get("script") or step["inputs"]["inlineScript"])


def scripts() -> list[tuple[str, str]]:
    """Return every script of every file; a job's command takes the place of its parameter."""
    found = [
        (path.name, script_of(step))
        for path in FILES
        if path.name != "job.yml"
        for step in steps_of(parsed(path))
    ]
    return [*found, *(("environment.yml", command) for command in commands().values())]


def commands() -> dict[str, str]:
    """Return the script of each job of an environment, by the job's name."""
    folder = ROOT / ".azure-pipelines"
    (step,) = steps_of(parsed(folder / "job.yml"))
    (stage,) = parsed(folder / "environment.yml")["stages"]
    jobs = [job["parameters"] for job in stage["jobs"]]
    whole = script_of(step)
    return {job["name"]: whole.replace("${{ parameters.command }}", job["command"]) for job in jobs}


@dataclass
class Agent:
    """Runs steps in a folder, with the pipeline's parameters and variables."""

    folder: Path
    environ: Mapping[str, str]
    parameters: Mapping[str, str]
    variables: Mapping[str, str]
    ran: set[tuple[str, str]] = field(default_factory=set)

    def step(self, file: str, name: str, folder: Path | None = None) -> str:
        """Run the step of a file that is displayed under a name."""
        path = next(path for path in FILES if path.name == file)
        (step,) = [s for s in steps_of(parsed(path)) if self._filled(s["displayName"]) == name]
        return self.run(file, script_of(step), folder, step.get("env", {}))

    def run(
        self,
        file: str,
        script: str,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run a script and return what it prints; what would take an hour is asked for only."""
        self.ran.add((file, script))
        text = self._filled(script)
        if text.startswith("make "):  # each is a target that CI runs by itself
            text = text.replace("make ", "make --dry-run ", 1)
        given = {key: self._filled(str(value)) for key, value in (env or {}).items()}
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=folder or self.folder,
            env={**self.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return f"$ {text}\n{done.stdout}"

    def _filled(self, text: str) -> str:
        """Put parameters and variables in; one that is not known is a defect of the pipeline."""
        text = _PARAMETER.sub(lambda found: self.parameters[found[1]], text)
        while _VARIABLE.search(text):
            text = _VARIABLE.sub(lambda found: self.variables[found[1]], text)
        return text


def copied(target: Path) -> Path:
    """Copy the tree, as Git would commit it now, and make a clone of it with a remote."""
    listed = _git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
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
    who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER")
           for part in ("NAME", "EMAIL")}  # fmt: skip
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | who, check=True,
        capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
