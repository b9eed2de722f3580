"""The reader's weights: fitted, and measured, on runs that set questions aside (`questions.valid_share`).

    python benchmarks/reader.py RUN... [--untold FILE.jsonl] [--words N]

For every run the reader gathers its signs for the valid questions (with unanswerable ones made by rule) and for the
test questions; `--words` takes so many trained questions as well, for which nothing but words is looked at (the bank is
empty, so nothing is given away). Weights are fitted on all of that but the tests, confidence on the valid questions,
and the table tells for every run and level: how often a right window is picked, how often it is answered, how often
both, beside the plain quotation. The last line is one JSON object with the weights, as `answer/choice.py` has them.
"""

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shuoshu.answer.ask import Storyteller
from shuoshu.answer.bank import QuestionBank
from shuoshu.answer.choice import SURE, Case, Choice, fit_choice, fit_weights
from shuoshu.answer.fit import ANSWERED, SEED
from shuoshu.answer.likeness import learn_likeness
from shuoshu.answer.quote import best_quote
from shuoshu.answer.read import Reader
from shuoshu.answer.signs import SIGNS
from shuoshu.answer.tips import apply_tips
from shuoshu.books.chapter import read_chapters
from shuoshu.evaluate.metrics import is_right
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question
from shuoshu.questions.untold import untold_questions


@dataclass(frozen=True)
class Seen:
    """A question, what the reader saw for it, and whether the plain quotation would be right."""

    question: Question
    case: Case
    quoted: bool


def gather(reader: Reader, questions: list[Question]) -> list[Seen]:
    """What the reader sees for each question that shares a word with the books."""
    seen = []
    for question in questions:
        wording = apply_tips(question.question, reader.index.books, reader.index.lexicon)
        evidence = reader.gather(wording)
        if not evidence.quotes:
            continue
        answerable = question.level != "NA"
        right = np.array([answerable and is_right(quote.text, question) for quote in evidence.quotes])
        quote = best_quote(apply_tips(question.question, reader.index.books), reader.index)
        quoted = answerable and quote is not None and is_right(quote.text, question)
        seen.append(
            Seen(question, Case(signs=evidence.signs, right=right, doubt=evidence.doubt, answerable=answerable), quoted)
        )
    return seen


def look(path: Path, untold: list[Question], words: int) -> dict[str, list[Seen]]:
    """The valid, test and word cases of a run."""
    storyteller = Storyteller(path)
    run, index = storyteller.run, storyteller.index
    train, valid, test = (read_questions(run.questions(part)) for part in ("train", "valid", "test"))
    made = untold_questions([*valid, *train], read_chapters(run.chapters), max(80, len(valid) // 2), SEED)
    own = [question for question in untold if question.book in index.books]
    bare = Reader(index, Choice.default(), QuestionBank([], learn_likeness([], index.books)))
    sample = random.Random(0).sample(train, min(words, len(train)))
    return {
        "valid": gather(storyteller.reader, [*valid, *made]),
        "test": gather(storyteller.reader, [*test, *own]),
        "words": gather(bare, sample),
    }


def table(name: str, seen: list[Seen], choice: Choice) -> None:
    """One line a level."""
    levels: dict[str, list[tuple[bool, bool, bool]]] = {}
    for each in seen:
        best, confidence = choice.judge(each.case.signs, each.case.doubt)
        verdict = (bool(each.case.right[best]), confidence >= choice.threshold, each.quoted)
        levels.setdefault(each.question.level or "-", []).append(verdict)
    for level, verdicts in sorted(levels.items()):
        picked, told, quoted = np.array(verdicts).T
        print(
            f"{name:24}{level:>8}{len(verdicts):6}  quote {quoted.mean():.3f}  picked {picked.mean():.3f}  "
            f"answered {told.mean():.3f}  right {(picked & told).mean():.3f}"
        )


def figures(choice: Choice) -> dict[str, Any]:
    """The weights and the threshold, as they are written in the code."""
    return {
        "weights": {name: round(float(value), 2) for name, value in zip(SIGNS, choice.weights, strict=True)},
        "sure": {name: round(float(value), 2) for name, value in zip(SURE, choice.sure, strict=True)},
        "threshold": round(choice.threshold, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--untold", type=Path, help="unanswerable test questions on the same books")
    parser.add_argument("--words", type=int, default=0)
    options = parser.parse_args()
    untold = read_questions(options.untold) if options.untold else []
    runs = {path.name: look(path, untold, options.words) for path in options.runs}
    cases = [each.case for seen in runs.values() for part in ("valid", "words") for each in seen[part]]
    weights = fit_weights(cases)
    valid = [each.case for seen in runs.values() for each in seen["valid"]]
    shared, kept = fit_choice(valid, ANSWERED, weights), fit_choice(valid, ANSWERED)
    choices = {"as shipped": Choice.default(), "weights kept, confidence fitted": kept, "both fitted": shared}
    for label, choice in choices.items():
        print(label)
        for name, seen in runs.items():
            for part in ("valid", "test"):
                table(f"{name} {part}", seen[part], choice)
    print(json.dumps({label: figures(choice) for label, choice in choices.items()}))


if __name__ == "__main__":
    main()
