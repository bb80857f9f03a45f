"""A stand-in for a cluster's API server, which this machine cannot have.

It keeps objects and gives them back, so that the real Helm can install, look up and upgrade. It
checks and runs nothing: no admission, no schemas, no controllers, of all patches only merges, and
a pod has ended before anyone asks.
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
from urllib.parse import parse_qs, urlsplit

import yaml

KINDS = {
    "v1": [
        "ConfigMap",
        "Secret",
        "Service",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "Pod",
        "Namespace",
    ],
    "apps/v1": ["Deployment"],
    "batch/v1": ["Job"],
    "policy/v1": ["PodDisruptionBudget"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "networking.k8s.io/v1": ["NetworkPolicy", "Ingress"],
    "gateway.networking.k8s.io/v1": ["HTTPRoute", "Gateway", "GatewayClass"],
}
_CLUSTER_WIDE = {"Namespace", "GatewayClass"}
_PATH = re.compile(
    r"/(?:api|apis)/(?P<group>.+?)/(?:namespaces/[^/]+/)?(?P<plural>(?!v\d)[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<below>\w+))?"
)
_PROTOBUF = b"k8s\0"
POD_LOG = b"what the pod has printed\n"

Object = dict[str, Any]


def plural(kind: str) -> str:
    """Return what a kind is called in paths."""
    word = kind.lower()
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("ss") else "s")


class Cluster(ThreadingHTTPServer):
    """The objects of a cluster, by the last parts of their paths."""

    daemon_threads = True

    def __init__(self) -> None:
        """Begin with what every namespace has."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[tuple[str, str], Object] = {}
        self.stopped = threading.Event()
        self.put("ServiceAccount", "default")

    def put(self, kind: str, name: str, **fields: Any) -> None:
        """Add an object."""
        metadata = {"name": name, "namespace": "models"}
        self.objects[plural(kind), name] = {
            "apiVersion": _version(kind), "kind": kind, "metadata": metadata, **fields,
        }  # fmt: skip

    def get(self, kind: str, name: str) -> Object:
        """Return an object."""
        return self.objects[plural(kind), name]

    def keep(self, key: tuple[str, str], sent: Object) -> Object:
        """Keep what Helm sent, and return it. A pod ends at once, and well."""
        status = {"status": {"phase": "Succeeded"}} if key[0] == "pods" else {}
        self.objects[key] = sent | status
        return self.objects[key]

    def kubeconfig(self) -> str:
        """Return the configuration with which Helm finds this server."""
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
            cluster.stopped.set()
            cluster.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Cluster
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: two would wait 40 ms for each other

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        match = _PATH.fullmatch(path)
        if path in _DISCOVERY:
            self._answer(_DISCOVERY[path])
        elif path == "/openapi/v2":  # an empty document: Helm then checks no object against it
            self._answer(b"")
        elif match and match["below"] == "log":
            key = (match["plural"], match["name"])
            self._answer(POD_LOG if key in self.server.objects else None)
        elif match and match["name"]:
            self._answer(self.server.objects.get((match["plural"], match["name"])))
        elif match and "watch" in query and "sendInitialEvents" not in query:
            self._watch()
        elif match and "watch" not in query:
            self._answer(self._list(match["plural"], query.get("labelSelector", [""])[0]))
        else:
            self._answer(None)

    def do_POST(self) -> None:
        match, sent = self._match(), self._body()
        key = (match["plural"], sent["metadata"]["name"])
        self._answer(self.server.keep(key, sent), HTTPStatus.CREATED)

    def do_PUT(self) -> None:
        self.do_PATCH()

    def do_PATCH(self) -> None:
        match, sent = self._match(), self._body()
        key = (match["plural"], match["name"])
        self._answer(self.server.keep(key, merged(self.server.objects.get(key, {}), sent)))

    def do_DELETE(self) -> None:
        match = self._match()
        self._body()
        self._answer(self.server.objects.pop((match["plural"], match["name"]), None))

    def _match(self) -> re.Match[str]:
        match = _PATH.fullmatch(urlsplit(self.path).path)
        assert match, self.path
        return match

    def _list(self, plural_: str, selector: str) -> Object:
        [kind] = [k for kinds in KINDS.values() for k in kinds if plural(k) == plural_]
        labels = dict(pair.split("=") for pair in selector.split(",") if pair)
        items = [
            item
            for (place, _), item in self.server.objects.items()
            if place == plural_ and labels.items() <= item["metadata"].get("labels", {}).items()
        ]
        return {
            "kind": f"{kind}List", "apiVersion": _version(kind), "metadata": {}, "items": items,
        }  # fmt: skip

    def _watch(self) -> None:
        """Report no event: whatever Helm watches was there before."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.server.stopped.wait()
        self.close_connection = True

    def _body(self) -> Any:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return secret(body) if body.startswith(_PROTOBUF) else yaml.safe_load(body)

    def _answer(self, content: Object | bytes | None, status: HTTPStatus = HTTPStatus.OK) -> None:
        if content is None:
            status = HTTPStatus.NOT_FOUND
            content = {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                       "reason": "NotFound", "code": 404, "message": "not found"}  # fmt: skip
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "text/plain" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def _version(kind: str) -> str:
    return next(version for version, kinds in KINDS.items() if kind in kinds)


def merged(old: Any, new: Any) -> Any:
    """Return what a merge patch makes of a document."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {key: merged(old.get(key), value) for key, value in new.items()}
    return {key: value for key, value in (old | changed).items() if value is not None}


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
    values: dict[int, list[bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 2:
            values.setdefault(tag >> 3, []).append(message[at : at + value])
            at += value
    return values


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
        {"name": plural(kind), "singularName": kind.lower(), "kind": kind,
         "namespaced": kind not in _CLUSTER_WIDE, "verbs": verbs} for kind in KINDS[version]
    ]  # fmt: skip
    return {"kind": "APIResourceList", "groupVersion": version, "resources": kinds}


def _group(version: str) -> Object:
    served = {"groupVersion": version, "version": version.partition("/")[2]}
    return {"name": version.partition("/")[0], "versions": [served], "preferredVersion": served}


_DISCOVERY: dict[str, Object] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [_group(v) for v in KINDS if "/" in v]},
    **{f"/{'apis' if '/' in v else 'api'}/{v}": _resources(v) for v in KINDS},
}
