"""Where questions to one model wait their turn: it answers one at a time, in the order in which they came.

The model works in a thread of its own. Visitors only listen, so that one who leaves or stops listening holds nobody up.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from shuoshu.answer.ask import Answer, Mode, Storyteller
from shuoshu.errors import UserError
from shuoshu.recipe import Sampling

TICK = 0.2
"""Seconds between two signs of life while nothing comes."""


@dataclass(frozen=True)
class Waiting:
    """Nothing new yet; so many questions are to be answered first."""

    ahead: int


class Desk:
    """A model and the line before it."""

    def __init__(self, storyteller: Storyteller) -> None:
        self.storyteller = storyteller
        self.modes = _modes(storyteller)
        """How this run can answer. Raises UserError where it has neither an index nor a model."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"desk-{storyteller.name}")
        self._line: list[Future[None]] = []
        self._closed = False

    async def answer(
        self, question: str, mode: Mode, sampling: Sampling
    ) -> AsyncGenerator[str | Answer | Waiting | Exception, None]:
        """Yield the answer's characters as they come and last the whole `Answer`, or the exception that ended it.

        In between, every `TICK` seconds without news, `Waiting`. Closing the iterator stops the model.
        """
        loop = asyncio.get_running_loop()
        parts: asyncio.Queue[str | Answer | Exception] = asyncio.Queue()
        unheard = threading.Event()

        def work() -> None:
            try:
                for part in self.storyteller.stream(question, mode, sampling=sampling):
                    if unheard.is_set() or self._closed:
                        return
                    loop.call_soon_threadsafe(parts.put_nowait, part)
            except Exception as error:
                if not self._closed:
                    loop.call_soon_threadsafe(parts.put_nowait, error)

        future = self._worker.submit(work)
        self._line.append(future)
        future.add_done_callback(self._line.remove)
        try:
            while True:
                try:
                    part = await asyncio.wait_for(parts.get(), TICK)
                except TimeoutError:
                    yield Waiting(self._ahead(future))
                    continue
                yield part
                if not isinstance(part, str):
                    return
        finally:
            unheard.set()
            future.cancel()

    def warm(self) -> None:
        """Load what will be needed, while nobody asks yet. What cannot be loaded is told to whoever asks first."""

        def load() -> None:
            for mode in self.modes:
                _ = self.storyteller.index if mode == "open" else self.storyteller.engine

        self._worker.submit(load)

    def close(self) -> None:
        """Send the line home and stop the model at its next token."""
        self._closed = True
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _ahead(self, future: Future[None]) -> int:
        line = list(self._line)  # the worker takes finished ones out meanwhile
        return line.index(future) if future in line else 0


def _modes(storyteller: Storyteller) -> tuple[Mode, ...]:
    """How a run can answer: open with an index, closed with a model."""
    modes: tuple[Mode, ...] = ("open",) if storyteller.run.index.is_dir() else ()
    try:
        storyteller.run.model()
    except UserError:
        if not modes:
            raise
        return modes
    return (*modes, "closed")
