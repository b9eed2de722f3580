"""The stage `evaluate`: ask every model every question, mark the answers, write scores, answers and a report."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from shuoshu.errors import UserError
from shuoshu.evaluate.baselines import baselines
from shuoshu.evaluate.embedding import Embedder
from shuoshu.evaluate.metrics import CitationLike
from shuoshu.evaluate.report import render_report
from shuoshu.evaluate.scores import Marked, fact_of, headline, mark, score
from shuoshu.files import write_json, write_jsonl, write_text
from shuoshu.questions.question import Question
from shuoshu.recipe import EvaluateOptions
from shuoshu.terminal import Progress, progress, say

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


class Answerer(Protocol):
    """What can be evaluated: anything that answers questions. `answer.ask.Storyteller` is one."""

    def ask(self, questions: Sequence[str], mode: Mode, tips: bool) -> Sequence[AnswerLike]:
        """Answer each question, in order."""
        ...

    def bits_per_char(self) -> float | None:
        """Bits per character on the held-out chapters; None where it was not measured."""
        ...


@dataclass(frozen=True)
class _Asked:
    """One model's answers in one mode, in the order of the questions."""

    answers: list[AnswerLike]
    marked: list[Marked]
    seconds: float


def evaluate(
    models: Mapping[str, Answerer],
    questions: Sequence[Question],
    out: Path,
    options: EvaluateOptions,
    train: Sequence[Question] | None = None,
    tips: bool = True,
) -> dict[str, Any]:
    """Ask every model every question in each mode and write `answers.jsonl`, `scores.json` and `report.html` to `out`.

    With `train`, `options.trained` of these questions are asked as well, as level `trained`, and the nearest-question
    baseline is worked out. Returns {"scores": {model: {mode: figures}}} (`scores.score` tells the figures).
    Raises UserError when there is nothing to ask.
    """
    if not questions:
        raise UserError("There are no questions to evaluate on; give a file with --questions.")
    if not options.modes:
        raise UserError("evaluate.modes is empty; name open, closed or both.")
    asked_questions = [*questions, *select_trained(train or [], options.trained)]
    asked: dict[str, dict[str, _Asked]] = {}
    with progress("evaluate", len(models) * len(options.modes) * len(asked_questions)) as bar:
        for name, model in models.items():
            asked[name] = {}
            for mode in dict.fromkeys(options.modes):
                done = sum(len(a.answers) for modes in asked.values() for a in modes.values())
                asked[name][mode] = _ask(model, asked_questions, mode, tips, bar, done, f"{name} {mode}")

    base: dict[str, dict[str, float | None]] = {}
    embedder = Embedder(options.embedding_model)
    scores: dict[str, dict[str, Any]] = {name: {} for name in models}
    for name, modes in asked.items():
        bits = models[name].bits_per_char()
        for mode, result in modes.items():
            chosen = headline(result.marked)
            base = base or baselines([m.question for m in chosen], train)  # the same for every model
            similarity = embedder.similarity([m.answer for m in chosen], [m.question.answer for m in chosen])
            scores[name][mode] = score(
                result.marked, seconds=result.seconds, similarity=similarity, bits_per_char=bits, baselines=base
            )
            say(_summary(name, mode, scores[name][mode]))

    records = [_record(i, question, asked) for i, question in enumerate(asked_questions)]
    write_jsonl(out / "answers.jsonl", records)
    write_json(out / "scores.json", scores)
    write_text(out / "report.html", render_report(scores, records))
    return {"scores": scores}


def select_trained(train: Sequence[Question], n: int) -> list[Question]:
    """`n` trained facts, evenly spread over the file, as questions of level `trained`.

    Each is asked in one of its trained wordings, the first for the first fact, the second for the next, and so on.
    Unanswerable questions are left out, and so are those without a key where others have one: they can't be judged.
    """
    facts = {fact_of(question): question for question in reversed(train) if question.level != "NA"}
    candidates = list(reversed(facts.values()))
    candidates = [question for question in candidates if question.key] or candidates
    n = min(n, len(candidates))
    chosen = [candidates[i * len(candidates) // n] for i in range(n)]
    return [
        replace(question, question=question.wordings()[i % len(question.wordings())], paraphrases=(), level="trained")
        for i, question in enumerate(chosen)
    ]


def _ask(
    model: Answerer, questions: Sequence[Question], mode: Mode, tips: bool, bar: Progress, done: int, words: str
) -> _Asked:
    answers: list[AnswerLike] = []
    start = time.perf_counter()
    for first in range(0, len(questions), ASK_AT_ONCE):
        bar.update(done + first, words)
        answers += model.ask([question.question for question in questions[first : first + ASK_AT_ONCE]], mode, tips)
    seconds = time.perf_counter() - start
    marked = [
        mark(
            question,
            answer.answer,
            answer.citations if mode == "open" else None,
            truncated=answer.truncated,
            broken=answer.broken,
        )
        for question, answer in zip(questions, answers, strict=True)
    ]
    return _Asked(answers, marked, seconds)


def _record(index: int, question: Question, asked: dict[str, dict[str, _Asked]]) -> dict[str, Any]:
    """The line of `answers.jsonl` for one question."""
    return {
        "id": question.id,
        "book": question.book,
        "chapter": question.chapter,
        "level": question.level,
        "question": question.question,
        "reference": question.answer,
        "key": list(question.key),
        "evidence": question.evidence,
        "answers": {
            name: {mode: _answer_record(a.answers[index], a.marked[index]) for mode, a in modes.items()}
            for name, modes in asked.items()
        },
    }


def _answer_record(answer: AnswerLike, marked: Marked) -> dict[str, Any]:
    names = ("book", "chapter", "title", "start", "end", "quote")
    return {
        "answer": answer.answer,
        "right": marked.right,
        "rouge_l": round(marked.rouge_l, 4),
        "rouge_l_char": round(marked.rouge_l_char, 4),
        "citations": [{name: getattr(citation, name) for name in names} for citation in answer.citations],
        "citation_right": marked.citation,
        "truncated": answer.truncated,
        "tokens": answer.tokens,
        "seconds": round(answer.seconds, 3),
    }


def _summary(name: str, mode: str, figures: dict[str, Any]) -> str:
    levels = ", ".join(f"{level} {_percent(share)}" for level, share in figures["accuracy_by_level"].items())
    return (
        f"{name} {mode}: accuracy {_percent(figures['accuracy'])} ({levels}), ROUGE-L {figures['rouge_l']:.3f}, "
        f"{figures['n']} questions, {figures['chars_per_second']:.0f} characters/s"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
