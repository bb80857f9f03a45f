"""The weights over builds: their store, their changes step by step, and the builds they need."""

from modelsystem_release.traffic.changes import Change, Weights, as_text, new_change
from modelsystem_release.traffic.promotion import Promotion, route_faults
from modelsystem_release.traffic.releases import read_routings, routing_store, routing_stores
from modelsystem_release.traffic.requests import route_checks
from modelsystem_release.traffic.retention import (
    Build,
    builds,
    builds_of_all,
    reasons_to_stay,
    with_reasons,
)
from modelsystem_release.traffic.routing import Routing
from modelsystem_release.traffic.shares import with_share
from modelsystem_release.traffic.stores import FileStore, ReleaseStore, Store

__all__ = [
    "Build",
    "Change",
    "FileStore",
    "Promotion",
    "ReleaseStore",
    "Routing",
    "Store",
    "Weights",
    "as_text",
    "builds",
    "builds_of_all",
    "new_change",
    "read_routings",
    "reasons_to_stay",
    "route_checks",
    "route_faults",
    "routing_store",
    "routing_stores",
    "with_reasons",
    "with_share",
]
