"""Texts under way together: each may join and leave at any step, and the others do not wait for it.

A step runs one new token of every text, and a piece of the prompts of those that have just joined. A row whose text has
ended keeps its keys and values until the room is needed: a prompt that begins like any text in the cache (the same
template, the same evidence, the conversation so far) takes them from there.
"""

import logging
from dataclasses import dataclass, field

from torch import Tensor

from shuoshu.generate.network import Network, Segment
from shuoshu.generate.request import Event, Request
from shuoshu.generate.sampling import choose, logprobs_of

CHUNK = 12
"""Prompt tokens in a step while somebody reads along. With 32 the others wait twice as long as for another step, and a
stream stutters; with 8 a newcomer waits half as long again as with 16 (benchmarks/2026-11-23-serve.md)."""
CHUNK_ALONE = 512
"""Prompt tokens in a step while nobody reads along."""
WORTH_REUSING = 16
"""A shorter common beginning is computed as fast as it is found and copied."""

logger = logging.getLogger(__name__)


@dataclass
class Row:
    """A row of the cache: whose it is, and the tokens whose keys and values it holds."""

    number: int
    held: list[int] = field(default_factory=list)
    request: Request | None = None
    used: int = 0
    """The count of joins when it was last taken."""


class Batch:
    """Up to `rows` texts of at most `length` tokens. Belongs to one thread.

    `chunk` is how much of the joining prompts a step may read while other texts are being written.
    """

    def __init__(self, network: Network, rows: int, length: int, chunk: int = CHUNK) -> None:
        self._chunk = chunk
        self._runner = network.runner(rows, length)
        self._rows = [Row(number) for number in range(rows)]
        self._joins = 0

    @property
    def requests(self) -> list[Request]:
        """Those under way."""
        return [row.request for row in self._rows if row.request]

    @property
    def free(self) -> int:
        """How many more may join."""
        return sum(row.request is None for row in self._rows)

    def join(self, request: Request) -> None:
        """Take a request in, into the free row that holds most of its prompt, else the one longest unused."""
        free = [row for row in self._rows if row.request is None]
        row = min(free, key=lambda row: (-_common(row.held, request.prompt), row.used))
        row.held = row.held[: _common(row.held, request.prompt)]
        self._joins += 1
        row.request, row.used = request, self._joins
        request.cached = len(row.held)

    def leave(self, request: Request) -> None:
        """Let a request go before its end."""
        for row in self._rows:
            if row.request is request:
                row.request = None

    def clear(self) -> list[Request]:
        """Forget everything, as after an error in the network; returns those that were under way."""
        left = self.requests
        for row in self._rows:
            row.held, row.request = [], None
        return left

    def step(self) -> list[tuple[Request, Event]]:
        """Run one step and tell what came of it; nothing while only prompts are being read."""
        segments, asked = self._segments()
        if not segments:
            return []
        logits = self._runner.forward(segments)
        for segment in segments:
            self._rows[segment.row].held += segment.ids
        events = _advance(logits, asked)
        for request, event in zip(asked, events, strict=True):
            if event.finish:
                self.leave(request)
        return list(zip(asked, events, strict=True))

    def _segments(self) -> tuple[list[Segment], list[Request]]:
        """What to run next, and whose next token will come of it."""
        segments: list[Segment] = []
        asked: list[Request] = []
        reading: list[Row] = []
        for row in self._rows:
            if row.request and len(row.held) >= len(row.request.prompt):
                segments.append(Segment(row.number, len(row.held), row.request.ids[-1:], True))
                asked.append(row.request)
            elif row.request:
                reading.append(row)
        room = self._chunk if segments else CHUNK_ALONE
        for row in sorted(reading, key=lambda row: row.used):
            if room <= 0 or row.request is None:
                break
            if len(row.held) == row.request.cached:  # its turn has come: others may have read the same meanwhile
                self._reuse(row, row.request)
            start, prompt = len(row.held), row.request.prompt
            ids = prompt[start : start + room]
            room -= len(ids)
            done = start + len(ids) == len(prompt)
            segments.append(Segment(row.number, start, ids, done))
            if done:
                asked.append(row.request)
        return segments, asked

    def _reuse(self, row: Row, request: Request) -> None:
        """Copy the longest beginning of the prompt that any other row holds."""
        best = max(self._rows, key=lambda other: _common(other.held, request.prompt))
        common = _common(best.held, request.prompt)
        if common > len(row.held):
            self._runner.copy(best.number, row.number, common)
            row.held = request.prompt[:common]
            request.cached = common


def _common(held: list[int], prompt: list[int]) -> int:
    """Length of the common beginning worth reusing, else 0; the last token of the prompt has to be run anyway."""
    low = WORTH_REUSING
    if held[:low] != prompt[:low]:
        return 0
    high = min(len(held), len(prompt) - 1)
    if high < low:
        return 0
    while low < high:  # slices are compared in C: halving beats a loop over tokens
        middle = (low + high + 1) // 2
        low, high = (middle, high) if held[:middle] == prompt[:middle] else (low, middle - 1)
    return low


def _advance(logits: Tensor, requests: list[Request]) -> list[Event]:
    """Give each request its next token from its row of `logits`; one that fails ends alone."""
    draws = [request.random.random() for request in requests]
    try:
        tokens: list[int | Exception] = [*choose(logits, requests, draws)]
    except Exception:
        tokens = [_alone(logits[i : i + 1], request, draws[i]) for i, request in enumerate(requests)]
    return [_take(logits[i], request, token) for i, (request, token) in enumerate(zip(requests, tokens, strict=True))]


def _alone(logits: Tensor, request: Request, draw: float) -> int | Exception:
    try:
        return choose(logits, [request], [draw])[0]
    except Exception as error:
        return error


def _take(logits: Tensor, request: Request, token: int | Exception) -> Event:
    try:
        if isinstance(token, Exception):
            raise token
        alternatives = request.sampling.logprobs
        return request.take(token, () if alternatives is None else (logprobs_of(logits, token, alternatives),))
    except Exception as error:
        logger.exception("a request failed")
        return request.fail("error", f"{type(error).__name__}: {error}")
