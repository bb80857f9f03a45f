"""Every command line of Helm and kubectl that the tool can issue, as these programs read it."""

import ast
import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.helm.charts import MAJORS, Ended, find_helm, find_kubectl
from tests.release.fake_cluster import deployment, job, pod

import modelsystem_release
from modelsystem_release import artefact, cluster
from modelsystem_release.cluster import Target, Watcher, helm, port_forward, programs, removal_job
from modelsystem_shared.errors import ModelSystemError

TREE = Path(modelsystem_release.__file__).parent
RELEASE = "mlrelease-152"
REVISION = {"status": "failed", "description": ""}
LISTED = {"name": RELEASE, "updated": "", "status": "", "chart": "", "app_version": ""}
OBJECTS = [
    deployment("152", ready=0),
    job("152"),
    pod("trainer", "152", "trainer"),
    pod("scorer", "152"),
    pod("starting", "152", phase="Pending"),
]
PRUNE = job("152", Complete="") | {"metadata": {"name": "prune-152", "labels": {}}}


class Line(NamedTuple):
    """A command line: the program, its arguments, and the place of the call in the tool."""

    program: str
    arguments: tuple[str, ...]
    file: str
    line: int


def answer(program: str, arguments: Sequence[str], before: Sequence[Line]) -> str:
    """Return an answer with which the tool goes on to its next call."""
    verb, kind = arguments[0], arguments[1]
    if program == "helm":
        is_installed = any(line.arguments[0] == "upgrade" for line in before)
        answers = {"list": [LISTED] if is_installed else [], "history": [REVISION]}
        return json.dumps(answers.get(verb, {}))
    if verb == "get" and kind != "--raw":
        is_scaled = any(line.arguments[0] == "scale" for line in before)
        things = [PRUNE] if kind == "jobs" else OBJECTS[: 2 if is_scaled else None]
        kinds = {part.partition(".")[0].rstrip("s") for part in kind.split(",")}
        return json.dumps({"items": [thing for thing in things if thing["kind"].lower() in kinds]})
    return ""


@pytest.fixture
def issued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Line]:
    """Return the command lines of everything that the tool does to a cluster."""
    lines: list[Line] = []

    def run(program: str, arguments: Sequence[str], stdin: str | None = None) -> str:
        callers = (frame for frame in inspect.stack()[1:] if frame.filename != programs.__file__)
        caller = next(callers)
        lines.append(Line(program, tuple(arguments), Path(caller.filename).name, caller.lineno))
        return answer(program, arguments, lines)

    monkeypatch.setattr(programs, "run", run)
    use(tmp_path)
    forward = ("kubectl", tuple(port_forward.arguments("scoring-152", "models")), "", 0)
    versions = ((name, tuple(line), "", 0) for name, line in programs.VERSION.items())
    return [*lines, *(Line(*line) for line in (forward, *versions))]


def use(folder: Path) -> None:
    """Do once whatever reaches the cluster."""
    contents = {"Chart.yaml": b"name: sample\n", "values.yaml": b'build:\n  number: "152"\n'}
    build, content = artefact.make(contents, {}, folder)
    path = folder / f"{build}.tar.gz"
    path.write_bytes(content)
    target = Target("models")
    for is_dry_run in (True, False):
        helm.install(artefact.read(path), "models", is_dry_run)
    helm.values(RELEASE, "models")
    helm.upgrade("routing", folder, "models", {}, "why")
    cluster.references(target)
    cluster.route_faults(target, "routing")
    target.readiness("152")
    target.metrics("152")
    with pytest.raises(ModelSystemError):
        Watcher(target, RELEASE, 0, lambda _: None).watch(0)
    Watcher(target, RELEASE, 0, lambda _: None)._least_pods()
    target.annotate("152", "modelsystem/gate", '{"passed": true}')
    target.secret_entries("blob-storage")
    removal_job.remove_build(target, RELEASE)
    removal_job.model_folders(target)


def call_sites() -> Iterator[tuple[str, range]]:
    """Yield the file and the lines of every call of a program in the tool's source."""
    for path in TREE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "programs.run", "programs.ask",
            ):  # fmt: skip
                yield path.name, range(node.lineno, (node.end_lineno or node.lineno) + 1)


def test_every_call_is_listed(issued: list[Line]) -> None:
    """Each place of the source that calls a program has issued a line; no other place does."""
    reached = {(line.file, line.line) for line in issued}
    for file, lines in call_sites():
        assert any((file, number) in reached for number in lines), (file, lines)
    starters = {path.name for path in TREE.rglob("*.py") if "subprocess." in path.read_text()}
    assert starters == {"programs.py", "port_forward.py", "origin.py"}  # the last: git


def read(line: Line, major: int) -> Ended:
    """Let a program read a command line: with --help it parses it, and does nothing."""
    if line.program == "helm":
        return find_helm(major).run(*line.arguments, "--help")
    return find_kubectl().run(*line.arguments, "--help")


@pytest.mark.parametrize("major", MAJORS)
def test_every_command_line_is_understood(issued: list[Line], major: int) -> None:
    """Whatever one of the versions lacks, such as Helm 4 `list --all`, is not used."""
    verbs = {(line.program, line.arguments[0]) for line in issued}
    assert {verb for program, verb in verbs if program == "helm"} == {
        "list", "history", "get", "upgrade", "uninstall", "version"
    }  # fmt: skip
    assert {verb for program, verb in verbs if program == "kubectl"} == {
        "get", "logs", "annotate", "scale", "create", "delete", "port-forward", "version"
    }  # fmt: skip
    for line in issued:
        ended = read(line, major)
        assert ended.code == 0, (line, ended.errors)


def test_a_line_that_is_not_understood_is_noticed() -> None:
    """Each program says so of an option that it does not have, and of a value of the wrong type."""
    for program, arguments in (
        ("helm", ("list", "--all")),
        ("helm", ("list", "--max", "many")),
        ("kubectl", ("get", "jobs", "--outputs", "json")),
        ("kubectl", ("scale", "deployment/x", "--replicas", "none")),
    ):
        assert read(Line(program, arguments, "", 0), 4).code != 0
