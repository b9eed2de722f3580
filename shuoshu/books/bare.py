"""Headings without the word chapter: numbers alone on their lines, and story titles set apart from the text.

Looked for only in books that have no headings of the usual kind.
"""

import re

from shuoshu.books.headings import Heading, clean_title
from shuoshu.books.numerals import parse

FEWEST = 5
"""Story titles a book must have before such lines are believed."""

_NUMBER = re.compile(
    r"\s*[（(【\[]?\s*([0-9０-９]{1,3}|[〇零一二三四五六七八九十百廿卅]{1,5}|[IVXLC]{1,7})\s*[）)】\]]?[.．、]?\s*"
)
_MARKS = "\\s，。！？；：、,.!?;:“”\"'（）()="
_TITLE = re.compile(rf"(?:【|〔|\[|○|◎|●)?[^{_MARKS}]{{1,14}}[ \u3000]?[^{_MARKS}]{{0,8}}")
_BODY = 100  # fewest characters of a chapter headed by a number


def bare_headings(lines: list[str]) -> list[tuple[int, Heading]]:
    """The heading lines of such a book, with their headings; empty where it has none."""
    return _numbers(lines) or _titles(lines)


def _numbers(lines: list[str]) -> list[tuple[int, Heading]]:
    """Lines that are nothing but 1, 2, 3 … (一, 二, 三 … or I, II, III …), text between them."""
    found: list[tuple[int, Heading]] = []
    length = _BODY
    for i, line in enumerate(lines):
        match = _NUMBER.fullmatch(line) if len(line) < 20 else None
        number = parse(match[1]) if match else None
        if number == len(found) + 1 and length >= _BODY:
            found.append((i, Heading(kind="chapter", unit="", number=number, title=clean_title(line))))
            length = 0
        length += len(line)
    return found if len(found) >= 3 else []


def _titles(lines: list[str]) -> list[tuple[int, Heading]]:
    """Short lines without punctuation, at the margin and between empty lines, in a book that indents its paragraphs."""
    text = [line for line in lines if line.strip()]
    indented = sum(line[0].isspace() for line in text)
    if not 0.02 * len(text) < indented:
        return []
    found: list[tuple[int, Heading]] = []
    for i in range(1, len(lines) - 2):
        line = lines[i]
        if not line or line[0].isspace() or lines[i - 1].strip() or not _TITLE.fullmatch(line.rstrip()):
            continue
        following = lines[i + 1] if lines[i + 1].strip() else lines[i + 2]
        if following[:1].isspace() and following.strip():
            found.append((i, Heading(kind="chapter", unit="", number=None, title=clean_title(line))))
    return found if len(found) >= FEWEST else []
