"""Runs rendered manifests without a cluster: each container of a pod becomes one of the engine.

As a kubelet does, it sets images, commands, variables (references and `$(…)` included), users,
groups, capabilities, read-only roots, limits, volumes and whether they are writable, termination
messages, the order of containers, probes. A claim is a folder of this machine that belongs to uid
10001, as the mounted share does; an emptyDir is a folder of the pod; a Service is a forwarder under
its name. The engine has no equivalent of emptyDirs' size limits, scheduling and network policies.
"""

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.engine import docker, run, wait_until
from tests.helm.charts import Manifest, Release, containers, expanded, of_kind, pods
from tests.integration.azurite import Azurite
from tests.programs import answers, free_port

AZURITE = "mcr.microsoft.com/azure-storage/azurite:3.37.0"
CLAIM_OWNER = 10001  # as kube/pvc_azure.yml mounts the share
PATIENCE = 120  # seconds
UNITS = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
FORWARDER = """
import asyncio, sys
async def pipe(source, sink):
    while chunk := await source.read(65536):
        sink.write(chunk)
        await sink.drain()
    sink.close()
async def forward(reader, writer):
    there = await asyncio.open_connection(sys.argv[2], int(sys.argv[3]))
    await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
async def main():
    await (await asyncio.start_server(forward, "0.0.0.0", int(sys.argv[1]))).serve_forever()
asyncio.run(main())
"""


def quantity(text: str | int) -> float:
    """Return a quantity of Kubernetes as a number."""
    text = str(text)
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    return float(text.removesuffix(unit)) * UNITS.get(unit, 1)


