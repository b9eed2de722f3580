"""Between the engine's thread and the web server's loop: events go one way, and who leaves is told the other way."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from shuoshu.generate.request import Event
from shuoshu.recipe import Sampling

if TYPE_CHECKING:
    from shuoshu.generate.scheduler import Scheduler, Ticket

T = TypeVar("T")


class Post:
    """Carries events to the loop. A step of the engine has news of many texts, and wakes the loop once for all."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._bag: deque[tuple[asyncio.Queue[tuple[int, Event]], int, Event]] = deque()
        self._under_way = False

    def box(self, queue: asyncio.Queue[tuple[int, Event]], index: int) -> Callable[[Event], None]:
        """What the engine's thread calls with news of one text, to be found in `queue` under its number."""

        def put(event: Event) -> None:
            self._bag.append((queue, index, event))
            if not self._under_way:
                self._under_way = True
                with suppress(RuntimeError):  # the loop has been closed: nobody listens any more
                    self.loop.call_soon_threadsafe(self._deliver)

        return put

    def _deliver(self) -> None:
        self._under_way = False  # before the bag is emptied: what comes after that wakes the loop anew
        while self._bag:
            queue, index, event = self._bag.popleft()
            queue.put_nowait((index, event))


class Hearing:
    """The texts of one request as they come: `with closing(Hearing(...)) as news: async for index, event in news`.

    Submits them all, or raises what the scheduler raises (QueueFull, Closed, UserError) and submits none. Closing it
    before the end cancels the rest. What nobody has fetched yet waits here, at most the length of the answers, so that
    the engine never waits for a slow listener.
    """

    def __init__(
        self, scheduler: "Scheduler", prompts: Sequence[list[int]], samplings: Sequence[Sampling], post: Post
    ) -> None:
        self._queue: asyncio.Queue[tuple[int, Event]] = asyncio.Queue()
        self._tickets: dict[int, Ticket] = {}
        try:
            for index, (prompt, sampling) in enumerate(zip(prompts, samplings, strict=True)):
                self._tickets[index] = scheduler.submit(prompt, sampling, post.box(self._queue, index))
        except BaseException:
            self.close()
            raise

    async def __aiter__(self) -> AsyncIterator[tuple[int, Event]]:
        while self._tickets:
            index, event = await self._queue.get()
            if event.finish:
                del self._tickets[index]
            yield index, event

    def close(self) -> None:
        """Nobody wants to hear the rest."""
        for ticket in self._tickets.values():
            ticket.cancel()


class ClientGone(Exception):
    """Nobody is there any more to hear the answer."""


async def while_heard(receive: Callable[[], Awaitable[Any]], work: Awaitable[T]) -> T:
    """Do the work, unless the client leaves before it is done: then it is cancelled, and ClientGone raised."""
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientGone
        return doing.result()
    finally:
        for task in (doing, leaving):
            task.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _left(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
