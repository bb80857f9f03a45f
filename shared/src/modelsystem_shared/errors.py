"""All errors, as a small tree; each is a sentence for an operator.

The process ends with `exit_code`; `retry_helps` says whether the same build may succeed when it is
started again without a change.
"""

from collections.abc import Sequence


class ModelSystemError(Exception):
    """Any error that ends a program; an unexpected one is of this class itself."""

    exit_code = 1
    retry_helps = True

    def __str__(self) -> str:
        """Escape what is not UTF-8: a file name in the sentence can be any bytes."""
        return super().__str__().encode(errors="backslashreplace").decode()


class UsageError(ModelSystemError):
    """What the operator gave is wrong: settings, arguments or a file. Nothing was changed."""

    exit_code = 2
    retry_helps = False


class SettingsError(UsageError):
    """Environment variables are missing, malformed or contradict each other."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep every fault, so that an operator can fix all of them at once."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class DataError(ModelSystemError):
    """The export cannot be trained on."""

    exit_code = 3
    retry_helps = False


class AccessDeniedError(ModelSystemError):
    """The storage refused our credentials."""

    exit_code = 3
    retry_helps = False


class ServiceError(ModelSystemError):
    """Another program, the cluster, a site or the storage does not answer."""

    exit_code = 5


class StorageError(ServiceError):
    """Storage does not answer, or keeps changing while it is read."""


class StoppedError(ModelSystemError):
    """The process was stopped before it was done."""


class DeadlineError(ModelSystemError):
    """The model was not complete in time."""


class TrainingFailedError(ModelSystemError):
    """The training failed for good, or died."""

    exit_code = 3
    retry_helps = False


class IncompleteModelError(ModelSystemError):
    """There is no model in the folder yet."""


class MismatchError(ModelSystemError):
    """Something is not what it claims to be."""

    exit_code = 4
    retry_helps = False


class CorruptModelError(MismatchError):
    """The files in the folder are not the ones that were published; a cache may be stale."""

    retry_helps = True


class UnreadableModelError(CorruptModelError):
    """A file of the model cannot be read; the storage may be at fault, and not the model."""

    exit_code = 5


class FormatError(CorruptModelError):
    """The model has a format that this version does not read; waiting does not help."""

    retry_helps = False


class SignatureError(MismatchError):
    """The model is not signed, or not by a trusted key, or not in this form; waiting is no help."""
