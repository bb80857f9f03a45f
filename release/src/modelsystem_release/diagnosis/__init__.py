"""How builds are: all of a namespace in one look, and one build step by step, with what to do."""

from modelsystem_release.diagnosis.cures import cure, cures
from modelsystem_release.diagnosis.examination import Examination, Finding
from modelsystem_release.diagnosis.overview import BuildStatus, Limits, Overview
from modelsystem_release.diagnosis.states import State

__all__ = [
    "BuildStatus",
    "Examination",
    "Finding",
    "Limits",
    "Overview",
    "State",
    "cure",
    "cures",
]
