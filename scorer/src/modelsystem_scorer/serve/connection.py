"""One client's connection: what it has sent, what it is still to get, and its deadline."""

import socket
import time

from modelsystem_scorer.serve.incoming import GunicornObject, Incoming

REQUEST_SECONDS = 10.0  # from the first byte of a request to its last
IDLE_SECONDS = 75.0  # longer than proxies keep idle connections: a proxy must close first
SEND_SECONDS = 30.0  # for a client to take its answer
LINGER_SECONDS = 2.0  # for a refused client to read its answer
LINGER_BYTES = 16 << 20  # that a refused client may still send
_READ_BYTES = 1 << 16
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection:
    """A connection that is never waited for: what would block is done later.

    incoming: the bytes of the client's next request.
    deadline: when the connection times out, on the monotonic clock.
    is_lingering: whether the last answer is sent, and all further bytes are dropped.
    """

    def __init__(self, client: socket.socket, address: object, config: GunicornObject) -> None:
        """Take over a socket that was just accepted."""
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.socket = client
        self.address = address
        self.incoming = Incoming(config, address)
        self.deadline = time.monotonic() + REQUEST_SECONDS
        self.is_lingering = False
        self._linger_bytes = LINGER_BYTES
        self._outgoing = b""
        self._ends = False

    @property
    def is_sending(self) -> bool:
        """Whether part of an answer is still to be sent."""
        return bool(self._outgoing)

    @property
    def is_idle(self) -> bool:
        """Whether no request and no answer is in flight."""
        return not (self._outgoing or self.incoming or self.is_lingering)

    def receive(self) -> bool:
        """Read what has arrived; return False if the client sends no more, or too much.

        Raises:
            OSError: the connection is broken.

        """
        try:
            data = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        if self.is_lingering:
            self._linger_bytes -= len(data)
            return bool(data) and self._linger_bytes > 0
        if data:
            if not self.incoming:
                self.deadline = time.monotonic() + REQUEST_SECONDS
            self.incoming.add(data)
        return bool(data)

    def send_continue(self) -> None:
        """Send `100 Continue` to a client that waits for it before it sends its body."""
        if self.incoming.expects_continue():
            self.socket.send(_CONTINUE)

    def answer(self, content: bytes, *, ends: bool) -> None:
        """Send an answer, now or as the client takes it; with `ends` it is the last one."""
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
        """Wait for the next request, or for the client to close."""
        if self._ends:  # closing at once could lose the answer to a client that still sends
            self.is_lingering = True
            self.socket.shutdown(socket.SHUT_WR)
            seconds = LINGER_SECONDS
        else:
            seconds = REQUEST_SECONDS if self.incoming else IDLE_SECONDS
        self.deadline = time.monotonic() + seconds
