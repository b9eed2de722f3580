"""The stage `questions` of a run: the given files, split by fact into train, valid and test."""

import random
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from shuoshu.books.chapter import read_chapters
from shuoshu.questions.check import check_leak
from shuoshu.questions.facts import facts
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.recipe import DEMO, QuestionsOptions
from shuoshu.terminal import say


def prepare_questions(out: Path, options: QuestionsOptions, chapters: Path | None = None) -> dict[str, Any]:
    """Write `train.jsonl`, `valid.jsonl` and `test.jsonl` into `out`; returns how many questions and facts each holds.

    The same files, options and seed give the same split. All wordings of a fact go to one side. With `chapters`
    (chapters.jsonl), the facts of the chapters that pretraining holds out are never trained on where there is another
    side: all go to test, or to valid where test files are given; further facts fill that side up to its share. Without
    training files all three are written, and hold nothing but the test files' questions. Raises UserError for a file
    that is missing or not a question file.
    """
    given = [question for name in options.train for question in read_named(name, "train")]
    test = [question for name in options.test for question in read_named(name, "test")]
    groups = facts(given)
    random.Random(options.seed).shuffle(groups)
    shares = {"valid": options.valid_share, "test": 0.0 if options.test else options.test_share}
    aside = "test" if shares["test"] else "valid" if shares["valid"] else ""
    places = held_out_chapters(chapters) if aside and chapters is not None and chapters.is_file() else set()
    parts: dict[str, list[list[int]]] = {"train": [], "valid": [], "test": []}
    for group in groups:
        parts[aside if any((given[i].book, given[i].chapter) in places for i in group) else "train"].append(group)
    figures: dict[str, Any] = {"held_out_facts": len(parts[aside]) if aside else 0}
    for name, share in shares.items():
        more = max(0, round(share * len(groups)) - len(parts[name]))
        parts[name] += parts["train"][:more]
        del parts["train"][:more]
    sets = {name: [given[i] for i in sorted(i for group in part for i in group)] for name, part in parts.items()}
    sets["train"], further = hold_out_wordings(sets["train"], options.valid_share, options.seed)
    sets["valid"] += further
    sets["test"] += test
    for name in ("train", "valid", "test"):
        figures[name] = write_questions(out / f"{name}.jsonl", sets[name])
        figures[f"{name}_facts"] = len(parts[name])
    if test:
        figures["test_facts"] = len(facts(test))
        figures["leaks"] = sum(not leak.declared for leak in check_leak(sets["train"], test))
        if figures["leaks"]:
            say(
                f"{figures['leaks']} test questions ask for a trained fact, so the scores flatter; see them with "
                f"`shuoshu questions check {out / 'train.jsonl'} {out / 'test.jsonl'}`."
            )
    return figures


def hold_out_wordings(questions: list[Question], share: float, seed: int) -> tuple[list[Question], list[Question]]:
    """Take one wording out of a share of the questions that have three or more; returns (what is left, those wordings).

    They show how a trained fact is known in words that were not trained, as whole facts set aside cannot: level `near`,
    with `of` naming the question they belong to.
    """
    draw = random.Random(seed)
    left, taken = [], []
    for question in questions:
        if len(question.paraphrases) < 2 or draw.random() >= share:
            left.append(question)
            continue
        place = draw.randrange(len(question.paraphrases))
        kept = question.paraphrases[:place] + question.paraphrases[place + 1 :]
        left.append(replace(question, paraphrases=kept))
        name = f"{question.id}-near" if question.id else ""
        level = "NA" if question.level == "NA" else "near"
        taken.append(
            replace(
                question, id=name, question=question.paraphrases[place], paraphrases=(), level=level, of=question.id
            )
        )
    return left, taken


def held_out_chapters(chapters: Path) -> set[tuple[str, int]]:
    """(book, number) of the chapters held out whole by pretraining: every 10th of each book."""
    from shuoshu.train.data import hold_out

    learned, held = hold_out(read_chapters(chapters))
    # A short book holds out only the end of its last chapter, which is learned too.
    return {(chapter.book, chapter.number) for chapter in held} - {(one.book, one.number) for one in learned}


def read_named(name: str, part: str) -> list[Question]:
    """The questions of a file, or of part `train` or `test` of the bundled ones where `name` is the word `demo`."""
    if name == DEMO:
        with as_file(files("shuoshu.demo") / f"questions.{part}.jsonl") as path:
            return read_questions(path)
    return read_questions(Path(name))
