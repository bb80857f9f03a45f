"""The publishing: an attempt with its heartbeat, the model's files, its manifest and its marker.

A build that is complete already is accepted as it is, or refused.
"""

from modelsystem_trainer.publishing.attempt import Attempt, record_failure
from modelsystem_trainer.publishing.existing import accept, is_published
from modelsystem_trainer.publishing.publisher import publish
from modelsystem_trainer.publishing.record import Result
from modelsystem_trainer.publishing.signature import signer

__all__ = ["Attempt", "Result", "accept", "is_published", "publish", "record_failure", "signer"]
