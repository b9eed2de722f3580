"""Page numbers and running heads that a scanner or a PDF left between the lines of a text."""

import itertools
import re
from collections import Counter
from statistics import median
from typing import NamedTuple

from shuoshu.books.account import Account
from shuoshu.books.structure.headings import parse_heading

FEWEST = 8
"""Pages a text must have before their numbers are believed."""

_ALONE = re.compile(r"[^\w\n]{0,4}(?P<n>\d{1,4})[^\w\n]{0,4}")
_WITH_HEAD = re.compile(
    r"\s*(?:(?P<n>\d{1,4})\s{1,20}(?P<head>\D{2,60}?)|(?P<title>\D{2,60}?)\s{1,20}(?P<m>\d{1,4}))\s*"
)
_SENTENCE_END = frozenset("。！？…”’」』）》.!?\"')]：:")
_BROKEN = 0.25  # share of the pages that end in the middle of a sentence; chapters never do
_REGULAR = 0.7  # share of the pages whose length is within half of the usual
_REPEATED = 2  # times a line beside a page number must come to be a running head


class _Page(NamedTuple):
    line: int
    number: int
    head: str


def pages(text: str, account: Account) -> str:
    """Drop page numbers that count up at regular distances, and the running heads beside them."""
    lines = text.split("\n")
    found = _chain([page for i, line in enumerate(lines) if len(line) < 80 and (page := _read(i, line))])
    if not _are_pages(lines, found):
        return text
    gone = {page.line for page in found}
    beside = {page.line: _beside(lines, page.line, gone) for page in found}
    heads = Counter(lines[i].strip() for near in beside.values() for i in near)
    for near in beside.values():
        gone.update(i for i in near if heads[lines[i].strip()] >= _REPEATED and parse_heading(lines[i]) is None)
    for i in sorted(gone):
        gone.update(_blanks(lines, i, gone))
    return "\n".join(account.drop_lines("pages", lines, gone))


def _read(i: int, line: str) -> _Page | None:
    """A line that is a page number, or one with a running head."""
    if (alone := _ALONE.fullmatch(line)) is not None:
        return _Page(i, int(alone["n"]), "")
    if (both := _WITH_HEAD.fullmatch(line)) is not None:
        return _Page(i, int(both["n"] or both["m"]), (both["head"] or both["title"]).strip())
    return None


def _chain(found: list[_Page]) -> list[_Page]:
    """The pages that count up from one to the next; heads must come more than once."""
    heads = Counter(page.head for page in found)
    chain: list[_Page] = []
    best: list[_Page] = []
    for page in found:
        if page.head and heads[page.head] < _REPEATED:
            continue
        if chain and not 1 <= page.number - chain[-1].number <= 3:
            best = max(best, chain, key=len)
            chain = []
        chain.append(page)
    return max(best, chain, key=len)


def _are_pages(lines: list[str], found: list[_Page]) -> bool:
    """Whether the numbers stand at even distances, many in the middle of a sentence."""
    if len(found) < FEWEST:
        return False
    distances = [after.line - before.line for before, after in itertools.pairwise(found)]
    usual = median(distances)
    even = sum(0.5 * usual <= distance <= 1.5 * usual for distance in distances)
    broken = sum(_broken(lines, page.line) for page in found)
    return usual >= 8 and even >= _REGULAR * len(distances) and broken >= _BROKEN * len(found)


def _broken(lines: list[str], at: int) -> bool:
    """Whether one of the two lines above ends in the middle of a sentence."""
    above = [line.rstrip() for line in lines[max(0, at - 4) : at] if line.strip()][-2:]
    return any(len(line) > 12 and line[-1] not in _SENTENCE_END for line in above)


def _beside(lines: list[str], at: int, numbers: set[int]) -> list[int]:
    """The nearest lines with words above and below a page number, where they are short."""
    near: list[int] = []
    for step in (-1, 1):
        i = at + step
        while 0 <= i < len(lines) and abs(i - at) <= 3 and (not lines[i].strip() or i in numbers):
            i += step
        if 0 <= i < len(lines) and abs(i - at) <= 3 and 2 <= len(lines[i].strip()) <= 80:
            near.append(i)
    return near


def _blanks(lines: list[str], at: int, gone: set[int]) -> set[int]:
    """Empty lines around a page break in the middle of a sentence."""
    above, below = at - 1, at + 1
    while above >= 0 and (not lines[above].strip() or above in gone):
        above -= 1
    while below < len(lines) and (not lines[below].strip() or below in gone):
        below += 1
    if above < 0 or below >= len(lines) or lines[above].rstrip()[-1] in _SENTENCE_END or below - above > 9:
        return set()
    return {i for i in range(above + 1, below) if not lines[i].strip()}
