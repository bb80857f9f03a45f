"""What the programs tell other systems: traces, and figures for Prometheus."""

from modelsystem_shared.telemetry import pushgateway, trace

__all__ = ["pushgateway", "trace"]
