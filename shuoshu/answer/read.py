"""The reader: it looks at the windows found for a question and says which words answer it, and how sure that is.

Three witnesses are heard about the windows, and `choice` weighs them. The words: what question and window share. The
bank: whether a trained question like this one led here. The model, small and trained here (`mind`): how likely it gives
the answer to that trained question when asked this one, and how likely it says that the books do not tell. Around the
best of them it then points at the answer (`point`). Nothing is made up: what is answered are the book's own words, or a
sentence that was learned and stands proven beside them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.bank import Known, QuestionBank, find_evidence
from shuoshu.answer.choice import Choice
from shuoshu.answer.index import Index
from shuoshu.answer.mind import Mind
from shuoshu.answer.point import Pointed, best_run
from shuoshu.answer.quote import Quote, quote_at, widest_quotes
from shuoshu.answer.signs import SAME, SIGNS, WORD_SIGNS, Signs, bank_signs, unknown_names, word_signs
from shuoshu.answer.words import Region, Word, cut_regions, point_signs
from shuoshu.model import MiniGLM
from shuoshu.questions.question import Question
from shuoshu.tokenizer import Tokenizer

WINDOWS = 30
"""Windows read for a question: on four novels 85 questions in a hundred have their answer in one of so many."""
KNOWN = 10
"""Trained questions that may lead to further windows."""
FORGOTTEN = -100.0
"""Log-probability of an answer where there is no model to remember it."""
BY_HEART = 0.1
"""Probability from which on an answer from memory is given in the model's own words, the book's beside it, where it is
what is pointed at. Bundled book, three seeds: 0.5, 0.2, 0.05 give ROUGE-L 0.490, 0.526, 0.543, and as many right."""
AGREE = 0.2
"""Least share of what is pointed at that belongs to the key of such an answer. Bundled book, three seeds: with 0 82.7 %
of the questions on facts only the text tells are right, with 0.1 to 0.5 85.2 to 85.8; above 0.3 fewer own sentences."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What reading came to."""

    quote: Quote
    """The words that show the answer."""
    answer: str
    """The answer: the model's own sentence where it knows it by heart, else the quote."""
    confidence: float
    """Probability that the answer is right, as fitted (`choice.fit_sure`)."""
    told: bool
    """Whether it is sure enough to be given."""
    sure: NDArray[np.float64]
    """What the confidence goes by (`choice.SURE`)."""


class Led(NamedTuple):
    """A trained question that led to a window."""

    likeness: float
    memory: float
    """Log-probability of its answer to the question asked."""
    question: Question


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was looked at for one question."""

    quotes: list[Quote]
    signs: Signs
    """(windows, len(SIGNS))"""
    doubt: tuple[float, float]
    """(whether it names somebody unknown, probability by memory that the books do not tell, as far as the words leave
    the question open)."""
    led: dict[int, Led]
    """Windows that trained questions led to, with the most similar one."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The best windows with their surroundings, and the words in them."""

    regions: list[Region]
    words: list[Word]
    signs: Signs
    """(words, len(POINT_SIGNS))"""


