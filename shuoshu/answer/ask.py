"""How a question becomes an answer: with the books at hand (open) or from the model's memory (closed).

question → tips → open:   search the index → read (`quote.best_quote`) → answer with its place in the book
                  closed: the model writes the answer
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shuoshu.answer.index import Index
from shuoshu.answer.quote import best_quote
from shuoshu.answer.tips import apply_tips
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.recipe import Precision, Sampling

if TYPE_CHECKING:
    from shuoshu.generate.engine import Engine, Generation

Mode = Literal["open", "closed"]

GREEDY = Sampling()
"""The likeliest token, always: an answer is a fact, not a fancy."""

NOT_TOLD = "书中没有提到。"
"""The answer where no term of the question stands in the books."""


@dataclass(frozen=True, kw_only=True)
class Citation:
    """The place in a book that shows an answer: `chapter.text[start:end] == quote`."""

    book: str
    chapter: int
    title: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer and how it came about."""

    question: str
    """As it was asked."""
    answer: str
    mode: Mode
    citations: tuple[Citation, ...] = ()
    tokens: int = 0
    """Tokens the model wrote; 0 for a quotation."""
    seconds: float = 0.0
    truncated: bool = False
    """Cut at the length limit before the model ended it."""
    broken: int = 0
    """Bytes the model wrote that made no character (left out of `answer`)."""


class Storyteller:
    """A run that answers. Opening one is cheap; the model is loaded when it is first needed."""

    def __init__(self, path: Path, precision: Precision = "fp32") -> None:
        self.run = RunFolder.open(path)
        self.precision: Precision = precision

    @property
    def name(self) -> str:
        """What people call it: the folder's name."""
        return self.run.name

    @property
    def mode(self) -> Mode:
        """How it answers when not told: from the books where it has an index, else from memory."""
        return "open" if self.run.index.is_dir() else "closed"

    @cached_property
    def index(self) -> Index:
        """The search index. Raises UserError where the run has none."""
        if not self.run.index.is_dir():
            raise UserError(
                f"{self.run.path} has no index, so it can only answer from memory; "
                f"use --closed, or make one with `shuoshu index {self.run.path}`."
            )
        return Index.open(self.run.index)

    @cached_property
    def engine(self) -> "Engine":
        """The model, loaded and ready. Raises UserError where the run has none."""
        from shuoshu.generate.engine import Engine
        from shuoshu.model import MiniGLM
        from shuoshu.tokenizer import Tokenizer
        from shuoshu.train.regime import pick_device

        folder = self.run.model()
        return Engine(MiniGLM.load(folder).to(pick_device()), Tokenizer.load(folder), self.precision)

    @property
    def titles(self) -> list[str]:
        """Titles of the books it knows, without 《》."""
        return self.index.books if self.run.index.is_dir() else []

    def ask(
        self,
        questions: Sequence[str],
        mode: Mode | None = None,
        tips: bool = True,
        sampling: Sampling = GREEDY,
    ) -> list[Answer]:
        """Answer each question. `tips` brings questions into the form the model knows best (`tips.apply_tips`)."""
        for place, question in enumerate(questions, 1):
            if not question.strip():
                raise UserError(f"Question {place} is empty; write one.")
        if (mode or self.mode) == "open":
            return [self._from_books(question, tips) for question in questions]
        prompts = [self._prompt(question, tips) for question in questions]
        results = self.engine.generate(prompts, sampling)
        return [_from_memory(question, result) for question, result in zip(questions, results, strict=True)]

    def stream(
        self, question: str, mode: Mode | None = None, tips: bool = True, sampling: Sampling = GREEDY
    ) -> Iterator[str | Answer]:
        """Yield the answer's characters as they come, and last the whole `Answer`."""
        if not question.strip():
            raise UserError("The question is empty; write one.")
        if (mode or self.mode) == "open":
            answer = self._from_books(question, tips)
            yield answer.answer
            yield answer
            return
        written: list[Generation] = []
        for piece, so_far in self.engine.stream(self._prompt(question, tips), sampling):
            written = [so_far]
            if piece:
                yield piece
        yield _from_memory(question, written[0])

    def complete(self, text: str, sampling: Sampling) -> Iterator[tuple[str, "Generation"]]:
        """Go on writing after `text`; yields (new characters, the generation so far)."""
        if not text:
            raise UserError("There is nothing to go on from; give the beginning of a text.")
        tokenizer = self.engine.tokenizer
        return self.engine.stream([tokenizer.end_of_text, *tokenizer.encode(text)], sampling)

    def bits_per_char(self) -> float | None:
        """Bits per character of the model on the run's held-out chapters; None where there are none."""
        if not self.run.chapters.is_file():
            return None
        from shuoshu.books.chapter import read_chapters
        from shuoshu.model import MiniGLM
        from shuoshu.train.data import hold_out
        from shuoshu.train.regime import pick_device
        from shuoshu.train.score import bits_per_char

        _, held = hold_out(read_chapters(self.run.chapters))
        model = MiniGLM.load(self.run.model()).to(pick_device())
        texts = [chapter.text for chapter in held]
        length = model.config.max_position_embeddings
        return bits_per_char(model, self.engine.tokenizer, texts, length) if texts else None

    def _prompt(self, question: str, tips: bool) -> list[int]:
        wording = apply_tips(question, self.titles) if tips else question
        return self.engine.tokenizer.chat([{"role": "user", "content": wording}])

    def _from_books(self, question: str, tips: bool) -> Answer:
        started = time.perf_counter()
        quote = best_quote(apply_tips(question, self.titles) if tips else question, self.index)
        citations: tuple[Citation, ...] = ()
        if quote is not None:
            place = {"book": quote.book, "chapter": quote.chapter, "title": quote.title}
            citations = (Citation(**place, start=quote.start, end=quote.end, quote=quote.text),)
        return Answer(
            question=question,
            answer=quote.text if quote else NOT_TOLD,
            mode="open",
            citations=citations,
            seconds=time.perf_counter() - started,
        )


def _from_memory(question: str, result: "Generation") -> Answer:
    return Answer(
        question=question,
        answer=result.text.strip(),
        mode="closed",
        tokens=len(result.ids),
        seconds=result.seconds,
        truncated=result.finished == "length",
        broken=result.broken,
    )
