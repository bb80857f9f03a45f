"""A dry run of the whole path on one machine, with the very steps of the pipelines.

Check, images, values, package, render, the build's containers, deploy, gate against the build
before it, route, provenance, verify, prune. Real are Helm's rendering, the engine and all that
runs in it, the release tool as wheels, Git. There is neither a registry nor a cluster nor Azure:
`docker push`, az, kubelogin, kubectl and Helm's releases are recorded by small fakes, which find
the real sites of the containers.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e import engine
from tests.e2e.pods import Node, Pod
from tests.helm.charts import MAJORS, Release, find_helm, the
from tests.integration.azurite import ACCOUNT, KEY
from tests.integration.conftest import public_pem, write_key
from tests.pipeline.steps import ROOT, Agent, copied, jobs, steps
from tests.release.fake_cluster import (
    OLD,
    Cluster,
    claim,
    deployment,
    http_route,
    job,
    pod,
    service,
)
from tests.shared.vault import KEY_URL, Vault, serving

from modelsystem_shared.signing import Envelope, TrustedKeys

REGISTRY = "acr.example"
NIGHT = "2018/05/08"
BUILDS = ("20180523.9", "20180523.10")
DOCKER = """#!/bin/sh
# A fake: there is no registry here. A digest is that of the name.
[ "$1" = inspect ] || exit 0
name=${4%:*}
echo "$name@sha256:$(printf %s "$name" | sha256sum | cut -c 1-64)"
"""
Say = Callable[[str, str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that adds a chapter to the log of the dry run."""

    def add(title: str, text: str) -> None:
        assert KEY not in text
        with capsys.disabled():
            print(f"\n=== {title}\n{text.rstrip()}", flush=True)

    return add


@pytest.fixture(scope="module")
def tag() -> str:
    """Return the tag of images of this tree."""
    return engine.images("pipeline")


@pytest.fixture
def node(tmp_path: Path, tag: str) -> Iterator[Node]:
    """Return a place where pods run."""
    tmp_path.chmod(0o755)
    with Node("release-node", tmp_path / "node") as started:
        write_key(tmp_path, "training")
        started.secrets["etl"] = {"BLOB_STORAGE_KEY": KEY}
        started.secrets["signing"] = {"signing.pem": (tmp_path / "training.pem").read_text()}
        yield started


@pytest.fixture
def vault(node: Node, tmp_path: Path) -> Iterator[Vault]:
    """Return the vault with the pipeline's own key, which the ConfigMap of trusted keys has too."""
    with serving(Vault(tmp_path)) as vault:
        training = (tmp_path / "training.pub").read_text()
        keys = {"training.pub": training, "pipeline.pub": public_pem(vault.key).decode()}
        node.config_maps["trusted-keys"] = keys
        yield vault


def export() -> bytes:
    """Return interactions of users who mostly stay within one group of items."""
    rng = random.Random(7)
    rows = ["user_id,item_id,timestamp"]
    for user in range(12_000):
        group = rng.randrange(20)
        items = [rng.randrange(500), *(group * 25 + n for n in rng.sample(range(25), 7))]
        rows += [f"u{user},i{item},{1525730000 + n}" for n, item in enumerate(items)]
    return ("\n".join(rows) + "\n").encode()