class Reader:
    """Reads for the questions of one run. Safe to share between threads."""

    def __init__(
        self,
        index: Index,
        choice: Choice,
        bank: QuestionBank,
        model: MiniGLM | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.index, self.choice, self.bank = index, choice, bank
        # Where the evidence of a trained question stands never changes, and is looked for in a whole chapter.
        self._evidence = cache(lambda question: find_evidence(question, index))
        self._mind = Mind(model, tokenizer) if model is not None and tokenizer is not None else None

    @classmethod
    def open(
        cls, index: Index, folder: Path, bank: QuestionBank, model: MiniGLM | None, tokenizer: Tokenizer | None
    ) -> "Reader":
        """A reader with what was fitted for the run (`choice.json` in its index folder), or what comes along."""
        path = folder / "choice.json"
        return cls(index, Choice.open(path) if path.is_file() else Choice.default(), bank, model, tokenizer)

    def read(self, question: str) -> Read | None:
        """The answer and its place; None where no term of the question stands in the books."""
        evidence = self.gather(question)
        return self.decide(evidence, self.look(question, evidence)) if evidence.quotes else None

    def look(self, question: str, evidence: Evidence) -> Looked:
        """What stands around the best windows."""
        scores = evidence.signs @ self.choice.weights
        keys = {row: led.question.key for row, led in evidence.led.items()}
        regions = cut_regions(evidence.quotes, evidence.signs, scores, keys, self.index)
        words, signs = point_signs(question, regions, self.index)
        return Looked(regions=regions, words=words, signs=signs)

    def decide(self, evidence: Evidence, looked: Looked) -> Read:
        """The words that answer, and how sure that is."""
        scores = looked.signs @ self.choice.point
        chances = np.exp(scores - np.logaddexp.reduce(scores))
        pointed = best_run(looked.regions, looked.words, chances, self.index)
        spread = -float((chances * np.log(chances + 1e-12)).sum())
        around = float(looked.regions[pointed.region].signs[SIGNS.index("around")])
        sure = np.array([math.log(pointed.mass + 1e-12), looked.regions[0].share, spread, around, *evidence.doubt, 1.0])
        confidence = self.choice.confidence(sure)
        quote = pointed.quote
        answer = quote.text
        learned = _learned(pointed, evidence)
        if learned is not None:
            question, window = evidence.led[learned].question, evidence.quotes[learned]
            answer = question.answer
            quote = window if any(key in window.text for key in question.key) else quote
        return Read(
            quote=quote,
            answer=answer,
            confidence=confidence,
            told=confidence >= self.choice.threshold,
            sure=sure,
        )

    def gather(self, question: str) -> Evidence:
        """Windows and their signs."""
        quotes = widest_quotes(question, self.index, WINDOWS)
        known = self.bank.nearest(question, KNOWN)
        recalled = (
            self._mind.recall(question, [one.question.answer for one in known])
            if self._mind
            else [FORGOTTEN] * (len(known) + 1)
        )
        wanted = self.index.weigh(question)
        led: dict[int, Led] = {}
        for one, memory in zip(known, recalled, strict=False):
            for row in self._places(one, wanted, quotes):
                if row not in led or (one.likeness, memory) > led[row][:2]:
                    led[row] = Led(one.likeness, memory, one.question)
        if not quotes:
            return Evidence(quotes=[], signs=np.zeros((0, len(SIGNS)), dtype=np.float32), doubt=(0, 0), led={})
        words = word_signs(question, quotes, self.index)
        asked_before = bool(known) and known[0].likeness > SAME
        explained = 0.0 if asked_before else min(1.0, float(words[:, WORD_SIGNS.index("near")].max()))
        bank = bank_signs(len(quotes), {row: found[:2] for row, found in led.items()}, explained)
        return Evidence(
            quotes=quotes,
            signs=np.hstack([words, bank]),
            doubt=(unknown_names(question, self.index), math.exp(recalled[-1]) * (1 - explained)),
            led=led,
        )

    def _places(self, known: Known, wanted: dict[str, float], quotes: list[Quote]) -> list[int]:
        """The rows of `quotes` that hold the evidence of a trained question; it is added where none does."""
        place = self._evidence(known.question)
        if place is None:
            return []
        book, chapter, start, end = place
        held = [
            row
            for row, quote in enumerate(quotes)
            if (quote.book, quote.chapter) == (book, chapter) and quote.start <= start and end <= quote.end
        ]
        if not held and (quote := quote_at(place, known.question.key, wanted, self.index)) is not None:
            spans = [(other.book, other.chapter, other.start, other.end) for other in quotes]
            span = (quote.book, quote.chapter, quote.start, quote.end)
            if span not in spans:
                quotes.append(quote)
                spans.append(span)
            held = [spans.index(span)]
        return held


def _learned(pointed: Pointed, evidence: Evidence) -> int | None:
    """The window of a trained question that is asked again: its answer is well remembered, and its key pointed at.

    Memory alone does not do: somebody may ask about the stairs of a tower of which the model has learned its river.
    """

    def said(keys: Sequence[str]) -> float:
        return sum(worth for word, worth in pointed.worth.items() if any(word in key or key in word for key in keys))

    remembered = sorted(evidence.led.items(), key=lambda item: -item[1].memory)
    for row, led in remembered:
        if math.exp(led.memory) >= BY_HEART and said(led.question.key) >= AGREE * pointed.mass:
            return row
    return None
