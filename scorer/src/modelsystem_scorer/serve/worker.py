"""gunicorn's worker for short answers: one thread, which never waits for any client.

Requests are put together as their bytes come in, and answered one by one when they are whole.
A client that is slow to send or to read costs memory of a bounded size, and no thread. See
docs/adr/0010.
"""

import os
import selectors
import signal
import time
from http import HTTPStatus
from typing import Any

from gunicorn.http import wsgi  # type: ignore[import-untyped]  # ships no types
from gunicorn.workers.base import Worker as Base  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer.api import problems
from modelsystem_scorer.observe.counters import OTHER
from modelsystem_scorer.observe.observer import new_id
from modelsystem_scorer.serve.connection import REQUEST_SECONDS, Connection
from modelsystem_scorer.serve.incoming import RefusedError

MOST_CONNECTIONS = 800  # below the 1,024 open files that are usual
FAREWELL_SECONDS = 2.0  # for a request that is on its way to us when we end
_TICK = 1.0
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _Sink:
    """Takes from gunicorn what it would send to a socket."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Keep a part of the response."""
        self.parts.append(data)

    def send(self, data: bytes) -> None:
        """Drop the invitation to send a body: it is here already."""


class Worker(Base):  # type: ignore[misc]  # gunicorn ships no types
    """Answers requests; ends when its master says so.

    row: where it counts, given by the master.
    """

    row = 0

    def init_signals(self) -> None:
        """Ignore Ctrl-C, which a terminal sends to all: the master ends its workers in order."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self) -> None:
        """Answer until told to end, then finish what is under way."""
        self._extensions = self.wsgi.extensions
        self._extensions["observer"].counters.use_row(self.row)
        self._connections: set[Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.PIPE[0], _READ)
        self._listener = self.sockets[0]
        self._listener.setblocking(False)
        self._server = self._listener.getsockname()
        self._selector.register(self._listener, _READ)
        self._next_tick = 0.0
        while self.alive:
            self._turn(_TICK)
        self._end()

    def _end(self) -> None:
        """Take in who is at the door, close it, and finish what is under way."""
        while self._accept():
            pass
        self._ignore_listener()
        self._listener.close()
        farewell = time.monotonic() + FAREWELL_SECONDS
        while self._connections:
            self._turn(_TICK / 10)
            if time.monotonic() > farewell:
                for connection in [one for one in self._connections if one.is_idle]:
                    self._close(connection)

    def _turn(self, patience: float) -> None:
        """Do all that can be done now; wait when that is nothing."""
        for key, _ in self._selector.select(patience):
            if key.data is not None:
                self._attend(key.data)
            elif key.fileobj is self._listener:
                self._accept()
            else:
                os.read(self.PIPE[0], 4096)  # a signal came: the loop looks what it wanted
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + _TICK
            self._tick(now)

    def _tick(self, now: float) -> None:
        self.notify()
        if self.ppid != os.getppid():
            self.log.info("The master has gone: worker %s ends", self.pid)
            self.alive = False
        for connection in [one for one in self._connections if one.deadline < now]:
            self._lose_patience(connection)

    def _accept(self) -> bool:
        """Let the next client in; False when there is none, or none can be let in now."""
        try:
            client, address = self._listener.accept()
        except OSError:  # nobody, or somebody who has gone again, or no file is left for them
            return False
        connection = Connection(client, address, self.cfg)
        self._connections.add(connection)
        self._selector.register(client, _READ, connection)
        if len(self._connections) >= MOST_CONNECTIONS:
            self._ignore_listener()
        return True

    def _ignore_listener(self) -> None:
        if self._listener.fileno() in self._selector.get_map():
            self._selector.unregister(self._listener)

    def _attend(self, connection: Connection) -> None:
        """Go on with a client from whom something came, or who takes something."""
        try:
            if connection.is_sending:
                connection.flush()
            elif not connection.receive():
                self._part(connection)
                return
            self._advance(connection)
        except OSError:  # the client has gone
            self._close(connection)

    def _advance(self, connection: Connection) -> None:
        """Answer all whole requests, as long as the client takes the answers."""
        try:
            while not (connection.is_sending or connection.is_lingering):
                request = connection.incoming.next()
                if request is None:
                    connection.invite()
                    break
                self._answer(connection, request)
        except RefusedError as error:
            self._refuse(connection, error)
        self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        event = _WRITE if connection.is_sending else _READ
        self._selector.modify(connection.socket, event, connection)

    def _answer(self, connection: Connection, request: Any) -> None:
        sink = _Sink()
        try:
            response = self._ask_the_app(connection, request, sink)
        except Exception as error:  # Flask lets none through: this one is in what it answered
            self.log.exception("A request could not be answered")
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "this site failed") from error
        connection.answer(b"".join(sink.parts), ends=response.should_close())

    def _ask_the_app(self, connection: Connection, request: Any, sink: _Sink) -> Any:
        response, environ = wsgi.create(request, sink, connection.address, self._server, self.cfg)
        if self._extensions["draining"] or not self.alive:
            response.force_close()
        body = self.wsgi(environ, response.start_response)
        try:
            for part in body:
                response.write(part)
            response.close()
        finally:
            body.close()
        return response

    def _part(self, connection: Connection) -> None:
        """See a client off who says no more."""
        if connection.incoming and not connection.is_lingering:
            reason = "this is not a request that can be read: it ends too early"
            self._refuse(connection, RefusedError(HTTPStatus.BAD_REQUEST, reason))
            self._watch(connection)
        else:
            self._close(connection)

    def _lose_patience(self, connection: Connection) -> None:
        if connection.is_sending or connection.is_lingering or not connection.incoming:
            self._close(connection)
            return
        reason = f"the request did not arrive within {REQUEST_SECONDS:g} seconds"
        try:
            self._refuse(connection, RefusedError(HTTPStatus.REQUEST_TIMEOUT, reason))
            self._watch(connection)
        except OSError:  # the client has gone
            self._close(connection)

    def _refuse(self, connection: Connection, error: RefusedError) -> None:
        """Answer what is no request in the form of all other errors, and part.

        Raises:
            OSError: the client has gone.

        """
        request_id = new_id()
        content = problems.document(problems.details(error.status, str(error), error.faults))
        self._extensions["observer"].record(OTHER, OTHER, error.status.value, 0.0, request_id)
        head = self._head(error.status, len(content), request_id)
        connection.answer(head + content, ends=True)

    def _head(self, status: HTTPStatus, length: int, request_id: str) -> bytes:
        headers = {
            "Connection": "close",
            "Content-Type": problems.MEDIA_TYPE,
            "Content-Length": str(length),
            "X-Request-Id": request_id,
            **self._extensions["served"].headers,
        }
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _close(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        if self.alive and self._listener.fileno() not in self._selector.get_map():
            self._selector.register(self._listener, _READ)
