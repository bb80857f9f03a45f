"""Everything outside of this machine: Helm releases, a namespace's objects, and builds' sites.

It also watches an installation until its site is ready.
"""

from modelsystem_release.cluster.faults import delay, failed_attempt, failure
from modelsystem_release.cluster.helm import (
    ListedRelease,
    install,
    releases,
    upgrade,
    values,
)
from modelsystem_release.cluster.objects import (
    KubernetesObject,
    condition,
    container_statuses,
    is_serving,
    mounted_claims,
    name_of,
)
from modelsystem_release.cluster.removal_job import model_folders, remove_build
from modelsystem_release.cluster.routes import Reference, references, route_faults
from modelsystem_release.cluster.site import (
    Answer,
    GateQuestions,
    Popularity,
    Question,
    Site,
    is_url,
)
from modelsystem_release.cluster.target import Target
from modelsystem_release.cluster.watcher import (
    Watcher,
    read_progress,
    take_snapshot,
    take_snapshots,
)
from modelsystem_release.cluster.watching import Snapshot, Stage, is_ready, is_trained, trainers

__all__ = [
    "Answer",
    "GateQuestions",
    "KubernetesObject",
    "ListedRelease",
    "Popularity",
    "Question",
    "Reference",
    "Site",
    "Snapshot",
    "Stage",
    "Target",
    "Watcher",
    "condition",
    "container_statuses",
    "delay",
    "failed_attempt",
    "failure",
    "install",
    "is_ready",
    "is_serving",
    "is_trained",
    "is_url",
    "model_folders",
    "mounted_claims",
    "name_of",
    "read_progress",
    "references",
    "releases",
    "remove_build",
    "route_faults",
    "take_snapshot",
    "take_snapshots",
    "trainers",
    "upgrade",
    "values",
]
