"""Everything outside of this machine: Helm releases, a namespace's objects, and builds' sites.

It also watches an installation until its site is ready.
"""

from modelsystem_release.cluster.helm import (
    ListedRelease,
    install,
    releases,
    upgrade,
    values,
)
from modelsystem_release.cluster.objects import KubernetesObject, container_statuses
from modelsystem_release.cluster.removal_job import model_folders, remove_build
from modelsystem_release.cluster.routes import Reference, references, route_faults
from modelsystem_release.cluster.site import Answer, Question, Site, is_url
from modelsystem_release.cluster.target import Target
from modelsystem_release.cluster.watcher import Watcher
from modelsystem_release.cluster.watching import Stage

__all__ = [
    "Answer",
    "KubernetesObject",
    "ListedRelease",
    "Question",
    "Reference",
    "Site",
    "Stage",
    "Target",
    "Watcher",
    "container_statuses",
    "install",
    "is_url",
    "model_folders",
    "references",
    "releases",
    "remove_build",
    "route_faults",
    "upgrade",
    "values",
]
