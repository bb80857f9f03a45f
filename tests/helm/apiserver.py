"""A stand-in for a cluster's API server, which this machine cannot have.

It keeps objects and gives them back, so that the real Helm can install, look up and upgrade. It
checks and runs nothing: no admission, no schemas, no controllers, and of all patches only merges.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

KINDS = {
    "v1": ["Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "Pod", "Namespace"],
    "apps/v1": ["Deployment"],
    "batch/v1": ["Job"],
    "policy/v1": ["PodDisruptionBudget"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "gateway.networking.k8s.io/v1": ["HTTPRoute"],
}
_PATH = re.compile(
    r"/(?:api|apis)/(?P<group>.+?)/namespaces/(?P<of>[^/]+)/(?P<plural>\w+)(?:/(?P<name>.+))?"
)
_PROTOBUF = b"k8s\0"

Object = dict[str, Any]


def plural(kind: str) -> str:
    """Return what a kind is called in paths."""
    word = kind.lower()
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


class Cluster(ThreadingHTTPServer):
    """The objects of a cluster, by the last parts of their paths."""

    daemon_threads = True

    def __init__(self) -> None:
        """Begin with what every namespace has."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[tuple[str, str], Object] = {}
        self.put("ServiceAccount", "default")

    def put(self, kind: str, name: str, **more: Any) -> None:
        """Add an object."""
        version = next(version for version, kinds in KINDS.items() if kind in kinds)
        metadata = {"name": name, "namespace": "models"}
        self.objects[plural(kind), name] = {
            "apiVersion": version, "kind": kind, "metadata": metadata, **more,
        }  # fmt: skip

    def get(self, kind: str, name: str) -> Object:
        """Return an object."""
        return self.objects[plural(kind), name]

    def kubeconfig(self) -> str:
        """Return what leads Helm here."""
        server = f"http://127.0.0.1:{self.server_port}"
        return yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": server}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "users": [{"name": "it", "user": {}}],
        })  # fmt: skip


@contextmanager
def running() -> Iterator[Cluster]:
    """Run a cluster's stand-in."""
    with Cluster() as cluster:
        thread = threading.Thread(target=cluster.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield cluster
        finally:
            cluster.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Cluster
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: two would wait 40 ms for each other

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in _DISCOVERY:
            self._answer(_DISCOVERY[path])
        elif (found := _PATH.fullmatch(path)) and found["name"]:
            self._answer(self.server.objects.get((found["plural"], found["name"])))
        elif found:
            self._answer(self._list(found["plural"]))
        else:
            self._answer(None)

    def do_POST(self) -> None:
        found, sent = _PATH.fullmatch(self.path.partition("?")[0]), self._body()
        assert found
        self.server.objects[found["plural"], sent["metadata"]["name"]] = sent
        self._answer(sent, HTTPStatus.CREATED)

    def do_PUT(self) -> None:
        self.do_PATCH()

    def do_PATCH(self) -> None:
        found, sent = _PATH.fullmatch(self.path.partition("?")[0]), self._body()
        assert found
        key = (found["plural"], found["name"])
        self.server.objects[key] = merged(self.server.objects.get(key, {}), sent)
        self._answer(self.server.objects[key])

    def do_DELETE(self) -> None:
        found = _PATH.fullmatch(self.path.partition("?")[0])
        assert found
        self._body()
        self._answer(self.server.objects.pop((found["plural"], found["name"]), None))

    def _list(self, kind: str) -> Object:
        wanted = dict(
            re.findall(r"(\w+)(?:%3D|=)(\w[\w.-]*)", self.path.partition("labelSelector=")[2])
        )
        items = [
            one
            for (plural_, _), one in self.server.objects.items()
            if plural_ == kind and wanted.items() <= one["metadata"].get("labels", {}).items()
        ]
        return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}

    def _body(self) -> Any:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return secret(body) if body.startswith(_PROTOBUF) else yaml.safe_load(body)

    def _answer(self, content: Object | None, status: HTTPStatus = HTTPStatus.OK) -> None:
        if content is None:
            status = HTTPStatus.NOT_FOUND
            content = {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                       "reason": "NotFound", "code": 404, "message": "not found"}  # fmt: skip
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def merged(old: Any, new: Any) -> Any:
    """Return what a merge patch makes of a document."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    both = {key: merged(old.get(key), value) for key, value in new.items()}
    return {key: value for key, value in (old | both).items() if value is not None}


def secret(body: bytes) -> Object:
    """Return a Secret that Helm, which keeps its records in Secrets, has sent as protobuf."""
    inner = fields(fields(body.removeprefix(_PROTOBUF))[2][0])
    metadata = fields(inner[1][0])
    labels = [fields(pair) for pair in metadata.get(11, [])]
    return {
        "apiVersion": "v1", "kind": "Secret", "type": inner[3][0].decode(),
        "metadata": {
            "name": metadata[1][0].decode(), "namespace": "models",
            "labels": {pair[1][0].decode(): pair[2][0].decode() for pair in labels},
        },
        "data": {
            pair[1][0].decode(): base64.b64encode(pair[2][0]).decode()
            for pair in map(fields, inner[2])
        },
    }  # fmt: skip


def fields(message: bytes) -> dict[int, list[bytes]]:
    """Return the texts and messages in a protobuf message, by the numbers of their fields."""
    found: dict[int, list[bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 2:
            found.setdefault(tag >> 3, []).append(message[at : at + value])
            at += value
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _resources(version: str) -> Object:
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    kinds = [
        {"name": plural(kind), "singularName": kind.lower(), "namespaced": kind != "Namespace",
         "kind": kind, "verbs": verbs} for kind in KINDS[version]
    ]  # fmt: skip
    return {"kind": "APIResourceList", "groupVersion": version, "resources": kinds}


def _group(version: str) -> Object:
    one = {"groupVersion": version, "version": version.partition("/")[2]}
    return {"name": version.partition("/")[0], "versions": [one], "preferredVersion": one}


_DISCOVERY: dict[str, Object] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [_group(v) for v in KINDS if "/" in v]},
    **{f"/{'apis' if '/' in v else 'api'}/{v}": _resources(v) for v in KINDS},
}
