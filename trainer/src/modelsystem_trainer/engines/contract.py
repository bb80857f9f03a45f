"""What an engine is."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

Phase = Callable[[Path, int], None]  # a function of a module: other processes import it
OnShare = Callable[[float], None]  # gets the share of the numbers that are done


class Engine(Protocol):
    """Runs phases."""

    @property
    def workers(self) -> int:
        """How many numbers are worked on at once on one machine: they share its memory."""

    def run(
        self, phase: Phase, folder: Path, numbers: Sequence[int], on_share: OnShare = ...
    ) -> None:
        """Call `phase(folder, number)` for each number; return when all of them are done.

        A number whose worker died is done again. When a phase raises an error, no further number
        is begun, and the error is raised here.
        """
