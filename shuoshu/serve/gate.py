"""How many requests are answered at once, in all and of one client, and none any more when the server closes."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shuoshu.serve.faults import ApiError

LONGEST_PAUSE = 60
"""Seconds: nobody is sent away for longer."""


class Gate:
    """Counts who is inside. Used from the event loop only."""

    def __init__(self, total: int, per_client: int) -> None:
        self.total, self.per_client = total, per_client
        self.closing = False
        """The server finishes what is inside, and lets nobody in."""
        self.inside = 0
        self.refused: Counter[str] = Counter()
        """How often somebody was sent away, by the reason's code."""
        self._of: Counter[str] = Counter()
        self._stay = 1.0

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Be inside for the length of the block. Raises ApiError (429 or 503) where that cannot be."""
        if self.closing:
            raise self.refuse(closing(self.pause))
        if self._of[client] >= self.per_client:
            words = f"You have {self.per_client} requests running already; wait for one to end."
            raise self.refuse(ApiError(429, words, "too_many_requests", retry_after=self.pause))
        if self.inside >= self.total:
            raise self.refuse(full(self.pause))
        began = time.monotonic()
        self.inside += 1
        self._of[client] += 1
        try:
            yield
        finally:
            self.inside -= 1
            self._of[client] -= 1
            if not self._of[client]:
                del self._of[client]
            self._stay += 0.1 * (time.monotonic() - began - self._stay)

    @property
    def pause(self) -> int:
        """Seconds after which, as things go, all who are inside now have left."""
        return min(max(1, math.ceil(self._stay)), LONGEST_PAUSE)

    def refuse(self, error: ApiError) -> ApiError:
        """The error, counted."""
        self.refused[error.code] += 1
        return error


def full(pause: int) -> ApiError:
    """For requests beyond the queue."""
    return ApiError(429, "The server is busy and its queue full; try again later.", "queue_full", retry_after=pause)


def closing(pause: int) -> ApiError:
    """For requests while the server finishes its last answers."""
    return ApiError(503, "The server is closing.", "closing", retry_after=pause)
