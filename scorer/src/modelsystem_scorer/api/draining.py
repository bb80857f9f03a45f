"""A flag that all processes of a site share: the site is about to end."""

import mmap


class Draining:
    """False at first; true, once `begin` was called, in every process forked since it was made."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """Set the flag, for good."""
        self._memory[0] = 1

    def __bool__(self) -> bool:
        return self._memory[0] == 1
