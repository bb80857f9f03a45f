"""The port: how it is opened, and how it is left without a reset for anybody."""

import contextlib
import ctypes
import socket
import struct
import sys

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared.errors import ModelSystemError

_BACKLOG = 2048
_SO_ATTACH_FILTER = 26  # Linux; Python has no name for it
# Classic BPF on a TCP segment: drop it if its SYN flag is set, else keep it.
_DROP_SYN = struct.pack("HBBI" * 4, 0x30, 0, 0, 13, 0x45, 0, 1, 2, 6, 0, 0, 0, 6, 0, 0, 1 << 16)


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


def refuse_new(listener: socket.socket) -> bool:
    """Let no new connection begin, if the kernel permits it; return whether it does.

    A connection that waits when its listener is closed is reset, though its client takes it for
    accepted. Clients whose first segment is dropped try again a second later, and are refused.
    """
    if sys.platform != "linux":
        return False
    program = ctypes.create_string_buffer(_DROP_SYN)
    instructions = struct.pack("HL", 4, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, instructions)
    except PermissionError:  # some kernels want a privilege for it
        return False
    return True


def waiting(listener: socket.socket) -> list[socket.socket]:
    """Accept the connections that wait, without waiting for others."""
    accepted = []
    with contextlib.suppress(OSError):  # none is left
        while True:
            accepted.append(listener.accept()[0])
    return accepted
