"""What can go wrong on the way to traffic; `docs/operations.md` says what to do about each.

Exit codes of `modelsystem_shared.errors` that are used here as they are: 1 nobody foresaw it,
or it was stopped; 3 the training failed.
"""

from modelsystem_shared.errors import ModelSystemError


class UsageError(ModelSystemError):
    """Arguments, values or an artefact are wrong; nothing was changed."""

    exit_code = 2
    retry_helps = False


class MismatchError(ModelSystemError):
    """Something is not what it claims to be."""

    exit_code = 4
    retry_helps = False


class ServiceError(ModelSystemError):
    """A program, the cluster or a site does not answer as it should."""

    exit_code = 5


class CannotRunError(ModelSystemError):
    """The cluster cannot run a pod: its image, its place or its volume is missing."""

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
