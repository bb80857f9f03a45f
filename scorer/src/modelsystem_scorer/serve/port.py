"""The port: how it is opened, and how it is closed without a reset of any connection."""

import contextlib
import socket
import sys

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared.errors import ModelSystemError

_BACKLOG = 2048
# IP_MINTTL and IPV6_MINHOPCOUNT, for which Python has no names: Linux drops a smaller TTL.
_MIN_TTL = {socket.AF_INET: (socket.IPPROTO_IP, 21), socket.AF_INET6: (socket.IPPROTO_IPV6, 73)}
_LARGEST_TTL = 255  # most hosts send 64 or 128, and each router takes one


def listen(settings: ScorerSettings) -> socket.socket:
    """Open the port here: gunicorn would retry for five seconds, and exit with no reason.

    Raises:
        ModelSystemError: the port cannot be listened on.

    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # the rest repeats host and port
        raise ModelSystemError(
            f"cannot listen on PORT {settings.port} of HOST {settings.host}: {reason}"
        ) from error


def refuse_new(listener: socket.socket) -> None:
    """Let no new connection begin, as far as the system can; Linux can.

    A connection that waits when its listener is closed is reset, though its client takes it for
    accepted. Clients whose first segment is dropped try again after a second, and are refused.
    """
    _demand_ttl(listener, _LARGEST_TTL)


def accept_any_ttl(connection: socket.socket) -> None:
    """Free a connection of what it inherits if its listener refused new ones as it began."""
    _demand_ttl(connection, 0)


def _demand_ttl(connection: socket.socket, least: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a site must serve and end on any kernel
            connection.setsockopt(*_MIN_TTL[connection.family], least)


def waiting(listener: socket.socket) -> list[socket.socket]:
    """Accept the connections that wait, without waiting for others."""
    accepted = []
    with contextlib.suppress(OSError):  # none is left
        while True:
            accepted.append(listener.accept()[0])
    return accepted
