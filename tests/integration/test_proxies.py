"""Restarts behind proxies that keep their connections to the sites: no request is lost."""

import contextlib
import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.programs import (
    answers,
    command,
    debian_program,
    environment,
    free_port,
    running,
    wait_for,
)

CLIENTS = 4
BODY = json.dumps({"user_id": "learner-1", "k": 5})
JSON = {"Content-Type": "application/json"}
NGINX = """
daemon off;
pid {folder}/pid;
error_log stderr crit;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream sites {{
    server 127.0.0.1:{sites[0]} max_fails=0;
    server 127.0.0.1:{sites[1]} max_fails=0;
    keepalive 8;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://sites;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout check 10s
  timeout client 30s
  timeout server 30s
  option redispatch
  option httpchk GET /readyz
  default-server inter 100ms fall 1 rise 1
frontend clients
  bind 127.0.0.1:{port}
  default_backend sites
backend sites
  http-reuse always
  server a 127.0.0.1:{sites[0]} check
  server b 127.0.0.1:{sites[1]} check
"""
PROXIES: dict[str, tuple[str, str, str, list[str]]] = {
    "nginx": ("nginx-light", NGINX, "nginx.conf", ["-e", "stderr", "-c"]),
    "haproxy": ("haproxy", HAPROXY, "haproxy.cfg", ["-db", "-f"]),
}


class Sites:
    """Two sites of one build, which take turns to restart."""

    def __init__(self, folder: Path, log: Path, stack: contextlib.ExitStack) -> None:
        self._variables = {"MODELFOLDER": folder, "HOST": "127.0.0.1", "WORKERS": 2}
        self._log = log
        self._stack = stack
        self.ports = (free_port(), free_port())
        self._processes = [self._start(port) for port in self.ports]

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        variables = environment(**self._variables, PORT=port, DRAIN_SECONDS=1, ACCESS_LOG="off")
        with self._log.open("ab") as log:
            site = running(command("scorer"), env=variables, stdout=log, stderr=log)
            process = self._stack.enter_context(site)  # it starts here: the log must be open
        wait_for(lambda: answers(port), process)
        return process

    def restart(self, number: int) -> None:
        """End a site in order, and start it again."""
        self._processes[number].send_signal(signal.SIGTERM)
        assert self._processes[number].wait(timeout=60) == 0
        self._processes[number] = self._start(self.ports[number])


@pytest.fixture
def sites(model_folder: Path, tmp_path: Path) -> Iterator[Sites]:
    """Serve one build twice."""
    with contextlib.ExitStack() as stack:
        yield Sites(model_folder, tmp_path / "log", stack)


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, sites: Sites, tmp_path: Path) -> Iterator[int]:
    """Run a proxy in front of both sites, and return its port."""
    package, template, name, options = PROXIES[request.param]
    program, port = debian_program(request.param, package), free_port()
    configuration = tmp_path / name
    configuration.write_text(template.format(folder=tmp_path, port=port, sites=sites.ports))
    options = [*options, str(configuration)]
    with running([program, *options], stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: answers(port), process)
        yield port


class Load:
    """Clients that ask without pause, on connections that the proxy keeps."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self.answered = 0
        self.losses: list[Any] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        with contextlib.closing(connection):
            while not self._stop.is_set():
                connection.request("POST", "/v1/recommendations", BODY, JSON)
                answer = connection.getresponse()
                content = answer.read()
                self.answered += 1
                if answer.status != http.HTTPStatus.OK:
                    self.losses.append((answer.status, content))


def restart_behind(proxy: int, sites: Sites, times: int) -> int:
    """Restart the sites in turn under load, and return how many requests were answered."""
    with Load(proxy) as load:
        for number in range(times):
            time.sleep(0.3)
            sites.restart(number % 2)
    assert not load.losses, load.losses[:5]
    return load.answered


def test_no_request_is_lost_behind_a_proxy(proxy: int, sites: Sites) -> None:
    """Two restarts."""
    assert restart_behind(proxy, sites, 2) > 0


@pytest.mark.faults
def test_no_request_is_lost_behind_a_proxy_many_times(
    proxy: int, sites: Sites, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty restarts."""
    answered = restart_behind(proxy, sites, 20)
    with capsys.disabled():
        print(f"\n20 restarts behind a proxy, none of {answered} requests lost")
