"""What is known of requests afterwards: ids, lines in the log, counters for Prometheus."""

from modelsystem_scorer.observe.counters import OTHER, Counters
from modelsystem_scorer.observe.observer import Observer, new_id

__all__ = ["OTHER", "Counters", "Observer", "new_id"]
