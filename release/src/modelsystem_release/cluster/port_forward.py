"""A way to a Service of the cluster, by `kubectl port-forward`."""

import contextlib
import os
import re
import select
import subprocess
import time
from collections.abc import Iterator

from modelsystem_release.cluster import programs
from modelsystem_shared.errors import ServiceError

_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_PATIENCE = 30.0  # seconds until kubectl forwards


@contextlib.contextmanager
def forwarded(service: str, namespace: str) -> Iterator[str]:
    """Forward a local port to a Service, and yield the URL.

    Raises:
        ServiceError: kubectl does not forward within 30 s; with its own reason.

    """
    target = f"service/{service}"
    command = [programs.find("kubectl"), "port-forward", "--namespace", namespace]
    with subprocess.Popen(  # noqa: S603  # no shell; kubectl as found on PATH
        [*command, "--address", "127.0.0.1", target, ":80"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield f"http://127.0.0.1:{_port(process, target)}"
        finally:
            process.terminate()


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
