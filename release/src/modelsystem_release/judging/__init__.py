"""From what sites answer and count to a verdict.

The gate's rules, a build's health under traffic, and whether a running build is what its
provenance says.
"""

from modelsystem_release.judging.check import Check
from modelsystem_release.judging.comparison import (
    NOVELTY,
    QUALITIES,
    Comparison,
    SiteFigures,
    compare,
)
from modelsystem_release.judging.counters import PodCounters
from modelsystem_release.judging.gate_record import GATE, GateRecord
from modelsystem_release.judging.health import Traffic, health_faults, read_traffic
from modelsystem_release.judging.junit import write_junit
from modelsystem_release.judging.rules import RULES_HELP, Rules, load_rules
from modelsystem_release.judging.verdict import judge
from modelsystem_release.judging.verification import verify

__all__ = [
    "GATE",
    "NOVELTY",
    "QUALITIES",
    "RULES_HELP",
    "Check",
    "Comparison",
    "GateRecord",
    "PodCounters",
    "Rules",
    "SiteFigures",
    "Traffic",
    "compare",
    "health_faults",
    "judge",
    "load_rules",
    "read_traffic",
    "verify",
    "write_junit",
]
