"""What the programs tell other systems: traces, and figures for Prometheus."""

from modelsystem_shared.telemetry import trace

__all__ = ["trace"]
