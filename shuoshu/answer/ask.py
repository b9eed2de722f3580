"""How a question becomes an answer: with the books at hand (open) or from the model's memory (closed).

question → tips → open:   search the index → read (`read.Reader`) → answer with its place, or that the books do not tell
                  closed: the model writes the answer
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shuoshu.answer.index import Index
from shuoshu.answer.tips import Tipped, tip
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.questions.untold import NOT_TOLD
from shuoshu.recipe import Precision, Sampling

if TYPE_CHECKING:
    from shuoshu.answer.read import Reader
    from shuoshu.generate.engine import Engine, Generation
    from shuoshu.model import MiniGLM
    from shuoshu.tokenizer import Tokenizer

Mode = Literal["open", "closed"]

GREEDY = Sampling()
"""The likeliest token, always: an answer is a fact, not a fancy."""


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
    confidence: float | None = None
    """Probability that the answer is right, as the reader was fitted; None from memory."""
    tips: tuple[tuple[str, str], ...] = ()
    """What was changed in the question before it was answered: (what stood there, what it became)."""


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
    def model(self) -> "MiniGLM":
        """The network, loaded once for writing and reading. Raises UserError where the run has none."""
        from shuoshu.model import MiniGLM
        from shuoshu.train.regime import pick_device

        return MiniGLM.load(self.run.model()).to(pick_device())

    @cached_property
    def engine(self) -> "Engine":
        """The model, ready to write. Raises UserError where the run has none."""
        from shuoshu.generate.engine import Engine

        return Engine(self.model, self.tokenizer, self.precision)

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """The model's tokenizer. Raises UserError where the run has no model."""
        from shuoshu.tokenizer import Tokenizer

        return Tokenizer.load(self.run.model())

    @cached_property
    def reader(self) -> "Reader":
        """What finds and reads the passages: with the run's model where it has one, by words alone where not."""
        from shuoshu.answer.bank import QuestionBank
        from shuoshu.answer.read import Reader

        bank = QuestionBank.open(self.run, self.index.books)
        model, tokenizer = None, None
        if self.run.has_model():
            model, tokenizer = self.model, self.tokenizer
        return Reader.open(self.index, self.run.index, bank, model, tokenizer)

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
        tipped = [self.tip(question, tips) for question in questions]
        results = self.engine.generate([self._prompt(each.question) for each in tipped], sampling)
        return [
            _from_memory(question, each, result)
            for question, each, result in zip(questions, tipped, results, strict=True)
        ]

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
        tipped = self.tip(question, tips)
        for piece, so_far in self.engine.stream(self._prompt(tipped.question), sampling):
            written = [so_far]
            if piece:
                yield piece
        yield _from_memory(question, tipped, written[0])

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
        from shuoshu.train.data import hold_out
        from shuoshu.train.score import bits_per_char

        _, held = hold_out(read_chapters(self.run.chapters))
        texts = [chapter.text for chapter in held]
        length = self.model.config.max_position_embeddings
        return bits_per_char(self.model, self.engine.tokenizer, texts, length) if texts else None

    def tip(self, question: str, tips: bool) -> Tipped:
        """The question as it is answered, and what was changed in it; as it stands without `tips`."""
        lexicon = self.index.lexicon if self.run.index.is_dir() else None
        return tip(question, self.titles, lexicon) if tips else Tipped(question, ())

    def _prompt(self, question: str) -> list[int]:
        return self.engine.tokenizer.chat([{"role": "user", "content": question}])

    def _from_books(self, question: str, tips: bool) -> Answer:
        started = time.perf_counter()
        tipped = self.tip(question, tips)
        read = self.reader.read(tipped.question)
        citations: tuple[Citation, ...] = ()
        if read is not None and read.told:
            quote = read.quote
            place = {"book": quote.book, "chapter": quote.chapter, "title": quote.title}
            citations = (Citation(**place, start=quote.start, end=quote.end, quote=quote.text),)
        return Answer(
            question=question,
            answer=read.answer if read is not None and read.told else NOT_TOLD,
            mode="open",
            citations=citations,
            seconds=time.perf_counter() - started,
            confidence=read.confidence if read is not None else 0.0,
            tips=tipped.changes,
        )


def _from_memory(question: str, tipped: Tipped, result: "Generation") -> Answer:
    return Answer(
        question=question,
        answer=result.text.strip(),
        mode="closed",
        tokens=len(result.ids),
        seconds=result.seconds,
        truncated=result.finished == "length",
        broken=result.broken,
        tips=tipped.changes,
    )
