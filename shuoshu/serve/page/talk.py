"""An answer on its way to the page: its words as they come, and its citations with the passage around them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from time import monotonic
from typing import Any, TypeVar

from shuoshu.answer.ask import Answer, Citation, Mode
from shuoshu.answer.index import Index
from shuoshu.answer.passages import Passage
from shuoshu.recipe import Sampling
from shuoshu.serve.narrator import Narrator

T = TypeVar("T")

TICK = 0.5
"""Seconds between two signs of life while nothing comes: only one who writes sees that the other has left."""
REDRAW = 0.05
"""Seconds between two redrawings of an answer as it comes: faster than anyone reads, slower than a model writes."""


async def listened(
    narrator: Narrator, question: str, mode: Mode, sampling: Sampling
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what the page shows of one answer: `{"state": "waiting"}`, `"writing"` with the `text` so far, and last
    `"done"` with the whole `answer`. Closing the iterator stops the model."""
    text, drawn = "", 0.0
    async with aclosing(ticking(narrator.answer(question, mode, sampling), TICK)) as parts:
        async for part in parts:
            if isinstance(part, Answer):
                yield {"state": "done", "text": part.answer, "answer": told(part, narrator)}
                return
            text += part or ""
            if not text:
                yield {"state": "waiting"}
            elif part is None or monotonic() - drawn > REDRAW:
                drawn = monotonic()
                yield {"state": "writing", "text": text}


async def whole(narrator: Narrator, question: str, mode: Mode, sampling: Sampling) -> dict[str, Any]:
    """The whole answer, as `told`."""
    async with aclosing(narrator.answer(question, mode, sampling)) as parts:
        async for part in parts:
            if isinstance(part, Answer):
                return told(part, narrator)
    raise AssertionError("an answer ends with itself")


async def ticking(parts: AsyncGenerator[T, None], seconds: float) -> AsyncGenerator[T | None, None]:
    """Yield the parts as they come, and None whenever so many seconds have brought none."""
    coming: asyncio.Task[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(parts))  # type: ignore[arg-type]
            done, _ = await asyncio.wait({coming}, timeout=seconds)
            if not done:
                yield None
                continue
            try:
                part = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield part
    finally:
        if coming:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await parts.aclose()


def told(answer: Answer, narrator: Narrator) -> dict[str, Any]:
    """An answer as it stands in JSON; beside its `citations` their `passages`, each `{"before", "after"}`."""
    passages = [in_passage(citation, narrator.storyteller.index) for citation in answer.citations]
    return {**asdict(answer), "passages": [{"before": before, "after": after} for before, after in passages]}


def in_passage(citation: Citation, index: Index) -> tuple[str, str]:
    """What stands before and after a citation in the passage that shows most on both sides of it.

    Nothing where no passage holds it.
    """

    def margin(passage: Passage) -> int:
        return min(citation.start - passage.start, passage.end - citation.end)

    holding = index.passages_at(citation.book, citation.chapter, citation.start, citation.end)
    if not holding:
        return "", ""
    best = max(holding, key=margin)
    return best.text[: citation.start - best.start], best.text[citation.end - best.start :]
