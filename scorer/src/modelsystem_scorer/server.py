"""gunicorn, driven from here: the master maps the model, its workers share the pages."""

import gc
import os
import socket
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # ships no types
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # ships no types
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_scorer.worker import Worker
from modelsystem_shared.errors import ModelSystemError

_MEMORY = Path("/dev/shm")  # noqa: S108  # only as a place for the workers' heartbeats


def serve(app: Flask, settings: ScorerSettings) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those in flight and exit with 0.

    Raises:
        ModelSystemError: the port cannot be listened on.

    """
    listener = _listen(settings)
    gc.freeze()  # a collection in a worker would copy the pages that it shares with the master
    _Server(app, _options(settings, listener)).run()


def _listen(settings: ScorerSettings) -> socket.socket:
    """Take the port: gunicorn would try for five seconds, and end without a sentence of ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # what follows repeats host and port
        raise ModelSystemError(
            f"PORT {settings.port} on HOST {settings.host} cannot be listened on: {reason}"
        ) from error


def _options(settings: ScorerSettings, listener: socket.socket) -> dict[str, Any]:
    return {
        "bind": f"fd://{listener.detach()}",
        "preload_app": True,
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": Worker,
        # a heartbeat written to a disk can stall: the master would kill a healthy worker
        "worker_tmp_dir": str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None,
        "timeout": 30,
        "graceful_timeout": 25,  # less than the 30 s that Kubernetes grants by default
        "keepalive": 75,  # longer than proxies keep idle connections: they must be first to close
        "limit_request_line": 8190,
        "limit_request_fields": 100,
        "limit_request_field_size": 8190,
        # nobody's SCRIPT_NAME is believed: one that does not fit makes gunicorn answer 500
        "forwarded_allow_ips": "",
        "control_socket_disable": True,  # nobody changes a build while it runs
        "logger_class": _Log,
        "errorlog": None,
    }


class _Log(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Sends gunicorn's records where all of ours go."""

    def setup(self, cfg: Any) -> None:
        """Undo what gunicorn does first: it keeps its records from the root logger."""
        super().setup(cfg)
        self.error_log.propagate = True


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """The master process."""

    # Ctrl-C, too, lets requests in flight finish; a second one while they do hurries.
    handle_int = Arbiter.handle_term


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's view of our site."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def run(self) -> None:
        _Arbiter(self).run()
