"""gunicorn's worker for short answers: one thread, which never waits for a client.

Requests are assembled as their bytes arrive, and answered one by one when they are complete. A
client that sends or reads slowly costs memory of a bounded size, and no thread. See docs/adr/0010.
"""

import os
import selectors
import signal
import time
from http import HTTPStatus

from gunicorn.http import wsgi  # type: ignore[import-untyped]  # ships no types
from gunicorn.workers.base import Worker as Base  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer import api
from modelsystem_scorer.observe import OTHER, new_id
from modelsystem_scorer.serve.connection import REQUEST_SECONDS, Connection
from modelsystem_scorer.serve.incoming import GunicornObject, RefusedError

MAX_CONNECTIONS = 800  # below the 1,024 open files that are usual
FAREWELL_SECONDS = 2.0  # for requests that are on their way when the worker stops
_TICK = 1.0
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _Sink:
    """Collects what gunicorn would send to a socket."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Keep a part of the response."""
        self.parts.append(data)

    def send(self, data: bytes) -> None:
        """Drop `100 Continue`: the body is here already."""


class Worker(Base):  # type: ignore[misc]  # gunicorn ships no types
    """Answers requests until the master stops it.

    row: its row of the counters, set by the master.
    """

    row = 0

    def init_signals(self) -> None:
        """Ignore Ctrl-C, which a terminal sends to all processes: the master stops its workers."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self) -> None:
        """Answer until the master stops this worker, then finish the requests in flight."""
        self._site = api.site_of(self.wsgi)
        self._site.observer.counters.use_row(self.row)
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
        """Accept the clients in the queue, close the listener, finish the requests in flight."""
        while self._accept():
            pass
        self._ignore_listener()
        self._listener.close()
        farewell = time.monotonic() + FAREWELL_SECONDS
        while self._connections:
            self._turn(_TICK / 10)
            if time.monotonic() > farewell:
                for connection in list(self._connections):
                    if connection.is_idle:
                        self._close(connection)

    def _turn(self, patience: float) -> None:
        """Do what can be done now, or wait until something can."""
        for key, _ in self._selector.select(patience):
            if key.data is not None:
                self._attend(key.data)
            elif key.fileobj is self._listener:
                self._accept()
            else:
                os.read(self.PIPE[0], 4096)  # a signal arrived: it only wakes the loop
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + _TICK
            self._tick(now)

    def _tick(self, now: float) -> None:
        self.notify()
        if self.ppid != os.getppid():
            self.log.info("The master is gone: worker %s stops", self.pid)
            self.alive = False
        for connection in list(self._connections):
            if connection.deadline < now:
                self._time_out(connection)

    def _accept(self) -> bool:
        """Accept the next client; return False if there is none, or if no more can be accepted."""
        try:
            client, address = self._listener.accept()
        except OSError:  # no client, or one that is gone again, or too many open files
            return False
        connection = Connection(client, address, self.cfg)
        self._connections.add(connection)
        self._selector.register(client, _READ, connection)
        if len(self._connections) >= MAX_CONNECTIONS:
            self._ignore_listener()
        return True

    def _ignore_listener(self) -> None:
        if self._listener.fileno() in self._selector.get_map():
            self._selector.unregister(self._listener)

    def _attend(self, connection: Connection) -> None:
        """Read from a client, or send to it."""
        try:
            if connection.is_sending:
                connection.flush()
            elif not connection.receive():
                self._part(connection)
                return
            self._advance(connection)
        except OSError:  # the client is gone
            self._close(connection)

    def _advance(self, connection: Connection) -> None:
        """Answer all complete requests, as long as the client takes the answers."""
        try:
            while not (connection.is_sending or connection.is_lingering):
                request = connection.incoming.next()
                if request is None:
                    connection.send_continue()
                    break
                self._answer(connection, request)
        except RefusedError as error:
            self._refuse(connection, error)
        self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        event = _WRITE if connection.is_sending else _READ
        self._selector.modify(connection.socket, event, connection)

    def _answer(self, connection: Connection, request: GunicornObject) -> None:
        sink = _Sink()
        try:
            response = self._call_app(connection, request, sink)
        except Exception as error:  # not from Flask, which catches all: from gunicorn
            self.log.exception("A request could not be answered")
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected error") from error
        connection.answer(b"".join(sink.parts), ends=response.should_close())

    def _call_app(
        self, connection: Connection, request: GunicornObject, sink: _Sink
    ) -> GunicornObject:
        response, environ = wsgi.create(request, sink, connection.address, self._server, self.cfg)
        if self._site.draining or not self.alive:
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
        """Answer a client that sends no more in the middle of a request, or close."""
        if connection.incoming and not connection.is_lingering:
            reason = "malformed HTTP request: it ends too early"
            self._refuse(connection, RefusedError(HTTPStatus.BAD_REQUEST, reason))
            self._watch(connection)
        else:
            self._close(connection)

    def _time_out(self, connection: Connection) -> None:
        if connection.is_sending or connection.is_lingering or not connection.incoming:
            self._close(connection)
            return
        reason = f"the request did not arrive within {REQUEST_SECONDS:g} seconds"
        try:
            self._refuse(connection, RefusedError(HTTPStatus.REQUEST_TIMEOUT, reason))
            self._watch(connection)
        except OSError:  # the client is gone
            self._close(connection)

    def _refuse(self, connection: Connection, error: RefusedError) -> None:
        """Answer a malformed request in the form of all other errors, and close.

        Raises:
            OSError: the client is gone.

        """
        request_id = new_id()
        content = api.to_bytes(api.problem_details(error.status, str(error), error.faults))
        self._site.observer.record(OTHER, OTHER, error.status.value, 0.0, request_id)
        head = self._head(error.status, len(content), request_id)
        connection.answer(head + content, ends=True)

    def _head(self, status: HTTPStatus, length: int, request_id: str) -> bytes:
        headers = {
            "Connection": "close",
            "Content-Type": api.PROBLEM_JSON,
            "Content-Length": str(length),
            "X-Request-Id": request_id,
            **self._site.served.headers,
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
