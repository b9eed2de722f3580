"""The question bank: trained questions as signposts to the places in the books that answer them.

A person asks in other words than the book (饮 for 喝, 凶器 for 银钩); somebody may have asked so before. Each trained
question leads to its evidence, so a new question that resembles one of its wordings finds the place that shares no word
with it (question-to-question search: RePAQ, Lewis et al., arXiv:2102.07033; here it only proposes, reading decides).
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.index import Index
from shuoshu.answer.terms import bare, terms
from shuoshu.questions.question import Question


@dataclass(frozen=True, kw_only=True)
class Known:
    """A trained question that resembles the one asked."""

    question: Question
    likeness: float
    """Of the most similar wording: Dice coefficient of the terms, weighed by their rarity, 0 to 1."""


class QuestionBank:
    """Trained questions, found by likeness. Safe to share between threads."""

    def __init__(self, questions: Sequence[Question], books: Sequence[str]) -> None:
        self.books = list(books)
        self.questions = [question for question in questions if question.level != "NA"]
        wordings = [(i, wording) for i, question in enumerate(self.questions) for wording in question.wordings()]
        self._owner = np.array([i for i, _ in wordings], dtype=np.int64)
        counted = [self._terms(wording) for _, wording in wordings]
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, counts in enumerate(counted):
            for term, count in counts.items():
                found[term].append((row, count))
        self._places = {term: np.array(rows, dtype=np.int64) for term, rows in found.items()}
        self._rarity = {
            term: math.log1p((len(counted) - len(rows) + 0.5) / (len(rows) + 0.5)) for term, rows in found.items()
        }
        self._weight = np.array([self._weigh(counts) for counts in counted])

    def nearest(self, question: str, most: int) -> list[Known]:
        """At most `most` trained questions with a term in common, the most similar first."""
        if not self.questions:
            return []
        counts = self._terms(question)
        shared = np.zeros(len(self._owner))
        for term, count in counts.items():
            if term in self._places:
                rows, times = self._places[term].T
                shared[rows] += np.minimum(times, count) * self._rarity[term]
        likeness = 2 * shared / (self._weight + self._weigh(counts) + 1e-9)
        best: NDArray[np.float64] = np.zeros(len(self.questions))
        np.maximum.at(best, self._owner, likeness)
        order = np.argsort(-best, kind="stable")[:most]
        return [Known(question=self.questions[i], likeness=float(best[i])) for i in order if best[i] > 0]

    def _terms(self, wording: str) -> Counter[str]:
        return Counter(term for kind in terms(bare(wording, self.books)).values() for term in kind)

    def _weigh(self, counts: Counter[str]) -> float:
        """Summed rarity; a term no wording has is as rare as can be."""
        unknown = math.log1p(2 * len(self._owner) + 1)
        return sum(count * self._rarity.get(term, unknown) for term, count in counts.items())


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