class Walk:
    """The path of two builds to traffic: its agent, its recorded cluster, its containers."""

    def __init__(self, folder: Path, node: Node, vault: Vault, tag: str, say: Say) -> None:
        self.folder, self.node, self.vault, self.tag, self.say = folder, node, vault, tag, say
        self.container = node.azurite().container({f"{NIGHT}/interactions.csv": export()})
        self.clone = copied(folder / "clone")
        self.cluster = Cluster(folder / "cluster")
        self.cluster.add(claim(), http_route(*BUILDS))
        for name, data in node.config_maps.items():
            self.cluster.add({"kind": "ConfigMap", "metadata": {"name": name}, "data": data})
        self.agent = Agent(self.clone, self.environ(), {}, {})

    def environ(self) -> dict[str, str]:
        """Return an agent's environment: fakes first, then what the machine has."""
        fakes = self.folder / "fakes"
        if not fakes.exists():
            fakes.mkdir()
            for name, text in (
                ("docker", DOCKER),
                ("az", "#!/bin/sh\n"),
                ("kubelogin", "#!/bin/sh\n"),
            ):
                (fakes / name).write_text(text)
                (fakes / name).chmod(0o755)
        python = Path(sys.executable).resolve().parent
        return self.cluster.environ | {
            "PATH": f"{fakes}:{self.cluster.folder}:{python}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
        }  # fmt: skip

    def begin(self, build: str, number: int) -> None:
        """Begin the pipeline's run of a build."""
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.clone, capture_output=True, text=True, check=True
        ).stdout.strip()
        settings = (
            f"env.PARAMETERS='method=cooccurrence',storage.existingSecret='etl',"
            f"workloadIdentity.enabled=false,"
            f"env.BLOB_STORAGE_ENDPOINT='http://azurite:10000/{ACCOUNT}',"
            "trainer.resources.limits.memory='1Gi',scorer.resources.limits.memory='512Mi'"
        )
        self.agent.parameters = {
            "csvFolder": "none", "tenant": "none", "settings": settings, "environment": "staging",
            "steps": "50,100", "hold": "2s", "action": "show", "what": "none", "why": "by hand",
        }  # fmt: skip
        self.agent.variables = {
            "Build.BuildNumber": build, "Build.BuildId": str(number), "REGISTRY": REGISTRY,
            "night": NIGHT, "STORAGE_ACCOUNT": ACCOUNT, "IDENTITY_CLIENT_ID": "none-here",
            "SERVICE_ACCOUNT": "modelsystem",
            "STORAGE_CONTAINER": self.container,
            "NAMESPACE": "models", "RESOURCE_GROUP": "rg", "CLUSTER": "aks",
        }  # fmt: skip
        self.agent.environ = self.environ() | {
            "BUILD_BUILDNUMBER": build, "BUILD_BUILDID": str(number),
            "BUILD_SOURCEVERSION": commit, "BUILD_REQUESTEDFOR": "Ada", "BUILD_REASON": "Schedule",
            "SYSTEM_COLLECTIONURI": "https://dev.example/org/", "SYSTEM_TEAMPROJECT": "models",
            # an agent sets the variables of a group too
            "SIGNING_SECRET": "signing", "TRUSTED_KEYS": "trusted-keys", "PROVENANCE_KEY": KEY_URL,
        }  # fmt: skip
        for folder in ("out", "images"):
            shutil.rmtree(self.clone / folder, ignore_errors=True)

    def cut(self, build: str) -> Path:
        """Run the stages up to the artefact, and return the folder that later stages get."""
        for file, name in (
            ("check.yml", "Test"),
            ("check.yml", "Measure coverage"),
            ("images.yml", "Build"),
            ("images.yml", "List their contents (SBOM)"),
        ):
            self.agent.step(file, name)
        pushed = self.agent.step("images.yml", "Push")
        self.say(f"{build}: Images", pushed)
        assert f"{REGISTRY}/modelsystem/release@sha256:" in pushed  # for the routing chart's prune
        shutil.move(self.clone / "out", self.clone / "images")
        self.agent.step("package.yml", "Build the release tool")
        self.say(f"{build}: Package", self.agent.step("package.yml", "Cut the build"))
        self.say(f"{build}: Tag", self.agent.step("package.yml", "Tag the commit"))
        artefact = self.folder / build
        shutil.copytree(self.clone / "out", artefact)
        for path in artefact.rglob("*"):  # an artefact of Azure Pipelines forgets modes
            path.chmod(0o755 if path.is_dir() else 0o644)
        return artefact

    def run(self, build: str, artefact: Path) -> None:
        """Run the jobs of an environment; the one that signs in to the vault is Record."""
        for job_step in jobs():
            environ = self.agent.environ
            if job_step.name == "Record":
                self.agent.environ = {**environ, **self.vault.environment}
            self.say(f"{build}: {job_step.name}", self.agent.run(job_step, artefact))
            self.agent.environ = environ

    def render(self, artefact: Path) -> Release:
        """Render the artefact with every Helm, and return the one result."""
        texts = {
            find_helm(major)
            .run("template", "mlrelease", artefact / "build.tar.gz", "--namespace", "models")
            .output
            for major in MAJORS
        }
        (text,) = texts
        release: Release = tuple(manifest for manifest in yaml.safe_load_all(text) if manifest)
        return release

    def serve(self, build: str, release: Release) -> str:
        """Run Job and site as their YAML says, from local images, and return the site's address."""
        local = json.loads(_local(json.dumps(release), self.tag))
        pods = {
            name: Pod(self.node, f"{name}-{build}", pod.manifest, self.folder / f"{name}-{build}")
            for name, pod in self.node.install(tuple(local)).items()
        }
        waiter, trainer = pods["scorer"].start("waiter-container"), pods["trainer"].start("trainer")
        assert trainer.wait() == 0, trainer.log()
        assert waiter.wait() == 0, waiter.log()
        scorer = pods["scorer"].start("scorer")
        scorer.until_ready(pods["scorer"].container("scorer"))
        self.say(f"{build}: containers", trainer.log()[-1500:] + waiter.log()[-600:])
        return scorer.address(3000)

    def record(self, build: str, url: str, service_name: str) -> None:
        """Let the recorded cluster show the objects of an installed artefact."""
        images = (self.clone / "images" / "images.txt").read_text().split()
        by_name = {image.split("@")[0].rpartition("/")[2]: image for image in images}
        name = f"pod-{build}"
        ready = [
            job(build, Complete=""), deployment(build), service(build),
            pod(name, build,
                initContainerStatuses=[{"name": "waiter-container", "imageID": by_name["waiter"]}],
                containerStatuses=[{"name": "scorer", "imageID": by_name["scorer"]}]),
        ]  # fmt: skip
        release = deployment(build)["metadata"]["labels"]["app.kubernetes.io/instance"]
        frames = [[job(build), deployment(build, ready=0)], ready]
        self.cluster.change(
            frames=self.cluster.state["frames"] | {release: frames},
            sites=self.cluster.state["sites"] | {service_name: url, name: url},
        )


