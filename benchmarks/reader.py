"""The reader's weights: fitted, and measured, on runs that set questions aside (`questions.valid_share`).

    python benchmarks/reader.py RUN... [--untold FILE.jsonl] [--words N] [--sure RUN...] [--fit-windows]
                               [--only SIGN...] [--write]

For every run the reader gathers its signs for the valid questions (with unanswerable ones made by rule) and for the
test questions; `--words` takes so many trained questions as well, for which nothing but words is looked at (the bank
is empty, so nothing is given away). The weights of words are fitted on all of that but the tests, with those of
windows as they come along (`--fit-windows` fits these first; `--only` fits these signs of words and
nothing else); the confidence on the valid questions of each run (or
of those behind `--sure`), as weights answer them that were fitted without that run. The table tells for every run and
level: how often the plain quotation is right, the best window, the words pointed at, how often it answers, and how
often that is right; and `folds` what the trained questions of a run come to in five-fold cross-validation. `--write`
puts what was fitted where it comes along.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.ask import Storyteller
from shuoshu.answer.bank import QuestionBank
from shuoshu.answer.choice import Case, Choice, fit_ranking, fit_sure
from shuoshu.answer.fit import ANSWERED, SEED
from shuoshu.answer.likeness import learn_likeness
from shuoshu.answer.quote import best_quote
from shuoshu.answer.read import Evidence, Looked, Read, Reader
from shuoshu.answer.tips import apply_tips
from shuoshu.answer.words import POINT_SIGNS, Region, Word
from shuoshu.books.chapter import read_chapters
from shuoshu.evaluate.metrics import is_right
from shuoshu.files import write_json
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question
from shuoshu.questions.untold import untold_questions

FOLDS = 5
WRITTEN = Path(__file__).parents[1] / "shuoshu" / "answer" / "choice.json"


@dataclass(frozen=True)
class Seen:
    """A question, and what its reader saw for it."""

    question: Question
    reader: Reader
    evidence: Evidence
    looked: Looked
    quoted: bool
    """Whether the plain quotation is right."""
    right_windows: NDArray[np.bool_]
    """(windows,): which of them hold the answer; none for an unanswerable question."""
    right_words: NDArray[np.bool_]
    """(words,): which of them are part of a key."""

    @property
    def answerable(self) -> bool:
        return self.question.level != "NA"

    def window(self, choice: Choice) -> bool:
        """Whether the best window holds the answer."""
        return bool(self.right_windows[int((self.evidence.signs @ choice.weights).argmax())])

    def answered_by(self, choice: Choice) -> tuple[Read, bool]:
        """The answer by other weights, and whether it is right."""
        self.reader.choice = choice
        read = self.reader.decide(self.evidence, self.looked)
        return read, self.answerable and is_right(read.quote.text, self.question)

    def case(self, choice: Choice) -> Case:
        read, right = self.answered_by(choice)
        return Case(sure=read.sure, right=right, answerable=self.answerable)


def _is_key(word: Word, regions: list[Region], question: Question) -> bool:
    """Whether a word is part of a key of the question."""
    text = regions[word.region].text
    return any(
        text.startswith(key, start)
        for key in question.key
        for start in range(max(0, word.start - len(key) + 1), word.end)
    )


def gather(reader: Reader, questions: list[Question]) -> Iterator[Seen]:
    """What the reader sees for each question that shares a word with the books."""
    for question in questions:
        wording = apply_tips(question.question, reader.index.books, reader.index.lexicon)
        evidence = reader.gather(wording)
        if not evidence.quotes:
            continue
        quote = best_quote(apply_tips(question.question, reader.index.books), reader.index)
        looked = reader.look(wording, evidence)
        answerable = question.level != "NA"
        yield Seen(
            question=question,
            reader=reader,
            evidence=evidence,
            looked=looked,
            quoted=answerable and quote is not None and is_right(quote.text, question),
            right_windows=np.array([answerable and is_right(each.text, question) for each in evidence.quotes]),
            right_words=np.array([answerable and _is_key(word, looked.regions, question) for word in looked.words]),
        )


def look(path: Path, choice: Choice, untold: list[Question], words: int) -> dict[str, list[Seen]]:
    """The valid, test and word cases of a run."""
    storyteller = Storyteller(path)
    run, index = storyteller.run, storyteller.index
    train, valid, test = (read_questions(run.questions(part)) for part in ("train", "valid", "test"))
    made = untold_questions([*valid, *train], read_chapters(run.chapters), max(80, len(valid) // 2), SEED)
    own = [question for question in untold if question.book in index.books]
    bare = Reader(index, choice, QuestionBank([], learn_likeness([], index.books)))
    reader = storyteller.reader
    reader.choice = choice
    told = [question for question in train if question.level != "NA"]
    return {
        "valid": list(gather(reader, [*valid, *made])),
        "test": list(gather(reader, [*test, *own])),
        "words": list(gather(bare, random.Random(0).sample(told, min(words, len(told))))),
    }


def fit_windows(seen: list[Seen]) -> Choice:
    """The choice that comes along with its weights of windows fitted. By these, the runs are to be looked at anew."""
    weights = fit_ranking([(each.evidence.signs, each.right_windows) for each in seen])
    return replace(Choice.default(), weights=weights)


def fit_point(seen: list[Seen], choice: Choice, only: Sequence[str] = ()) -> Choice:
    """The choice with its weights of words fitted, or `only` some of them."""
    given = np.where([name in (only or POINT_SIGNS) for name in POINT_SIGNS], np.nan, choice.point)
    cases = [(each.looked.signs, each.right_words) for each in seen]
    return replace(choice, point=fit_ranking(cases, decay=0.005, given=given))


def table(name: str, seen: list[Seen], choice: Choice) -> None:
    """One line a level."""
    levels: dict[str, list[tuple[bool, ...]]] = {}
    for each in seen:
        read, right = each.answered_by(choice)
        window = each.window(choice)
        levels.setdefault(each.question.level or "-", []).append((each.quoted, window, right, read.told))
    for level, verdicts in sorted(levels.items()):
        quoted, window, pointed, told = np.array(verdicts).T
        print(
            f"{name:24}{level:>8}{len(verdicts):6}  quote {quoted.mean():.3f}  window {window.mean():.3f}  "
            f"pointed {pointed.mean():.3f}  answered {told.mean():.3f}  right {(pointed & told).mean():.3f}",
            flush=True,
        )


def fold(name: str, words: list[Seen], others: list[Seen], choice: Choice, only: Sequence[str]) -> None:
    """Trained questions of a run by weights fitted without a fifth of them, each fifth in turn."""
    part = np.random.default_rng(0).integers(FOLDS, size=len(words))
    right = []
    for number in range(FOLDS):
        fitted = fit_point(
            [each for each, own in zip(words, part, strict=True) if own != number] + others, choice, only
        )
        left_out = [each for each, own in zip(words, part, strict=True) if own == number]
        right += [each.answered_by(fitted)[1] for each in left_out]
    window = [each.window(choice) for each in words]
    print(f"{name:24}   folds{len(words):6}  window {np.mean(window):.3f}  pointed {np.mean(right):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--untold", type=Path, help="unanswerable test questions on the same books")
    parser.add_argument("--words", type=int, default=0)
    parser.add_argument("--sure", nargs="+", type=Path, default=[], metavar="RUN")
    parser.add_argument("--fit-windows", action="store_true")
    parser.add_argument("--only", nargs="+", choices=POINT_SIGNS, default=(), metavar="SIGN")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    untold = read_questions(options.untold) if options.untold else []
    shipped = choice = Choice.default()
    runs = {path.name: look(path, choice, untold, options.words) for path in options.runs}
    if options.fit_windows:
        choice = fit_windows([each for seen in runs.values() for part in ("valid", "words") for each in seen[part]])
        runs = {path.name: look(path, choice, untold, options.words) for path in options.runs}
    everything = [each for seen in runs.values() for part in ("valid", "words") for each in seen[part]]
    sure = [path.name for path in options.sure or options.runs]
    cases = []
    for name, seen in runs.items():
        others = [each for other, own in runs.items() if other != name for p in ("valid", "words") for each in own[p]]
        if name in sure and not options.only:
            apart = fit_point(others + seen["words"], choice, options.only)
            cases += [each.case(apart) for each in seen["valid"]]
        if seen["words"]:
            fold(name, seen["words"], others, choice, options.only)
    fitted = fit_point(everything, choice, options.only)
    if not options.only:
        fitted = fit_sure(cases, ANSWERED, fitted)
    for label, each in {"as shipped": shipped, "fitted": fitted}.items():
        print(label)
        for name, seen in runs.items():
            table(f"{name} test", seen["test"], each)
    if options.write:
        write_json(WRITTEN, fitted.record())
    print(json.dumps(fitted.record()))


if __name__ == "__main__":
    main()
