"""Everything that can go wrong, as a small tree; each error is a sentence for an operator.

`exit_code` is what the process ends with, `retry_helps` whether the same build, started
again without any change, may succeed.
"""

from collections.abc import Sequence


class ModelSystemError(Exception):
    """Anything that ends a workload; also the cause nobody foresaw."""

    exit_code = 1
    retry_helps = True

    def __str__(self) -> str:
        """Escape what UTF-8 cannot hold: a file's name in it may be any bytes."""
        return super().__str__().encode(errors="backslashreplace").decode()


class SettingsError(ModelSystemError):
    """Environment variables are missing, malformed or contradict each other."""

    exit_code = 2
    retry_helps = False

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep every fault, so that all can be mended at once."""
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


class StorageError(ModelSystemError):
    """Storage could not be reached, or kept changing under us."""

    exit_code = 5


class StoppedError(ModelSystemError):
    """Somebody asked the process to end before it was done."""


class DeadlineError(ModelSystemError):
    """The model was not complete in time."""


class TrainingFailedError(ModelSystemError):
    """The training failed for good, or died."""

    exit_code = 3
    retry_helps = False


class IncompleteModelError(ModelSystemError):
    """There is no model in the folder yet."""


class CorruptModelError(ModelSystemError):
    """The folder's content is not what was published."""

    exit_code = 4