def _local(text: str, tag: str) -> str:
    """Name the images of this machine's engine: there is no registry to pull from."""
    pattern = rf'{REGISTRY}/modelsystem/(\w+)(:[^"@]*)?@sha256:[0-9a-f]{{64}}'
    text = re.sub(pattern, rf"modelsystem/\1:{tag}", text)
    assert REGISTRY not in text
    return text


def test_two_builds_go_from_commit_to_traffic(
    tmp_path: Path, node: Node, vault: Vault, tag: str, say: Say
) -> None:
    """The first becomes the champion, the second is asked, promoted, recorded and verified."""
    path = Walk(tmp_path, node, vault, tag, say)
    for number, build in enumerate(BUILDS, 1):
        path.begin(build, number)
        artefact = path.cut(build)
        release = path.render(artefact)
        url = path.serve(build, release)
        path.record(build, url, the(release, "Service")["metadata"]["name"])
        if number == 1:  # a first installation says how the traffic is moved
            path.cluster.route({}, gateway={"parentRefs": [{"name": "public"}]})
            path.agent.parameters = {**path.agent.parameters, "steps": "100"}
        path.run(build, artefact)
    check_signatures(artefact, vault)
    assert path.cluster.routed() == {BUILDS[-1]: 100}
    gate = json.loads((artefact / "results" / "gate.json").read_text())
    assert (gate["champion"]["build"], gate["candidate"]["build"]) == BUILDS
    assert gate["difference"]["ndcg@20"]["mean"] == 0.0

    route = "azure-pipelines-route.yml"
    say(route, path.agent.step(route, "Build the release tool"))
    for action in ("show", "rollback"):
        path.agent.parameters = {**path.agent.parameters, "action": action}
        say(f"{route}: {action}", path.agent.step(route, action))
    assert path.cluster.routed() == {BUILDS[0]: 100}
    check_weights(path, tmp_path)
    say("prune --dry-run", pruned(path, artefact))
    assert {(step.file, step.name) for step in steps()} <= path.agent.ran


def check_signatures(artefact: Path, vault: Vault) -> None:
    """Find the statement signed by the pipeline's key, and the chain up to the model verified."""
    document = (artefact / "results" / "provenance.json").read_bytes()
    TrustedKeys([vault.key.public_key()]).payload(Envelope.of_json(document))
    assert (artefact / "trusted-keys.pub").read_bytes().count(b"BEGIN PUBLIC KEY") == 2
    assert not (artefact / "images.txt").read_text().count("/release@")


def check_weights(path: Walk, folder: Path) -> None:
    """Render a route of the recorded weights with both Helms."""
    values = path.cluster.state["releases"]["modelsystem-routing"][-1]["values"]
    file = folder / "weights.json"
    file.write_text(json.dumps(values))
    routes: list[Any] = []
    for major in MAJORS:
        ended = find_helm(major).run(
            "template", "r", ROOT / "helm" / "modelsystem-routing", "-f", file, "-n", "models"
        )
        assert ended.code == 0, ended.errors
        routes += [route for route in yaml.safe_load_all(ended.output) if route]
    for route in routes:
        backends = route["spec"]["rules"][-1]["backendRefs"]
        assert [(backend["name"], backend["weight"]) for backend in backends] == [
            ("scoring-20180523-9", 100)
        ]
        changes = json.loads(route["metadata"]["annotations"]["modelsystem/changes"])
        assert changes[0]["by"] == "Ada (run 2)"


def pruned(path: Walk, artefact: Path) -> str:
    """Return what prune would remove of these and two older builds: only the older ones."""
    for build in ("20180401.1", "20180402.1"):
        path.cluster.install(f"mlrelease-{build.replace('.', '-')}", app_version=build, updated=OLD)
    for build in BUILDS:
        path.cluster.install(f"mlrelease-{build.replace('.', '-')}", app_version=build)
    ended = subprocess.run(
        [artefact / ".venv-tool/bin/release", "prune", "--keep", "0", "--dry-run"],
        env=path.environ(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    candidates = [
        line.split()[0] for line in ended.stdout.splitlines() if "would be removed" in line
    ]
    assert sorted(candidates) == ["20180401.1", "20180402.1"]
    return ended.stdout
