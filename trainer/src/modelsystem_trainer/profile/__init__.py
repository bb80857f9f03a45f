"""The profile of the data: what was read, and how it differs from the champion's night.

Its verdict says whether the rules of DATA_RULES let it become a model.
"""

from modelsystem_trainer.profile.profiling import profiled
from modelsystem_trainer.profile.verdict import check

__all__ = ["check", "profiled"]
