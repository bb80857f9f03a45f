"""A way to a Service of the cluster, by `kubectl port-forward`."""

import os
import re
import select
import subprocess
import time

from modelsystem_release.cluster import programs
from modelsystem_shared.errors import ServiceError

_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_PATIENCE = 30.0  # seconds until kubectl forwards
_END = 2.0  # seconds in which kubectl ends after it has lost its pod
_PAUSE = 1.0  # seconds between two tries


def arguments(service: str, namespace: str) -> list[str]:
    """Return kubectl's arguments; kubectl chooses the local port."""
    place = ["--namespace", namespace, "--address", "127.0.0.1"]
    return ["port-forward", *place, f"service/{service}", ":80"]


class PortForward:
    """A local port that leads to a pod of a Service; to another one after the pod's end."""

    def __init__(self, service: str, namespace: str) -> None:
        """Start with `with`."""
        self._target = f"service/{service}"
        self._arguments = arguments(service, namespace)

    def __enter__(self) -> "PortForward":
        """Forward.

        Raises:
            ServiceError: kubectl does not forward within 30 s; with its own reason.

        """
        self._process = self._start()
        self.url = self._url()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def renewed_url(self) -> str:
        """Return the URL of a new forward if this one has ended; empty if it has not.

        kubectl keeps to one pod: it ends with the first request after the pod's end.

        Raises:
            ServiceError: no pod of the Service can be reached within 30 s.

        """
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            return ""
        deadline = time.monotonic() + _PATIENCE
        while True:
            self._stop()
            self._process = self._start()
            try:
                self.url = self._url()
            except ServiceError:  # such as: the pod is not running yet
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return self.url

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603  # no shell; kubectl as found on PATH
            [programs.find("kubectl"), *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _stop(self) -> None:
        with self._process as process:  # closes its pipes and waits
            process.terminate()

    def _url(self) -> str:
        try:
            return f"http://127.0.0.1:{_port(self._process, self._target)}"
        except ServiceError:
            self._stop()
            raise


def _port(process: "subprocess.Popen[bytes]", target: str) -> str:
    """Wait for the line that has the local port."""
    assert process.stdout
    assert process.stderr
    deadline, output = time.monotonic() + _PATIENCE, b""
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.5)[0]:
            output += os.read(process.stdout.fileno(), 4096)
            if match := _FORWARDED.search(output.decode(errors="replace")):
                return match[1]
    process.terminate()
    reason = process.stderr.read().decode(errors="replace").strip()
    raise ServiceError(f"kubectl port-forward {target}: {reason or 'no port in time'}")
