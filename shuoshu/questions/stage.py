"""The stage `questions` of a run: the given files, split by fact into train, valid and test."""

import random
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from shuoshu.questions.check import check_leak
from shuoshu.questions.facts import facts
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.recipe import DEMO, QuestionsOptions
from shuoshu.terminal import say


def prepare_questions(out: Path, options: QuestionsOptions) -> dict[str, Any]:
    """Write `train.jsonl`, `valid.jsonl` and `test.jsonl` into `out`; returns how many questions and facts each holds.

    The same files, options and seed give the same split. All wordings of a fact go to one side. Without training files
    all three are written, and hold nothing but the test files' questions. Raises UserError for a file that is missing
    or not a question file.
    """
    given = [question for name in options.train for question in read_named(name, "train")]
    test = [question for name in options.test for question in read_named(name, "test")]
    groups = facts(given)
    random.Random(options.seed).shuffle(groups)
    shares = [("valid", options.valid_share), ("test", 0.0 if options.test else options.test_share)]
    parts: dict[str, list[list[int]]] = {}
    taken = 0
    for name, share in shares:
        count = round(share * len(groups))
        parts[name] = groups[taken : taken + count]
        taken += count
    parts["train"] = groups[taken:]
    sets = {name: [given[i] for i in sorted(i for group in part for i in group)] for name, part in parts.items()}
    sets["test"] += test
    figures: dict[str, Any] = {}
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


def read_named(name: str, part: str) -> list[Question]:
    """The questions of a file, or of part `train` or `test` of the bundled ones where `name` is the word `demo`."""
    if name == DEMO:
        with as_file(files("shuoshu.demo") / f"questions.{part}.jsonl") as path:
            return read_questions(path)
    return read_questions(Path(name))
