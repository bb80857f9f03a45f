"""The server: how gunicorn is started and drained, and how a connection reaches the app."""

from modelsystem_scorer.serve.server import max_processes, run

__all__ = ["max_processes", "run"]
