"""Books cut into what fits a prompt: pieces of chapters, and excerpts gathered around names."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from shuoshu.books.chapter import Chapter
from shuoshu.questions.facts import bigrams
from shuoshu.questions.question import Question

PIECE = 1200
"""Characters of a piece, about: paragraphs are kept whole while they are shorter."""
EXCERPTS = 3000
"""Characters of the excerpts around a name, in all."""


@dataclass(frozen=True)
class Piece:
    """A stretch of one chapter."""

    book: str
    chapter: int
    text: str

    def place(self) -> str:
        """How a prompt names the chapter: `第3回`; nothing for a text without chapters."""
        return f"第{self.chapter}回" if self.chapter else ""


def cut_pieces(chapters: list[Chapter]) -> list[Piece]:
    """Pieces of about PIECE characters; the pieces of a chapter joined are its text without the heading."""
    pieces = []
    for chapter in chapters:
        text = chapter.text.removeprefix(chapter.title).lstrip("\n")
        held = ""
        for paragraph in text.splitlines(keepends=True):
            for start in range(0, len(paragraph), PIECE):
                part = paragraph[start : start + PIECE]
                if held and len(held) + len(part) > PIECE:
                    pieces.append(Piece(chapter.book, chapter.number, held))
                    held = ""
                held += part
        if held.strip():
            pieces.append(Piece(chapter.book, chapter.number, held))
    return pieces


def excerpts(pieces: list[Piece], names: Iterable[str]) -> str:
    """The paragraphs that hold all the names, each with its chapter, spread evenly over the book, EXCERPTS long."""
    wanted = list(names)
    found = [
        f"（{piece.place()}）{paragraph}"
        for piece in pieces
        for paragraph in piece.text.splitlines()
        if all(name in paragraph for name in wanted)
    ]
    total = sum(map(len, found))
    if total > EXCERPTS:
        keep, size = [], 0.0
        for paragraph in found:  # takes a paragraph whenever the share taken falls behind the share allowed
            size += len(paragraph) * EXCERPTS / total
            if size >= sum(map(len, keep)) + len(paragraph) / 2:
                keep.append(paragraph)
        found = keep
    return "\n".join(found)[: 2 * EXCERPTS]


def companions(pieces: list[Piece], names: list[str], most: int) -> list[tuple[str, str]]:
    """The pairs of names that meet in most paragraphs."""
    counts: Counter[tuple[str, str]] = Counter()
    for piece in pieces:
        for paragraph in piece.text.splitlines():
            present = [name for name in names if name in paragraph]
            # 司马 within 司马懿 is no meeting.
            counts.update((a, b) for a, b in combinations(present, 2) if a not in b and b not in a)
    return [pair for pair, count in counts.most_common(most) if count > 1]


def best_pieces(pieces: list[Piece], question: str, most: int = 2) -> list[Piece]:
    """The pieces that share most rare bigrams with a question, for a model that is to answer it."""
    asked = bigrams(question)
    spread = Counter(gram for piece in pieces for gram in asked if gram in piece.text)
    return sorted(
        pieces, key=lambda piece: -sum(1 / spread[gram] for gram in asked if spread[gram] and gram in piece.text)
    )[:most]


def surroundings(pieces: list[Piece], question: Question, around: int = 150) -> str:
    """The evidence of a question with the text before and after it."""
    for piece in pieces:
        if piece.book == question.book and (at := piece.text.find(question.evidence)) >= 0:
            return piece.text[max(0, at - around) : at + len(question.evidence) + around]
    return question.evidence
