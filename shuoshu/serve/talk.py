"""A visitor's conversation with a model: what was asked, and how far the answer has come."""

from dataclasses import dataclass, field
from typing import Literal

from shuoshu.answer.ask import GREEDY, Answer, Citation, Mode
from shuoshu.answer.index import Index
from shuoshu.answer.passages import Passage
from shuoshu.recipe import Sampling

KEPT = 50
"""Turns of a conversation that are kept; the oldest go first, so that an open page does not grow for ever."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A citation with the words around it: `before + citation.quote + after` is a piece of the chapter."""

    citation: Citation
    before: str = ""
    after: str = ""


@dataclass(kw_only=True)
class Turn:
    """One question and its answer, as far as it has come."""

    question: str
    mode: Mode
    sampling: Sampling = GREEDY
    tries: int = 0
    """How often it was answered before."""
    model: str = ""
    """Name of the model, where there are several to choose from."""
    state: Literal["waiting", "writing", "done", "stopped", "failed"] = "waiting"
    ahead: int = 0
    """Questions to be answered before this one."""
    text: str = ""
    """The answer so far."""
    answer: Answer | None = None
    """The whole answer, once it is there."""
    shown: tuple[Shown, ...] = ()
    """The citations of the answer, in their passages."""
    fault: str = ""
    """Why there is no answer, in one sentence."""


@dataclass(kw_only=True)
class Talk:
    """The conversation on one open page. Questions stand for themselves: none is read together with those before."""

    turns: list[Turn] = field(default_factory=list)
    busy: bool = False
    """An answer is on its way."""
    stop: bool = False
    """The visitor does not want to hear the rest of it."""

    def begin(self, turn: Turn) -> None:
        """Put a new question at the end."""
        self.turns = [*self.turns[-KEPT + 1 :], turn]
        self.busy, self.stop = True, False


def in_passage(citation: Citation, index: Index) -> Shown:
    """The citation in the passage of the index that shows most on both sides of it; alone where none holds it."""

    def margin(passage: Passage) -> int:
        return min(citation.start - passage.start, passage.end - citation.end)

    holding = [
        passage
        for passage in index.passages
        if passage.book == citation.book and passage.chapter == citation.chapter and margin(passage) >= 0
    ]
    if not holding:
        return Shown(citation=citation)
    best = max(holding, key=margin)
    start, end = citation.start - best.start, citation.end - best.start
    return Shown(citation=citation, before=best.text[:start], after=best.text[end:])
