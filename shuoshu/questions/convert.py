"""Question files in, our JSON Lines out; and out again to the formats other tools train on.

shuoshu questions import mine.csv theirs.json --out questions.jsonl
shuoshu questions export questions.jsonl --to sharegpt --out sharegpt.jsonl
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from shuoshu.errors import UserError
from shuoshu.files import write_jsonl
from shuoshu.questions.facts import normal
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.terminal import say

Format = Literal["alpaca", "sharegpt", "openai"]


def import_questions(files: list[Path], out: Path) -> dict[str, Any]:
    """Read question files of any known format, merge what stands twice, write JSON Lines to `out`.

    Returns `read`, `written`, `duplicates` (same question, same answer: merged) and `conflicts` (same question,
    another answer: kept, since only a person can tell which is right). Raises UserError as `read_questions`.
    """
    if not files:
        raise UserError("questions import needs at least one file: shuoshu questions import FILE... --out OUT.jsonl")
    questions = [question for file in files for question in read_questions(file)]
    merged = merge_duplicates(questions)
    asked = {normal(question.question) for question in merged}
    figures = {
        "read": len(questions),
        "written": write_questions(out, merged),
        "duplicates": len(questions) - len(merged),
        "conflicts": len(merged) - len(asked),
    }
    say(
        f"{figures['written']:,} questions in {out}; {figures['duplicates']:,} stood twice, "
        f"{figures['conflicts']:,} are answered in two ways."
    )
    return figures


def merge_duplicates(questions: list[Question]) -> list[Question]:
    """Make one record of those with the same book, question and answer, with the wordings and keys of all."""
    merged: dict[tuple[str, str, str], Question] = {}
    for question in questions:
        name = (question.book, normal(question.question) or question.question, normal(question.answer))
        if (first := merged.get(name)) is None:
            merged[name] = question
            continue
        wordings = dict.fromkeys((*first.paraphrases, *question.wordings()))
        wordings.pop(first.question, None)
        merged[name] = replace(
            first, paraphrases=tuple(wordings), key=tuple(dict.fromkeys((*first.key, *question.key)))
        )
    return list(merged.values())


def export_questions(file: Path, out: Path, to: Format = "alpaca") -> dict[str, Any]:
    """Write every wording of a question file as one example of another tool's format; returns their number."""
    examples = [
        _EXPORTS[to](wording, question.answer) for question in read_questions(file) for wording in question.wordings()
    ]
    written = write_jsonl(out, examples)
    say(f"{written:,} examples in {out}")
    return {"written": written}


def _alpaca(question: str, answer: str) -> dict[str, Any]:
    return {"instruction": question, "input": "", "output": answer}


def _sharegpt(question: str, answer: str) -> dict[str, Any]:
    return {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]}


def _openai(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


_EXPORTS = {"alpaca": _alpaca, "sharegpt": _sharegpt, "openai": _openai}
