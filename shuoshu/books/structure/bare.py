"""Headings without the word chapter: numbers with or without a title, and story titles set apart from the text.

Looked for only in books that have no headings of the usual kind.
"""

import re
from typing import NamedTuple

from shuoshu.books.structure.headings import GAP, Heading, clean_title
from shuoshu.books.structure.numerals import parse
from shuoshu.books.structure.words import is_title

FEWEST = 5
"""Story titles a book must have before such lines are believed."""

_NUMBERS = r"(?P<n>[0-9０-９]{1,4}|[〇零○一二三四五六七八九十百廿卅两]{1,6}|[IVXLC]{1,8})"
_CHINESE_TITLE = r"(?=[^\n]*[\u4e00-\u9fff])(?P<title>[^\s，。！？；：“”「」][^，。！？；：“”「」]{0,39})"
_TITLE_PATTERN = rf"(?:{_CHINESE_TITLE}|(?P<english>[A-Z“‘\"'][^\n]{{1,69}}))"
# The ways to write a number, and what stands behind it; a book keeps to one.
_FORMS = {
    "alone": re.compile(rf"\W*{_NUMBERS}\W*"),
    "、": re.compile(rf"{GAP}*{_NUMBERS}{GAP}?[、.．:：,，\])）】]{GAP}*{_TITLE_PATTERN}"),
    "(": re.compile(rf"{GAP}*[（(【\[]{GAP}?{_NUMBERS}{GAP}?[）)】\]][、.．]?{GAP}*{_TITLE_PATTERN}"),
    "gap": re.compile(rf"{GAP}*[☆★◆●○※#＃]*{_NUMBERS}{GAP}+{_TITLE_PATTERN}"),
    "回": re.compile(rf"{GAP}*{_NUMBERS}{GAP}?[回章节話话](?:{GAP}+{_TITLE_PATTERN})?"),
    "回N": re.compile(rf"{GAP}*[回章]之?{_NUMBERS}(?:{GAP}+{_TITLE_PATTERN})?"),
}
_MARKS = "\\s，。！？；：、,.!?;:“”\"'（）()="
_TITLE = re.compile(rf"(?:【|〔|\[|○|◎|●)?[^{_MARKS}]{{1,14}}[ \u3000]?[^{_MARKS}]{{0,8}}")
_BODY = 100  # fewest characters of a chapter headed by a number
_SKIPPED = 2  # numbers that may be missing in a row
_STARTS = 20  # beginnings of a count that are tried, from either end


class _Entry(NamedTuple):
    """A line that a number begins."""

    line: int
    number: int
    offset: int
    """Characters above the line."""


def bare_headings(lines: list[str]) -> list[tuple[int, Heading]]:
    """The heading lines of such a book, with their headings; empty where it has none."""
    return _numbers(lines) or _titles(lines)


def _numbers(lines: list[str]) -> list[tuple[int, Heading]]:
    """Lines that begin with 1, 2, 3 … (一, 二, 三 … or I, II, III …) in one form, text between them."""
    groups: dict[tuple[str, str], list[_Entry]] = {}
    offset = 0
    for i, line in enumerate(lines):
        for name, form in _FORMS.items() if len(line) < 80 else ():
            found = form.fullmatch(line)
            number = parse(found["n"]) if found else None
            if found is not None and number is not None and _titled(found):
                numerals = "1" if found["n"][0].isdigit() else "I" if found["n"][0].isascii() else "一"
                groups.setdefault((name, numerals), []).append(_Entry(i, number, offset))
        offset += len(line) + 1
    best = max((_chain(entries) for entries in groups.values()), key=len, default=[])
    if len(best) < 3:
        return []
    return [
        (entry.line, Heading(kind="chapter", unit="", number=entry.number, title=clean_title(lines[entry.line])))
        for entry in best
    ]


def _titled(found: re.Match[str]) -> bool:
    """Whether the words behind the number are a title: in English, each with a capital."""
    english = found.groupdict().get("english")
    return not english or is_title(english)


def _chain(entries: list[_Entry]) -> list[_Entry]:
    """The longest count from its beginning with text between its numbers; of equal ones the last.

    The same list stands in a table of contents and above the chapters: there is no text between its lines there.
    """
    best: list[_Entry] = []
    last_at = {entry.number: i for i, entry in enumerate(entries)}
    starts = [i for i, entry in enumerate(entries) if entry.number <= 1 + _SKIPPED]
    for start in [*starts[:_STARTS], *starts[_STARTS:][-_STARTS:]]:
        chain = [entries[start]]
        for i in range(start + 1, len(entries)):
            entry = entries[i]
            step = entry.number - chain[-1].number
            if not 1 <= step <= 1 + _SKIPPED or entry.offset - chain[-1].offset < _BODY:
                continue
            if step == 1 or last_at.get(chain[-1].number + 1, -1) < i:
                chain.append(entry)
        if len(chain) >= len(best):
            best = chain
    return best


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
