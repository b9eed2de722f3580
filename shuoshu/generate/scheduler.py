"""The engine for many clients at once: requests come from any thread, one thread owns the model.

    scheduler = Scheduler(engine, slots=16, queue=128)
    ticket = scheduler.submit(prompt_ids, Sampling(max_new_tokens=200), on_event)
    ticket.cancel()
    scheduler.close(drain_seconds=10)

Requests beyond `slots` wait in the order in which they came; beyond `queue` waiting ones, `submit` raises QueueFull.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from shuoshu.generate.batch import Batch
from shuoshu.generate.engine import Engine
from shuoshu.generate.request import Event, Request
from shuoshu.recipe import Sampling

logger = logging.getLogger(__name__)


class QueueFull(Exception):
    """Too many requests wait already; try again later."""


class Closed(Exception):
    """The scheduler takes no more requests."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the scheduler is doing and has done."""

    running: int
    waiting: int
    requests: int
    """Requests ended, for whatever reason."""
    prompt_tokens: int
    """Prompt tokens of these, those taken from the cache counted as well."""
    cached_tokens: int
    completion_tokens: int


class Ticket:
    """A submitted request."""

    def __init__(self, request: Request, on_event: Callable[[Event], None], wake: Callable[[], None]) -> None:
        self.request = request
        self.on_event = on_event
        self.cancelled = False
        self.done = threading.Event()
        """Set after the last event."""
        self._wake = wake

    def cancel(self) -> None:
        """End the request at the next token, whether it waits or runs; its last event says `cancelled`.

        Harmless after its end, and from any thread.
        """
        self.cancelled = True
        self._wake()


class Scheduler:
    """Runs requests side by side, up to `slots` at a time, in a thread of its own.

    `on_event` is called in that thread, in order, and last with an event that has `finish`, exactly once. It must not
    block: hand the event over (`loop.call_soon_threadsafe`, `queue.put_nowait`) and return. If it raises, its request
    is cancelled and no more is told; the others go on.
    """

    def __init__(self, engine: Engine, slots: int = 16, queue: int = 128) -> None:
        self.engine = engine
        self._batch = Batch(engine.network, slots, engine.network.length)
        self._most = slots + queue
        self._waiting: deque[Ticket] = deque()
        self._running: dict[Request, Ticket] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._deadline: float | None = None
        self._ended = self._prompt_tokens = self._cached_tokens = self._completion_tokens = 0
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)
        self._thread.start()

    def submit(self, prompt: list[int], sampling: Sampling, on_event: Callable[[Event], None]) -> Ticket:
        """Put a request (token ids) in line. Callable from any thread.

        Raises UserError for a prompt or sampling that cannot be, QueueFull, and Closed after `close`.
        """
        ticket = Ticket(self.engine.request(prompt, sampling), on_event, self._notify)
        with self._changed:
            if self._closing:
                raise Closed
            if len(self._waiting) + len(self._running) >= self._most:
                raise QueueFull
            self._waiting.append(ticket)
            self._changed.notify_all()
        return ticket

    def load(self) -> Load:
        """Figures for a health check or metrics, from any thread."""
        with self._changed:
            return Load(
                len(self._running), len(self._waiting),
                self._ended, self._prompt_tokens, self._cached_tokens, self._completion_tokens,
            )  # fmt: skip

    def close(self, drain_seconds: float = 0.0) -> None:
        """Take no more requests, give those in line `drain_seconds` to end, cancel the rest, and stop the thread."""
        with self._changed:
            self._closing = True
            self._deadline = time.monotonic() + drain_seconds
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._running or self._closing):
                    self._changed.wait()
                if self._closing and not (self._waiting or self._running):
                    return
                gone = self._take_cancelled()
                while self._waiting and self._batch.free > 0:
                    ticket = self._waiting.popleft()
                    self._running[ticket.request] = ticket
                    self._batch.join(ticket.request)
            for ticket in gone:
                self._tell(ticket, ticket.request.fail("cancelled"))
            self._step()

    def _take_cancelled(self) -> list[Ticket]:
        """Remove from line and batch those that were cancelled, or all when the time to drain is over."""
        over = self._deadline is not None and time.monotonic() >= self._deadline
        gone = [ticket for ticket in (*self._running.values(), *self._waiting) if over or ticket.cancelled]
        for ticket in gone:
            if self._running.pop(ticket.request, None):
                self._batch.leave(ticket.request)
            else:
                self._waiting.remove(ticket)
        return gone

    def _step(self) -> None:
        try:
            news = self._batch.step()
        except Exception as error:  # out of memory, say: those under way are lost, the next ones are not
            logger.exception("a step of the model failed")
            news = [(r, r.fail("error", f"{type(error).__name__}: {error}")) for r in self._batch.clear()]
        for request, event in news:
            ticket = self._running[request]
            if event.finish:
                with self._changed:
                    del self._running[request]
            self._tell(ticket, event)

    def _tell(self, ticket: Ticket, event: Event) -> None:
        try:
            ticket.on_event(event)
        except Exception:
            logger.exception("a listener failed; its request is cancelled")
            ticket.on_event = _unheard
            ticket.cancelled = True
        if event.finish:
            usage = event.finish.usage
            with self._changed:
                self._ended += 1
                self._prompt_tokens += usage.prompt_tokens
                self._cached_tokens += usage.cached_tokens
                self._completion_tokens += usage.completion_tokens
            ticket.done.set()


def _unheard(_: Event) -> None:
    """Stands in for a listener that failed."""
