"""gunicorn's ASGI worker, with ends that lose no answer: of the worker, and of a connection."""

import asyncio
import signal
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol  # type: ignore[import-untyped]  # ships no types
from gunicorn.workers.gasgi import ASGIWorker  # type: ignore[import-untyped]  # ships no types

from modelsystem_scorer.serve import port

FAREWELL_SECONDS = 2.0  # for requests that are on their way when the port closes
_DOOR_SECONDS = 0.2  # for connections that have begun, until the port closes
_TICK = 0.05


def _answer_before_close(connection: Any) -> bool:
    """Answer a client that ends its side after its last request, as `nc` does; then close."""
    if not connection._request_ready.is_set():
        return False
    connection._keepalive = _TICK
    receiver = connection._body_receiver
    if receiver is not None and not receiver._complete:
        receiver.signal_disconnect()
    return True


# gunicorn would close at once, and lose the answer; no setting changes that.
ASGIProtocol.eof_received = _answer_before_close
_connection_made = ASGIProtocol.connection_made


def _accept_any_ttl(connection: Any, transport: Any) -> None:
    if connection.worker.asgi.site.draining:
        port.accept_any_ttl(transport.get_extra_info("socket"))
    _connection_made(connection, transport)


# gunicorn has no hook for a new connection, whose requests the kernel could drop until then.
ASGIProtocol.connection_made = _accept_any_ttl


class Worker(ASGIWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Accepts the clients at its port before it closes it, and waits for idle ones only briefly."""

    def init_signals(self) -> None:
        """Ignore Ctrl-C, which a terminal sends to all processes: the master stops its workers."""
        super().init_signals()
        self.loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def _shutdown(self) -> None:
        await asyncio.sleep(_DOOR_SECONDS)
        last = [client for listener in self.sockets for client in port.waiting(listener.sock)]
        for server in self.servers:  # at once: who arrives in between is reset
            server.close()
        for client in last:
            client.setblocking(False)
            await self.loop.connect_accepted_socket(lambda: ASGIProtocol(self), client)
        farewell = self.loop.time() + FAREWELL_SECONDS
        while self.nr_conns and (self.asgi.calls or self.loop.time() < farewell):
            await asyncio.sleep(_TICK)
        self._quick_shutdown = True  # all that remains is idle
        await super()._shutdown()
        self.asgi.site.observer.flush()
