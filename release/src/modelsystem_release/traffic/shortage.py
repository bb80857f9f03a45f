"""Too few ready pods: for a moment that is how pods start and end, for longer it is a fault."""


class Shortage:
    """Remembers since when something is short."""

    def __init__(self, patience: float) -> None:
        """Accept a shortage for `patience` seconds."""
        self._patience = patience
        self._since: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether something was short at the latest look."""
        return self._since is not None

    def fault(self, reason: str, now: float) -> str:
        """Return the reason if something has been short for too long; empty if not.

        reason: empty if nothing is short now. now: seconds of a monotonic clock.
        """
        if not reason:
            self._since = None
            return ""
        self._since = now if self._since is None else self._since
        seconds = now - self._since
        return f"{reason} (for {seconds:.0f} s)" if seconds >= self._patience else ""


def pods_short(ready: int, wanted: int) -> str:
    """Return how many pods are ready if it is not all of them; empty if it is."""
    return f"{ready} of {wanted} pods are ready" if ready < wanted else ""
