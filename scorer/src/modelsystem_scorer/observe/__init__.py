"""What is known of requests afterwards: ids, lines in the log, counters for Prometheus."""

from modelsystem_scorer.observe.counters import OTHER, Counters
from modelsystem_scorer.observe.model import model_metrics
from modelsystem_scorer.observe.observer import Observer, request_id

__all__ = ["OTHER", "Counters", "Observer", "model_metrics", "request_id"]
