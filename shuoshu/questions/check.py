"""The leak guard: no test fact may be asked or answered in training.

    shuoshu questions check train.jsonl test.jsonl

On standard sets 30 % of the test questions have a paraphrase in training, and a model's score on the rest is a fraction
of its score on those (Lewis et al. 2021, arXiv 2008.02637).
"""

from dataclasses import dataclass

from shuoshu.questions.facts import SAME_PLACE, links
from shuoshu.questions.question import Question

DECLARED_LEVELS = ("L1", "near")
"""Levels that ask a trained fact in other words on purpose, and say by `of` which one."""
WORDING = ("same wording", "near wording")


@dataclass(frozen=True)
class Leak:
    """A test question whose fact stands in training."""

    train: Question
    test: Question
    reason: str
    """same or near wording, same record, same evidence, same answer, or same key and things."""
    declared: bool
    """The test file says so itself (level L1 or near, `of` naming a trained fact) and the wording is another one."""

    def __str__(self) -> str:
        mark = "declared" if self.declared else "leak"
        names = f"{self.test.id or '?'} ~ {self.train.id or '?'}"
        return f"{mark} ({self.reason}) {names}: {self.test.question} | {self.train.question}"


def check_leak(train: list[Question], test: list[Question]) -> list[Leak]:
    """The pairs of a trained and a test record that ask for the same fact, in the order of the test file."""
    trained = {question.id for question in train if question.id}
    leaks = []
    for link in links([*train, *test], across=len(train)):
        if link.reason == SAME_PLACE:
            continue
        left, right = train[link.left], test[link.right - len(train)]
        meant = right.level in DECLARED_LEVELS and right.of in trained and link.reason not in WORDING
        leaks.append((link.right, Leak(left, right, link.reason, meant)))
    return [leak for _, leak in sorted(leaks, key=lambda found: found[0])]
