"""Headings with the first sentence of the chapter on their line: where does the title end?

第一回 甲乙丙丁戊 己庚辛壬癸　　话说天下大势，分久必合 … The two halves of a 回目 are of equal length, gaps behind a
title are wider than those within it, and titles have no punctuation. Where that leaves a choice, the way is taken that
leaves more chapters with the opening of a storyteller.
"""

import re
from collections import Counter
from dataclasses import dataclass

from shuoshu.books.account import Account
from shuoshu.books.structure.headings import CORE, GAP, LONGEST, parse_heading
from shuoshu.books.structure.numerals import NUMERAL, parse

_BEGINNINGS = 6  # lines tried as the first of the count
FEWEST = 3
"""Lines of this kind that a book must have before any is broken."""

_GAPS = " \t\u3000\xa0"
_VOLUME = rf"(?:第{NUMERAL}{{1,5}}[卷部册冊集]|[上中下]卷|卷{NUMERAL}{{1,5}})"
_START = re.compile(
    rf"[^，。！？；“”\w]{{0,8}}(?:正文卷?\W{{0,3}})?(?:{_VOLUME}{GAP}*)?{CORE.pattern}(?:[：:、]{GAP}*|{GAP}+)?(?P<rest>.+)"
)
# As in a title no mark is; 诗曰： behind a wide gap, or behind a title and a gap and last on the line.
_SENTENCE = re.compile(r"[，。！？；]|(?: {2,}|\u3000+)\S{0,12}[：:]|[ \t]\S{2,20}[ \t]\S{1,8}[：:]\Z")
_WORD = re.compile(r"[^\s，。！？；：、“”‘’「」『』《》…（）()]{1,40}")
_MARK = r"，。！？；：、“”‘’「」『』《》…（）()"
_OPENING = re.compile(
    "话说|話說|却说|卻說|且说|且說|诗曰|詩曰|词曰|詞曰|诗云|詩云|话表|話表|上回|只说|只說|原来|原來|再说|再說|那|这|這|次日|当下|當下|有诗|有詩|正是"
)


@dataclass(frozen=True)
class _Line:
    """A line that begins with a number and goes on too long for a heading."""

    index: int
    number: int
    end: int
    """Where the number ends."""
    start: int
    """Where its title begins."""
    ends: dict[str, int]
    """Where the title ends, by each way of telling."""


def split_headings(lines: list[str], account: Account) -> list[str]:
    """Break lines that hold a heading and the beginning of its chapter, in books where they count up."""
    found = [line for i, text in enumerate(lines) if (line := _read(i, text)) is not None]
    found = _counting(found)
    if len(found) < FEWEST:
        return lines
    listed, others = _headings_alone(lines, found)
    if sum(line.number in others for line in found) > 0.5 * len(found):
        return lines  # the book has its headings on lines of their own
    way = _way(lines, found)
    lines = list(lines)
    for line in found:
        text = lines[line.index]
        end = (
            _by_title(text, line.start, listed.get(line.number, ""))
            or line.ends.get(way)
            or line.ends.get("gap")
            or line.start
        )
        body = text[end:].lstrip(_GAPS)
        head = text[: line.end if end == line.start else end].rstrip(_GAPS)
        gone = len(text) - len(head) - len(body)
        account.note(
            "headings", dropped=max(0, gone - 1), added=int(gone == 0), changed=min(1, gone), sample=text[: end + 12]
        )
        lines[line.index] = f"{head}\n{body}"
    return "\n".join(lines).split("\n")


def _read(index: int, text: str) -> _Line | None:
    """A line that begins with 第十二回 and a gap, and is longer than a heading or has sentences in it."""
    start = _START.match(text[: 4 * LONGEST])
    if start is None or (len(text) <= LONGEST and not _SENTENCE.search(text)):
        return None
    number = parse("".join(start["num"].split()))
    begin = start.start("rest")
    ways = {"gap": _by_gaps(text, begin), "halves": _by_halves(text, begin)}
    ends = {way: end for way, end in ways.items() if end is not None}
    return _Line(index, number, start.end("unit"), begin, ends) if number is not None else None


def _headings_alone(lines: list[str], found: list[_Line]) -> tuple[dict[int, str], set[int]]:
    """Titles by number of the headings alone on their lines above the first glued one, as a table of contents has them,
    and the numbers of those below."""
    above: dict[int, str] = {}
    below: set[int] = set()
    glued = {line.index for line in found}
    for i, line in enumerate(lines):
        if (
            i in glued
            or (heading := parse_heading(line)) is None
            or heading.kind != "chapter"
            or heading.number is None
        ):
            continue
        if i > found[0].index:
            below.add(heading.number)
        elif (core := CORE.search(line)) is not None:
            above.setdefault(heading.number, "".join(_WORD.findall(re.sub(r"[.…·\d\s]+$", "", line[core.end() :]))))
    return above, below


def _by_title(text: str, begin: int, title: str) -> int | None:
    """The end of a title that the table of contents knows."""
    at = begin
    for c in title:
        while at < len(text) and text[at] in _GAPS:
            at += 1
        if at >= len(text) or text[at] != c:
            return None
        at += 1
    return at if title else None


def _by_gaps(text: str, begin: int) -> int | None:
    """The end of the last word before a gap behind which a sentence comes; a wider gap ends a title at once."""
    at, first = begin, None
    end = None
    while (word := _WORD.match(text, at)) is not None and word.end() - begin <= LONGEST:
        gap = re.compile(rf"{GAP}+").match(text, word.end())
        if gap is None:
            break
        end = word.end()
        if first is not None and gap[0] != first and len(gap[0]) > len(first):
            break
        if len(gap[0]) > 1 and first is None and _same_length_follows(text, word[0], gap.end()) is None:
            break
        first = first or gap[0]
        at = gap.end()
    return end


def _same_length_follows(text: str, word: str, at: int) -> int | None:
    """The end of a word of equal length with a gap or nothing behind it."""
    second = _WORD.match(text, at)
    return second.end() if second and len(second[0]) == len(word) else None


def _by_halves(text: str, begin: int) -> int | None:
    """The end of a 回目 of two halves of equal length, the chapter going on behind it without a gap."""
    first = _WORD.match(text, begin)
    if first is None or not 4 <= len(first[0]) <= 12:
        return None
    gap = re.compile(rf"{GAP}+|[，；]").match(text, first.end())
    if gap is None:
        return None
    end = gap.end() + len(first[0])
    half = text[gap.end() : end]
    return end if len(half) == len(first[0]) and not re.search(rf"[\s{_MARK}]", half) else None


def _counting(found: list[_Line]) -> list[_Line]:
    """Those whose numbers go on from the one before, gaps of a few allowed."""
    best: list[_Line] = []
    for first in range(min(_BEGINNINGS, len(found))):  # a line of the table of contents may be among the first
        kept = [found[first]]
        for line in found[first + 1 :]:
            if kept[-1].number < line.number <= kept[-1].number + 5 or line.number == 1:
                kept.append(line)
        best = max(best, kept, key=len)
    return best if len(best) > 0.5 * len(found) else []


def _way(lines: list[str], found: list[_Line]) -> str:
    """The way of telling after which most chapters begin as stories do."""
    openings = Counter(
        way for line in found for way, end in line.ends.items() if _OPENING.match(lines[line.index][end:].lstrip(_GAPS))
    )
    return max(("gap", "halves"), key=lambda way: (openings[way], way == "gap"))
