"""What is asked, and the asking: test questions, trained ones beside them, further wordings of both."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from shuoshu.evaluate.metrics import CitationLike
from shuoshu.evaluate.scores import Marked, fact_of, mark
from shuoshu.questions.question import Question
from shuoshu.terminal import Progress

Mode = Literal["open", "closed"]

ASK_AT_ONCE = 32
"""Questions handed over in one call: enough to fill the engine's batches, few enough for the bar to move."""


class CitedPlace(CitationLike, Protocol):
    """A place in the books, with what the report shows of it."""

    @property
    def title(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class AnswerLike(Protocol):
    """What a model gives for one question."""

    @property
    def answer(self) -> str: ...
    @property
    def citations(self) -> Sequence[CitedPlace]: ...
    @property
    def tokens(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def broken(self) -> int: ...
    @property
    def confidence(self) -> float | None:
        """How sure it is, 0 to 1; None where it cannot tell (see `scores.Marked`)."""
        ...

    @property
    def tips(self) -> Sequence[tuple[str, str]]:
        """What was changed in the question, before and after."""
        ...


class Answerer(Protocol):
    """What can be evaluated: anything that answers questions. `answer.ask.Storyteller` is one."""

    def ask(self, questions: Sequence[str], mode: Mode, tips: bool) -> Sequence[AnswerLike]:
        """Answer each question, in order."""
        ...

    def bits_per_char(self) -> float | None:
        """Bits per character on the held-out chapters; None where it was not measured."""
        ...


@dataclass(frozen=True)
class Sheet:
    """The questions of an evaluation, in the order in which they are asked and reported."""

    first: list[Question]
    """Test questions, then trained ones, each in one wording: what the figures are about."""
    further: list[Question]
    """Further wordings of some of them (`of` names the fact): they count for consistency alone."""

    @property
    def all(self) -> list[Question]:
        """All of them."""
        return [*self.first, *self.further]


@dataclass(frozen=True)
class Asked:
    """One model's answers in one way, in the order of the sheet."""

    answers: list[AnswerLike]
    marked: list[Marked]
    seconds: float


def make_sheet(questions: Sequence[Question], train: Sequence[Question], trained: int, paraphrases: int) -> Sheet:
    """`questions`, `trained` of the training questions, and up to `paraphrases` further wordings of each of both."""
    first = [*questions, *select_trained(train, trained)]
    further = [
        replace(question, question=wording, paraphrases=(), of=fact_of(question)[1])
        for question in first
        for wording in question.paraphrases[:paraphrases]
    ]
    return Sheet([replace(question, paraphrases=()) for question in first], further)


def select_trained(train: Sequence[Question], n: int) -> list[Question]:
    """`n` trained facts, evenly spread over the file, as questions of level `trained`.

    Each is asked in one of its trained wordings, the first for the first fact, the second for the next, and so on; the
    others follow as `paraphrases`. Unanswerable questions are left out, and so are those without a key where others
    have one: they can't be judged.
    """
    facts = {fact_of(question): question for question in reversed(train) if question.level != "NA"}
    candidates = list(reversed(facts.values()))
    candidates = [question for question in candidates if question.key] or candidates
    n = min(n, len(candidates))
    chosen = []
    for i, question in enumerate(candidates[i * len(candidates) // n] for i in range(n)):
        wordings = list(question.wordings())
        asked = wordings.pop(i % len(wordings))
        chosen.append(replace(question, question=asked, paraphrases=tuple(wordings), level="trained"))
    return chosen


def ask_all(model: Answerer, sheet: Sheet, mode: Mode, tips: bool, bar: Progress, done: int, words: str) -> Asked:
    """Ask one model every question of the sheet, and mark the answers. `bar` stands at `done` before."""
    questions = sheet.all
    answers: list[AnswerLike] = []
    start = time.perf_counter()
    for at in range(0, len(questions), ASK_AT_ONCE):
        bar.update(done + at, words)
        answers += model.ask([question.question for question in questions[at : at + ASK_AT_ONCE]], mode, tips)
    seconds = time.perf_counter() - start
    marked = [
        mark(
            question,
            answer.answer,
            answer.citations if mode == "open" else None,
            truncated=answer.truncated,
            broken=answer.broken,
            confidence=answer.confidence,
            extra=place >= len(sheet.first),
        )
        for place, (question, answer) in enumerate(zip(questions, answers, strict=True))
    ]
    return Asked(answers, marked, seconds)
