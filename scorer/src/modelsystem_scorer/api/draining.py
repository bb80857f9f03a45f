"""The sign that this site is about to end: seen by all its processes, taken down by none."""

import mmap


class Draining:
    """False, and from some moment on true, in every process that was forked since."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """Show all processes that the end has begun."""
        self._memory[0] = 1

    def __bool__(self) -> bool:
        return self._memory[0] == 1
