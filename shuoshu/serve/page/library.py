"""The chapters of a run's books, one at a time, for a reader who wants to see where an answer stands."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shuoshu.answer.index import Index
from shuoshu.answer.passages import Passage
from shuoshu.books.chapter import Chapter
from shuoshu.folder import RunFolder
from shuoshu.serve.sentences import Sentence


@dataclass(frozen=True)
class Library:
    """The books of a run. Chapters are read from the disk when they are opened; only their places are kept."""

    run: RunFolder
    index: Callable[[], Index]
    """The run's search index: its passages stand in for chapters that are not on the disk."""

    def open(self, book: str, number: int, start: int, end: int) -> dict[str, Any]:
        """A chapter as the page takes it: its text in three pieces, before, in and after the words from start to end.

        `previous` and `next` are the numbers of the chapters beside it, None at either end of the book. Raises
        UserError where there is no such chapter.
        """
        numbers = [other for title, other in self._places if title == book]
        if number not in numbers:
            words = f"{self.run.name} has no chapter {number} of {book}."
            raise Sentence("no_chapter", words, run=self.run.name, book=book, n=number)
        chapter = self._read(book, number)
        place = numbers.index(number)
        start, end = sorted((min(max(start, 0), len(chapter.text)), min(max(end, 0), len(chapter.text))))
        return {
            "book": book,
            "number": number,
            "title": chapter.title,
            "pieces": [chapter.text[:start], chapter.text[start:end], chapter.text[end:]],
            "previous": numbers[place - 1] if place else None,
            "next": numbers[place + 1] if place + 1 < len(numbers) else None,
        }

    @cached_property
    def _places(self) -> dict[tuple[str, int], int]:
        """Book and number of every chapter, in order, and where its line begins in `chapters.jsonl`, in bytes."""
        if not self.run.chapters.is_file():
            return {(passage.book, passage.chapter): 0 for passage in self.index().passages}
        places, at = {}, 0
        with self.run.chapters.open("rb") as file:
            for line in file:
                if line.strip():
                    record = json.loads(line)
                    places[record["book"], record["number"]] = at
                at += len(line)
        return places

    def _read(self, book: str, number: int) -> Chapter:
        if not self.run.chapters.is_file():
            passages = self.index().passages
            return _pieced([one for one in passages if (one.book, one.chapter) == (book, number)])
        with self.run.chapters.open("rb") as file:
            file.seek(self._places[book, number])
            return Chapter(**json.loads(file.readline()))


def _pieced(passages: list[Passage]) -> Chapter:
    """A chapter put together from its passages, every character at its own offset; between them lines end."""
    first = passages[0]
    text = ["\n"] * max(passage.end for passage in passages)
    if len(first.title) <= first.start:
        text[: len(first.title)] = first.title
    for passage in passages:
        text[passage.start : passage.end] = passage.text
    return Chapter(book=first.book, number=first.chapter, title=first.title, text="".join(text) + "\n", start=0)
