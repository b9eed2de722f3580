"""A question with its answer: the unit of every question file."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """One fact asked for, in one or more wordings, with the answer and the place in the book that shows it.

    The fields stand in the order in which they are written.
    """

    id: str = ""
    """Name of the record within its file."""
    book: str = ""
    """Title of the book without 《》, as in `Chapter.book`; empty where it is not known."""
    chapter: int | None = None
    """Number of the chapter that holds the evidence, as in `Chapter.number`; 0 or None where there is none."""
    type: str = ""
    """人物, 情节, 关系, 其他, or how a rule made it: 填空, 说话人."""
    question: str
    """The question, in the wording shown first."""
    answer: str
    """The answer, a whole sentence as a rule."""
    key: tuple[str, ...] = ()
    """The short canonical answer first, then its aliases: an answer holding one of them is right."""
    evidence: str = ""
    """The exact piece of the chapter that shows the answer."""
    paraphrases: tuple[str, ...] = ()
    """Other wordings of the question."""
    level: str = ""
    """`NA` for a question the book does not answer; in test files also L1, L3 and others (see docs/questions.md)."""
    of: str = ""
    """Id of the record that asks for the same fact, where this one only words it anew."""

    def wordings(self) -> tuple[str, ...]:
        """Every wording of the question, the first one first."""
        return (self.question, *self.paraphrases)

    def to_record(self) -> dict[str, Any]:
        """The record as it stands in a question file: what is empty is left out."""
        record: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value not in ("", (), None):
                record[field.name] = list(value) if isinstance(value, tuple) else value
        return record
