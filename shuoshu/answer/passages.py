"""Chapters cut into passages to search, and passages into windows to quote: offsets are exact, always.

`chapter.text[passage.start:passage.end] == passage.text`, so that a citation can be checked in the book itself.
Passages overlap by about half for an answer that stands at the edge of one
stands in the middle of the next.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from shuoshu.books.chapter import Chapter

Span = tuple[int, int]
"""Start and end in a text, in characters, the end not included."""

CLOSERS = "”’」』）】》〉\"')\\]"
# A sentence ends with its mark and the closing quotes behind it. A Latin full stop ends one only before white space and
# something that opens a sentence, and not after an abbreviation or an initial (Mr. Holmes, J. H. Watson).
SENTENCE_END = re.compile(
    rf"[。！？…]+[{CLOSERS}]*"
    rf"|(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\b[A-Z])[.!?]+[{CLOSERS}]*(?=\s+[A-Z0-9“‘\"'(])"
)
_CLAUSE_END = re.compile(rf"[，、；：,;:—]+[{CLOSERS}]*\s*")
# A heading is the first line of a chapter, or the second or third under those of a volume.
_HEADING_LINES = 3


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A run of whole sentences of one chapter."""

    book: str
    """Title of the book, without 《》."""
    chapter: int
    """Number of the chapter, as in `Chapter.number`."""
    title: str
    """Heading of the chapter; not part of the passage."""
    start: int
    """Offset in `Chapter.text`, in characters."""
    end: int
    text: str


def cut_passages(chapter: Chapter, limit: int) -> list[Passage]:
    """Cut a chapter into passages of at most `limit` characters that overlap by about half.

    Every character of the chapter that is not white space or heading stands in at least one passage. A sentence longer
    than `limit` is cut as `split_units` tells.
    """
    units = [span for line in _body_lines(chapter) for unit in split_units(chapter.text, *line, limit) for span in unit]
    passages = []
    first = 0
    while first < len(units):
        start, last = units[first][0], first
        while last + 1 < len(units) and units[last + 1][1] - start <= limit:
            last += 1
        end = units[last][1]
        passages.append(
            Passage(
                book=chapter.book,
                chapter=chapter.number,
                title=chapter.title,
                start=start,
                end=end,
                text=chapter.text[start:end],
            )
        )
        if last + 1 == len(units):
            break
        middle = (start + end) / 2
        first = next(i for i in range(first + 1, last + 2) if i == last + 1 or units[i][0] >= middle)
    return passages


def windows(text: str, limit: int) -> list[Span]:
    """All runs of whole sentences of `text` that are at most `limit` characters long, as spans in `text`.

    Runs of clauses stand in for a sentence longer than `limit`; they do not mix with its neighbours. Length counts as
    a reader counts it, after NFKC (`…` becomes three dots), since an answer is measured so.
    """
    shown = [0, *accumulate(shown_length(character) for character in text)]
    runs: list[list[Span]] = [[]]
    for line in _lines(text, 0):
        for unit in split_units(text, *line, limit):
            if len(unit) == 1 and shown[unit[0][1]] - shown[unit[0][0]] <= limit:
                runs[-1].append(unit[0])
            else:
                runs.extend([unit, []])
    return [
        (run[first][0], run[last][1])
        for run in runs
        for first in range(len(run))
        for last in range(first, len(run))
        if shown[run[last][1]] - shown[run[first][0]] <= limit
    ]


def split_units(text: str, start: int, end: int, limit: int) -> Iterator[list[Span]]:
    """Yield each sentence of one line of `text` as a list of spans: itself, or its clauses where it is too long.

    A clause longer than `limit` is cut at the last white space that leaves at most `limit` characters, else hard.
    Surrounding white space belongs to no span.
    """
    for sentence in _split(text, start, end, SENTENCE_END):
        if _fits(text, *sentence, limit):
            yield [sentence]
        else:
            yield [
                piece for clause in _split(text, *sentence, _CLAUSE_END) for piece in _hard_cut(text, *clause, limit)
            ]


def _body_lines(chapter: Chapter) -> Iterator[Span]:
    """The lines below the heading. A volume heading (第一卷) may stand above it and is left out too."""
    start = 0
    for begin, end in list(_lines(chapter.text, 0))[:_HEADING_LINES]:
        if chapter.title and chapter.text[begin:end].strip() == chapter.title.strip():
            start = end
    return _lines(chapter.text, start)


def _lines(text: str, start: int) -> Iterator[Span]:
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, end
        start = end + 1


def _split(text: str, start: int, end: int, mark: re.Pattern[str]) -> Iterator[Span]:
    """Yield the stretches between marks, each with its mark, white space around them trimmed."""
    for stop in [*(found.end() for found in mark.finditer(text, start, end)), end]:
        trimmed = text[start:stop].strip()
        if trimmed:
            begin = start + text[start:stop].index(trimmed)
            yield begin, begin + len(trimmed)
        start = stop


def _hard_cut(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    while not _fits(text, start, end, limit):
        stop = start + 1
        while stop < end and _fits(text, start, stop + 1, limit):
            stop += 1
        space = max(text.rfind(" ", start, stop), text.rfind("\u3000", start, stop))
        stop = space + 1 if space > start else stop
        yield from _split(text, start, stop, _NOWHERE)
        start = stop
    yield from _split(text, start, end, _NOWHERE)


_NOWHERE = re.compile(r"(?!)")


def _fits(text: str, start: int, end: int, limit: int) -> bool:
    return sum(map(shown_length, text[start:end])) <= limit


@cache
def shown_length(character: str) -> int:
    """How many characters one counts as, after NFKC: `…` three."""
    return len(unicodedata.normalize("NFKC", character))
