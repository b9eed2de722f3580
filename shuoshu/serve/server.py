"""The web server: uvicorn, with connections that may not linger, and an end that loses no answer."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from shuoshu.serve.gate import Gate
from shuoshu.serve.narrator import Narrator
from shuoshu.terminal import say

CONNECTIONS = 900
"""At once; a process may commonly have 1,024 open files."""
CLOSE_SECONDS = 2
"""How long open pages, whose connections never close by themselves, may hold up the end."""


class Connection(H11Protocol):
    """A connection that is cut when its other end is too slow to ask, or to listen."""

    ASK_SECONDS = 20.0
    """Time the head of a request has to arrive, from the opening of the connection or the end of the last answer."""
    LISTEN_SECONDS = 20.0
    """Time a client has to take 48 KiB that wait for it."""

    _asking: asyncio.TimerHandle | None = None
    _listening: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """asyncio's."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """uvicorn's: from here its own keep-alive timer runs until the next byte."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """asyncio's: 64 KiB wait to be taken."""
        super().pause_writing()
        self._listening = self.loop.call_later(self.LISTEN_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """asyncio's: no more than 16 KiB wait."""
        super().resume_writing()
        self._listening = _cancelled(self._listening)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        super().connection_lost(exc)
        self._asking, self._listening = _cancelled(self._asking), _cancelled(self._listening)

    def _watch(self) -> None:
        """Start the clock when the head of a request is awaited, stop it once one is there."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._asking = _cancelled(self._asking)
        elif self._asking is None and not self.transport.is_closing():
            self._asking = self.loop.call_later(self.ASK_SECONDS, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """Ends in three steps: no new requests (503), running answers to their end or their time, then the connections.

    A second signal skips the wait.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        gate: Gate,
        narrators: Sequence[Narrator],
        drain_seconds: float,
        connection: type[Connection] = Connection,
    ) -> None:
        config = uvicorn.Config(
            app, http=connection,  # type: ignore[arg-type]
            ws="none", loop="asyncio", log_level="warning", access_log=False, server_header=False,
            proxy_headers=False, limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=CLOSE_SECONDS,
        )  # fmt: skip
        super().__init__(config)
        self._gate, self._narrators, self._drain_seconds = gate, narrators, drain_seconds
        self._deadline = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's: a signal came. That it came is not passed on afterwards: this end is a good one."""
        if self._gate.closing:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
            return
        self._gate.closing = True
        self._deadline = time.monotonic() + self._drain_seconds
        if busy := self._busy():
            say(f"Closing; {busy} answers are still on their way (again to stop at once).")

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's, ten times a second."""
        if self._gate.closing and not self.should_exit:
            late = time.monotonic() > self._deadline
            if late:  # whose answers are cut is told so, before the connections go
                await asyncio.gather(*(asyncio.to_thread(narrator.close) for narrator in self._narrators))
            self.should_exit = late or not self._busy()
        return await super().on_tick(counter)

    def _busy(self) -> int:
        """Answers on their way, the page's too."""
        return max(self._gate.inside, sum(narrator.busy for narrator in self._narrators))
