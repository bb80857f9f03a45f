"""The script of `helm test`, against sites that answer late or not as they should."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.helm.charts import CHARTS
from tests.programs import free_port, running

SCRIPT = CHARTS / "modelsystem" / "files" / "ask.py"


class Site(BaseHTTPRequestHandler):
    """Serves build 152."""

    def do_GET(self) -> None:
        """Answer the front page."""
        self._answer(b"Score: 0.5\nBuild Number:152")

    def do_POST(self) -> None:
        """Answer a recommendation."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(json.dumps({"model": {"build": "152"}, "items": [{"item_id": "a"}]}).encode())

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: object) -> None:
        """Log nothing."""


def start(port: int, build: str) -> "AbstractContextManager[subprocess.Popen[str]]":
    """Run the script as long as a context lasts."""
    return running(
        [sys.executable, "-c", SCRIPT.read_text(encoding="utf-8")],
        env=os.environ | {"SITE": f"http://127.0.0.1:{port}", "BUILDNUMBER": build},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_tries_again_until_the_site_can_be_reached() -> None:
    """As where a NetworkPolicy learns the pod's address late."""
    port = free_port()
    with start(port, "152") as script:
        time.sleep(2)
        assert script.poll() is None
        with ThreadingHTTPServer(("127.0.0.1", port), Site) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            output, _ = script.communicate(timeout=60)
            server.shutdown()
    assert script.returncode == 0, output


def test_another_build_is_refused_at_once() -> None:
    """A wrong answer is an answer."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with start(server.server_port, "153") as script:
            output, _ = script.communicate(timeout=20)
        server.shutdown()
    assert script.returncode == 1
    assert "serves another build than 153" in output