@dataclass(frozen=True)
class Container:
    """One container of a pod, running or ended."""

    name: str
    last_words_file: Path

    def wait(self) -> int:
        """Wait until it ends, and return its exit code."""
        return int(docker("wait", self.name))

    def log(self) -> str:
        """Return its output."""
        return docker("logs", self.name)

    def last_words(self) -> str:
        """Return its termination message."""
        return self.last_words_file.read_text(encoding="utf-8")

    def until(self, words: str) -> None:
        """Wait until its output contains `words`."""
        wait_until(lambda: words in self.log(), PATIENCE, f"{self.name} prints {words}")

    def address(self, port: int) -> str:
        """Return the URL at which one of its ports is published on this machine."""
        return f"http://{docker('port', self.name, str(port)).splitlines()[0]}"

    def probe(self, kind: str, container: Manifest) -> int:
        """Send a probe's request, and return the status; 0 if there is no answer."""
        get = container[f"{kind}Probe"]["httpGet"]
        [number] = [
            port["containerPort"] for port in container["ports"] if port["name"] == get["port"]
        ]
        try:
            with urllib.request.urlopen(self.address(number) + get["path"], timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def until_ready(self, container: Manifest) -> None:
        """Wait until it passes its startup and readiness probes, as long as the first may take."""
        startup = container["startupProbe"]
        seconds = startup["periodSeconds"] * startup["failureThreshold"]
        wait_until(lambda: self._is_ready(container), seconds, f"{self.name} is ready")

    def _is_ready(self, container: Manifest) -> bool:
        return {self.probe("startup", container), self.probe("readiness", container)} == {200}


@dataclass
class Node:
    """A node for pods: a network, the claims' folders, Secrets and ConfigMaps of the namespace."""

    name: str
    folder: Path
    secrets: dict[str, Mapping[str, str]] = field(default_factory=dict)
    config_maps: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __enter__(self) -> "Node":
        self._remove_leftovers()
        docker("network", "create", self.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        ids = docker("ps", "-aq", "--filter", f"name=^{self.name}-").split()
        if ids:
            docker("rm", "--force", "--volumes", *ids)
        run("docker", "network", "rm", self.name, check=False)

    def claim(self, name: str) -> Path:
        """Return the folder of a claim, which belongs to the pods' user."""
        path = self.folder / "claims" / name
        if not path.exists():
            path.mkdir(parents=True)
            path.chmod(0o770)
            os.chown(path, CLAIM_OWNER, CLAIM_OWNER)
        return path

    def start(self, name: str, image: str, *options: str, command: Sequence[str] = ()) -> str:
        """Start a container in the node's network, and return its name."""
        container = f"{self.name}-{name}"
        docker("run", "--detach", "--name", container, "--network", self.name,
               "--network-alias", name, *options, image, *command)  # fmt: skip
        return container

    def azurite(self) -> Azurite:
        """Start a storage account that pods reach as `azurite`, and return it."""
        port = free_port()
        command = ["azurite-blob", "--blobHost", "0.0.0.0", "--location", "/tmp",
                   "--skipApiVersionCheck", "--disableTelemetry", "--silent"]  # fmt: skip
        self.start("azurite", AZURITE, f"--publish=127.0.0.1:{port}:10000", command=command)
        azurite = Azurite(port)
        wait_until(lambda: answers(port) and _is_ready(azurite), PATIENCE, "Azurite answers")
        return azurite

    def install(self, release: Release) -> dict[str, "Pod"]:
        """Add a release's Secrets, and return its pods; none of them runs yet."""
        for secret in of_kind(release, "Secret"):
            self.secrets[secret["metadata"]["name"]] = decoded(secret["data"])
        return {
            name: Pod(self, name, pod, self.folder / name) for name, pod in pods(release).items()
        }

    def serve(self, service: Manifest, pod: "Pod") -> None:
        """Forward a Service to a pod that its selector selects."""
        labels = pod.manifest["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        [port] = service["spec"]["ports"]
        scorer = pod.manifest["spec"]["containers"][-1]
        [target] = [
            exposed["containerPort"]
            for exposed in scorer["ports"]
            if exposed["name"] == port["targetPort"]
        ]
        host = f"{self.name}-{pod.name}-{scorer['name']}"
        arguments = ["-c", FORWARDER, str(port["port"]), host, str(target)]
        as_root = ["--user=0", "--entrypoint=python"]  # for a port below 1024
        self.start(service["metadata"]["name"], scorer["image"], *as_root, command=arguments)


def _is_ready(azurite: Azurite) -> bool:
    """Whether Azurite answers, and not only the engine's proxy before it."""
    try:
        azurite.client("ready").exists(timeout=1)
    except Exception:  # the client has many: each means that Azurite does not answer yet
        return False
    return True


def decoded(data: Mapping[str, str]) -> dict[str, str]:
    """Return a Secret's values as text."""
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


@dataclass
class Pod:
    """One pod of a node."""

    node: Node
    name: str
    manifest: Manifest
    folder: Path

    def container(self, name: str) -> Manifest:
        """Return the manifest of one of its containers."""
        [manifest] = [
            container for container in containers(self.manifest) if container["name"] == name
        ]
        return manifest

    def execute(self, container: str, *command: str) -> str:
        """Run a command in one of its containers, and return its output."""
        name = f"{self.node.name}-{self.name}-{container}"
        return run("docker", "exec", name, *command, check=False).stdout

    def start(self, container: str) -> Container:
        """Start one of its containers as its manifest describes it."""
        manifest = self.container(container)
        last_words = self._folder("last-words") / container
        last_words.touch()
        last_words.chmod(0o666)
        path = manifest.get("terminationMessagePath", "/dev/termination-log")
        ports = [port["containerPort"] for port in manifest.get("ports", [])]
        options = [
            *self._security(manifest), *self._limits(manifest), *self._variables(manifest),
            *self._volumes(manifest), f"--volume={last_words}:{path}",
            *(f"--publish=127.0.0.1::{port}" for port in ports),
        ]  # fmt: skip
        command = [*manifest.get("command", []), *manifest.get("args", [])]
        if "command" in manifest:
            options.append(f"--entrypoint={command.pop(0)}")
        name = self.node.start(
            f"{self.name}-{container}", manifest["image"], *options, command=command
        )
        return Container(name, last_words)

    def _security(self, container: Manifest) -> list[str]:
        pod, context = self.manifest["spec"]["securityContext"], container["securityContext"]
        options = [
            f"--user={pod['runAsUser']}:{pod['runAsGroup']}",
            f"--group-add={pod['fsGroup']}",
        ]
        options += [f"--cap-drop={name}" for name in context["capabilities"]["drop"]]
        if context["readOnlyRootFilesystem"]:
            options.append("--read-only")
        if not context["allowPrivilegeEscalation"]:
            options.append("--security-opt=no-new-privileges")
        assert pod["seccompProfile"]["type"] == "RuntimeDefault"  # also the engine's default
        return options

    def _limits(self, container: Manifest) -> list[str]:
        limits = container["resources"]["limits"]
        cpus = min(quantity(limits["cpu"]), os.cpu_count() or 1)  # the engine refuses more
        return [f"--memory={int(quantity(limits['memory']))}", f"--cpus={cpus}"]

    def _variables(self, container: Manifest) -> list[str]:
        values: dict[str, str] = {}
        for variable in container["env"]:
            source = variable.get("valueFrom", {})
            if reference := source.get("secretKeyRef"):
                values[variable["name"]] = self.node.secrets[reference["name"]][reference["key"]]
            elif reference := source.get("resourceFieldRef"):
                kind, resource = reference["resource"].split(".")
                amount = quantity(container["resources"][kind][resource])
                values[variable["name"]] = str(-int(-amount // float(reference["divisor"])))
            else:
                values[variable["name"]] = expanded(variable["value"], values)
        return [f"--env={name}={value}" for name, value in values.items()]

    def _volumes(self, container: Manifest) -> list[str]:
        sources = {volume["name"]: volume for volume in self.manifest["spec"].get("volumes", [])}
        options = []
        for mount in container.get("volumeMounts", []):
            path, can_write = self._source(sources[mount["name"]])
            mode = "rw" if can_write and not mount.get("readOnly") else "ro"
            options.append(f"--volume={path}:{mount['mountPath'].rstrip('/')}:{mode}")
        return options

    def _source(self, volume: Manifest) -> tuple[Path, bool]:
        if claim := volume.get("persistentVolumeClaim"):
            return self.node.claim(claim["claimName"]), not claim.get("readOnly")
        if secret := volume.get("secret"):
            entries = self.node.secrets[secret["secretName"]]
            files = {item["path"]: entries[item["key"]] for item in secret["items"]}
            return self._written(volume["name"], files), False
        if config_map := volume.get("configMap"):
            return self._written(volume["name"], self.node.config_maps[config_map["name"]]), False
        assert "emptyDir" in volume, f"no translation of {json.dumps(volume)}"
        return self._folder(f"volume-{volume['name']}", 0o777), True

    def _written(self, name: str, files: Mapping[str, str]) -> Path:
        """Write a volume's files, which the pod's user may read by its fsGroup."""
        folder = self._folder(f"volume-{name}")
        for file, content in files.items():
            (folder / file).write_text(content, encoding="utf-8")
        return folder

    def _folder(self, name: str, mode: int = 0o755) -> Path:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        return path
