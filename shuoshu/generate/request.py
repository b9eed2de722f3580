"""One prompt on its way: what was asked, what has come of it so far, and what is told as it comes."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shuoshu.errors import UserError
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import TextStream, Tokenizer

Reason = Literal["stop", "length", "cancelled", "error"]
"""stop: the model ended its text, or a stop string came; length: cut at max_new_tokens or the end of the context."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely the model itself found a token: natural logarithms, before temperature and penalties."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()
    """The likeliest tokens (id, logprob), the likeliest first: as many as were asked for."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request took."""

    prompt_tokens: int
    completion_tokens: int
    """Tokens written, the stop mark not counted."""
    cached_tokens: int
    """Prompt tokens that another text had left in the cache already."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a request."""

    reason: Reason
    usage: Usage
    error: str | None = None
    """What went wrong, for `error`."""


@dataclass(frozen=True, slots=True)
class Event:
    """News of a request. The last one has `finish`, and may hold the last text as well."""

    text: str = ""
    """New characters, always whole; empty where a character or a stop string may be under way."""
    ids: tuple[int, ...] = ()
    """New tokens."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """One for each of `ids` where `Sampling.logprobs` asks for them."""
    finish: Finish | None = None


class StopStrings:
    """Holds back text that may be the beginning of a stop string, and cuts the text before the first one that comes.

    The first is the one complete first, so that the cut does not depend on where tokens end.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""

    def feed(self, piece: str) -> tuple[str, bool]:
        """The text that may be shown after `piece`, and whether a stop string came."""
        if not self._stops:
            return piece, False
        text = self._held + piece
        found = [(start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0]
        if found:
            self._held = ""
            return text[: min(found)[1]], True
        longest = max(map(len, self._stops)) - 1
        first = max(0, len(text) - longest)
        cut = next((i for i in range(first, len(text)) if self._begins(text[i:])), len(text))
        self._held = text[cut:]
        return text[:cut], False

    def end(self) -> str:
        """What was held back, when no more comes."""
        held, self._held = self._held, ""
        return held

    def _begins(self, text: str) -> bool:
        return any(stop.startswith(text) for stop in self._stops)


class Request:
    """A prompt, its sampling and its text so far. Raises UserError for what no model can do.

    `limit` is the longest text the model sees, in tokens.
    """

    def __init__(self, prompt: list[int], sampling: Sampling, tokenizer: Tokenizer, limit: int) -> None:
        _check(prompt, sampling, tokenizer.vocab_size, limit)
        self.prompt, self.sampling = prompt, sampling
        self.ids: list[int] = []
        """New tokens, the stop mark not counted."""
        self.text = ""
        self.reason: Reason | None = None
        self.cached = 0
        self.random = np.random.default_rng(sampling.seed)
        self._most = min(sampling.max_new_tokens, limit - len(prompt))
        self._stop_ids = tokenizer.stop_ids
        self._stream = TextStream(tokenizer)
        self._stops = StopStrings(sampling.stop)

    @property
    def broken(self) -> int:
        """Bytes that made no character."""
        return self._stream.broken

    @property
    def usage(self) -> Usage:
        """What it has taken so far."""
        return Usage(len(self.prompt), len(self.ids), self.cached)

    def take(self, token: int, logprobs: tuple[TokenLogprob, ...] = ()) -> Event:
        """Add the next token; the event is the last one when the text ends with it."""
        if token in self._stop_ids:
            return self._last("", "stop", (), ())
        self.ids.append(token)
        piece, stopped = self._stops.feed(self._stream.step(token))
        if stopped or len(self.ids) >= self._most:
            return self._last(piece, "stop" if stopped else "length", (token,), logprobs)
        self.text += piece
        return Event(piece, (token,), logprobs)

    def fail(self, reason: Reason, error: str | None = None) -> Event:
        """End it from outside: cancelled, or in error."""
        self.reason = reason
        return Event(finish=Finish(reason, self.usage, error))

    def _last(self, piece: str, reason: Reason, ids: tuple[int, ...], logprobs: tuple[TokenLogprob, ...]) -> Event:
        self._stream.end()  # counts a broken last character; there is never anything to show
        piece += self._stops.end()
        self.text += piece
        self.reason = reason
        return Event(piece, ids, logprobs, Finish(reason, self.usage))


def _check(prompt: list[int], sampling: Sampling, vocabulary: int, limit: int) -> None:
    if not prompt:
        raise UserError("The prompt is empty; give at least one character to go on from.")
    if len(prompt) >= limit:
        raise UserError(f"The prompt has {len(prompt)} tokens; this model sees {limit} at most. Shorten it.")
    if not 0 <= min(prompt) <= max(prompt) < vocabulary:
        raise UserError(f"The prompt holds a token that is not among the model's {vocabulary}; encode it anew.")
    if sampling.max_new_tokens < 1:
        raise UserError(f"max_new_tokens is {sampling.max_new_tokens}; ask for at least one token.")
    if not (0 <= sampling.temperature < math.inf and 0 < sampling.repetition_penalty < math.inf and sampling.top_p > 0):
        raise UserError("temperature must be 0 or more, repetition_penalty and top_p more than 0, and none endless.")
    if not (sampling.top_k >= 0 and 0 <= sampling.min_p <= 1 and sampling.seed >= 0):
        raise UserError("top_k and seed must be 0 or more, min_p between 0 and 1.")
    if "" in sampling.stop:
        raise UserError("A stop string is empty; leave it out.")
    if sampling.logprobs is not None and sampling.logprobs < 0:
        raise UserError("logprobs must be 0 or more.")
