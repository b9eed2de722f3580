"""The question bank: trained questions as signposts to the places in the books that answer them.

A person asks in other words than the book (饮 for 喝, 凶器 for 银钩); somebody may have asked so before. Each trained
question leads to its evidence, so a new question that resembles one of its wordings finds the place that shares no word
with it (question-to-question search: RePAQ, Lewis et al., arXiv:2102.07033; here it only proposes, reading decides).
"""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from shuoshu.answer.index import Index
from shuoshu.answer.likeness import Likeness, learn_likeness, statement
from shuoshu.folder import RunFolder
from shuoshu.questions.formats import questions_of
from shuoshu.questions.question import Question

LIKENESS = "likeness"
"""Folder of the learned likeness, in that of the index."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A trained question that resembles the one asked."""

    question: Question
    likeness: float
    """Of the most similar wording, 0 to 1 (`likeness.Likeness`)."""


class QuestionBank:
    """Trained questions, found by likeness. Safe to share between threads."""

    def __init__(self, questions: Sequence[Question], likeness: Likeness) -> None:
        self._likeness = likeness
        self.questions = [question for question in questions if question.level != "NA"]
        said = [(i, text) for i, each in enumerate(self.questions) for text in (*each.wordings(), statement(each))]
        self._owner = np.array([i for i, _ in said], dtype=np.int64)
        # Multiplied by torch: numpy's own threads would spin on after a product, and starve those of the model, which
        # is asked next (12 ms in place of 38, two cores).
        self._vectors = torch.from_numpy(likeness.vectors([text for _, text in said]))

    @classmethod
    def open(cls, run: RunFolder, books: Collection[str]) -> "QuestionBank":
        """The bank of a run: its trained questions, and the likeness it learned from them (now, where it has none)."""
        questions, folder = questions_of(run, "train"), run.index / LIKENESS
        return cls(questions, Likeness.open(folder, books) if folder.is_dir() else learn_likeness(questions, books))

    def nearest(self, question: str, most: int) -> list[Known]:
        """At most `most` trained questions, the most similar first; none that is not alike at all."""
        best: NDArray[np.float32] = np.zeros(len(self.questions), dtype=np.float32)
        asked = torch.from_numpy(self._likeness.vectors([question])[0])
        np.maximum.at(best, self._owner, (self._vectors @ asked).numpy())
        order = np.argsort(-best, kind="stable")[:most]
        return [Known(question=self.questions[i], likeness=float(best[i])) for i in order if best[i] > 0]


def find_evidence(question: Question, index: Index) -> tuple[str, int, int, int] | None:
    """(book, chapter, start, end) of a question's evidence in the indexed books; None where it does not stand there."""
    if not question.evidence:
        return None
    for book in [question.book] if question.book in index.books else index.books:
        chapters = [question.chapter] if question.chapter else index.chapters(book)
        for chapter in chapters:
            text, offset = index.text(book, chapter, 0, sys.maxsize)
            place = text.find(question.evidence)
            if place >= 0:
                return book, chapter, offset + place, offset + place + len(question.evidence)
    return None
