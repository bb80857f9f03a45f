"""gunicorn with our settings: the master maps the model, its workers share the pages."""

import gc
import os
import signal
import socket
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # ships no types
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # ships no types
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer.api import Draining
from modelsystem_scorer.serve import port
from modelsystem_scorer.serve.application import Application
from modelsystem_scorer.serve.worker import Worker
from modelsystem_scorer.settings import ScorerSettings

LOG_SECONDS = 0.005  # that lines of the access log wait to be written together
KEEP_ALIVE_SECONDS = 75  # longer than proxies keep idle connections: a proxy must close first
_MEMORY = Path("/dev/shm")  # noqa: S108  # only for the workers' heartbeats


def max_processes(settings: ScorerSettings) -> int:
    """Return the most processes at one time: the master, and two generations of workers."""
    return 1 + 2 * settings.workers


def run(app: Flask, settings: ScorerSettings) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those in flight and exit with 0.

    Raises:
        ModelSystemError: the port cannot be listened on.

    """
    listener = port.listen(settings)
    gc.freeze()  # a collection in a worker would copy the pages that it shares with the master
    _Server(Application(app), _options(settings, listener), settings.drain_seconds).run()


def _options(settings: ScorerSettings, listener: socket.socket) -> dict[str, object]:
    return {
        "bind": f"fd://{listener.detach()}",
        "preload_app": True,
        "workers": settings.workers,
        "worker_class": Worker,
        # a heartbeat written to a disk can stall: the master would kill a healthy worker
        "worker_tmp_dir": str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None,
        "asgi_loop": "uvloop",
        "asgi_lifespan": "off",
        "http_parser": "fast",
        "keepalive": KEEP_ALIVE_SECONDS,
        "timeout": 30,
        "graceful_timeout": 25,  # less than the 30 s that Kubernetes grants by default
        "limit_request_line": 8190,
        "limit_request_fields": 100,
        "limit_request_field_size": 8190,
        # SCRIPT_NAME from no client: one that does not fit the path makes gunicorn answer 500
        "forwarded_allow_ips": "",
        "control_socket_disable": True,  # a build does not change while it runs
        "logger_class": _Log,
        "pre_fork": _give_row,
        "post_worker_init": _begin,
        "errorlog": None,
    }


class _Log(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Sends gunicorn's log records to the root logger."""

    def setup(self, cfg: Any) -> None:  # Any: gunicorn ships no types
        """Let records propagate, which gunicorn turns off."""
        super().setup(cfg)
        self.error_log.propagate = True


def _give_row(arbiter: Arbiter, worker: Worker) -> None:
    """Give a new worker a free row of the counters; the first row is the master's."""
    used = {other.row for other in arbiter.WORKERS.values()}
    rows = range(1, 1 + 2 * arbiter.cfg.workers)
    worker.row = next((row for row in rows if row not in used), rows[-1])


def _begin(worker: Worker) -> None:
    observer = worker.asgi.site.observer
    observer.counters.use_row(worker.row)
    observer.log_together(partial(worker.loop.call_later, LOG_SECONDS))


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """The master process."""

    def __init__(self, server: "_Server", draining: Draining, seconds: float) -> None:
        self._draining = draining
        self._seconds = seconds
        super().__init__(server)

    def handle_term(self) -> None:
        """Answer for DRAIN_SECONDS more, then stop; a second signal stops at once."""
        is_first = not self._draining
        self._draining.begin()
        if not is_first or not self._seconds:
            super().handle_term()
        self.log.info("Draining: answering for %g more seconds", self._seconds)
        signal.signal(signal.SIGALRM, lambda *_: self.signal(signal.SIGTERM, None))
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def stop(self, graceful: bool = True) -> None:  # as gunicorn calls it
        """Let no new connection begin, and stop the workers."""
        for listener in self.LISTENERS:
            port.refuse_new(listener.sock)
        super().stop(graceful)

    def handle_int(self) -> None:
        """Stop after the requests in flight; a second Ctrl-C does not wait for them."""
        self._draining.begin()
        super().handle_term()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's view of the app."""

    def __init__(self, app: Application, options: dict[str, object], drain_seconds: float) -> None:
        self._app = app
        self._options = options
        self._drain_seconds = drain_seconds
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._app

    def run(self) -> None:
        _Arbiter(self, self._app.site.draining, self._drain_seconds).run()
