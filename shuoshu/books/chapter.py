"""A chapter: the unit that books become and every later stage takes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from shuoshu.errors import UserError
from shuoshu.files import read_jsonl, write_jsonl


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One chapter of one book, clean.

    The texts of a book's chapters, joined in order, are the book's clean text; `start` is where this one begins in it.
    """

    book: str
    """Title of the book, without 《》."""
    number: int
    """Place in the book, from 1; a foreword before the first heading is 0."""
    title: str
    """The heading as it stands in the text; empty where there is none."""
    text: str
    """Clean text, one paragraph a line, the heading (where there is one) as first line, ending in a line feed."""
    start: int
    """Offset of `text` in the clean text of the book, in characters."""


def write_chapters(path: Path, chapters: Iterable[Chapter]) -> None:
    """Write `chapters.jsonl`, one chapter a line."""
    write_jsonl(path, (asdict(chapter) for chapter in chapters))


def read_chapters(path: Path) -> list[Chapter]:
    """Read `chapters.jsonl`. Raises UserError naming the line that is not a chapter."""
    if not path.is_file():
        raise UserError(f"{path} is not there; make it with `shuoshu books PATH... --out {path.parent}`.")
    chapters = []
    for line, record in read_jsonl(path):
        try:
            chapters.append(Chapter(**record))
        except TypeError as error:
            raise UserError(
                f"{path}, line {line}: not a chapter of this version; run `shuoshu books` again."
            ) from error
    return chapters
