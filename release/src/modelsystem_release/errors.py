"""Errors that only the release tool has; `docs/operations.md` explains every exit code.

The others are in `modelsystem_shared.errors`: 2 usage, 3 training, 4 mismatch, 5 service.
"""

from modelsystem_shared.errors import ModelSystemError


class CannotRunError(ModelSystemError):
    """The cluster cannot run a pod: its image, its node or its volume is missing."""

    exit_code = 6
    retry_helps = False


class TooLateError(ModelSystemError):
    """The site was not ready in time."""

    exit_code = 7


class GateError(ModelSystemError):
    """The candidate broke a rule of the gate, or could not be judged."""

    exit_code = 8
    retry_helps = False


class RolledBackError(ModelSystemError):
    """A promotion was undone: the candidate broke a rule under traffic."""

    exit_code = 9
    retry_helps = False
