"""One client's connection: what has come in, what is to go out, and until when."""

import socket
import time
from typing import Any

from modelsystem_scorer.serve.incoming import Incoming

REQUEST_SECONDS = 10.0  # from the first byte of a request to its last
IDLE_SECONDS = 75.0  # longer than proxies keep idle connections: they must be first to close
SEND_SECONDS = 30.0  # for a client to take its answer
LINGER_SECONDS = 2.0  # for a client that was cut off to read why
LINGER_BYTES = 16 << 20  # that it may still send meanwhile
_READ_BYTES = 1 << 16
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection:
    """A connection that nobody ever waits for: what would block is done later.

    incoming: what the client has sent of its next request.
    deadline: when patience with it ends, on the monotonic clock.
    is_lingering: whether the last answer is out, and what still comes is thrown away.
    """

    def __init__(self, client: socket.socket, address: Any, config: Any) -> None:
        """Take over a socket that was just accepted."""
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.socket = client
        self.address = address
        self.incoming = Incoming(config, address)
        self.deadline = time.monotonic() + REQUEST_SECONDS
        self.is_lingering = False
        self._may_linger = LINGER_BYTES
        self._outgoing = b""
        self._ends = False

    @property
    def is_sending(self) -> bool:
        """Whether part of an answer is still to go out."""
        return bool(self._outgoing)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not (self._outgoing or self.incoming or self.is_lingering)

    def receive(self) -> bool:
        """Read what has come; False when nothing more will, or may.

        Raises:
            OSError: the connection is broken.

        """
        try:
            data = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        if self.is_lingering:
            self._may_linger -= len(data)
            return bool(data) and self._may_linger > 0
        if data:
            if not self.incoming:
                self.deadline = time.monotonic() + REQUEST_SECONDS
            self.incoming.add(data)
        return bool(data)

    def invite(self) -> None:
        """Tell a client to go on that waits for that before it sends its body."""
        if self.incoming.wants_invitation():
            self.socket.send(_CONTINUE)

    def answer(self, content: bytes, *, ends: bool) -> None:
        """Send a whole answer, now or as the client takes it; with `ends` it is the last one."""
        self._outgoing, self._ends = content, ends
        self.deadline = time.monotonic() + SEND_SECONDS
        self.flush()

    def flush(self) -> None:
        """Send what the client takes now.

        Raises:
            OSError: the connection is broken.

        """
        try:
            sent = self.socket.send(self._outgoing)
        except BlockingIOError:
            return
        self._outgoing = self._outgoing[sent:]
        if not self._outgoing:
            self._rest()

    def _rest(self) -> None:
        """Wait for the next request, or for the client to go."""
        if self._ends:  # to close at once could take the answer from a client that still sends
            self.is_lingering = True
            self.socket.shutdown(socket.SHUT_WR)
            patience = LINGER_SECONDS
        else:
            patience = REQUEST_SECONDS if self.incoming else IDLE_SECONDS
        self.deadline = time.monotonic() + patience
