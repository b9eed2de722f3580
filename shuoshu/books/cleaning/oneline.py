"""A whole book, or a whole chapter, on one line: paragraphs and headings found again by what still parts them."""

import re
from collections import Counter
from typing import NamedTuple

from shuoshu.books.account import Account
from shuoshu.books.structure.headings import CORE
from shuoshu.books.structure.numerals import NUMERAL, parse

LONGEST_LINE = 2_000
"""A line of more characters than this may be more than a paragraph."""

_END = "。！？；：…”’』」）》】"
_BEFORE = frozenset(f"{_END}.!?\"' \u3000\t\xa0=-—*～~]")
_WIDE_GAP = re.compile(
    rf"(?<=[{_END}])[ \t]*(?:\u3000{{2,}}+| {{2,}}+|\u3000(?! ))[ \t\u3000]*+|(?<!\u3000)\u3000{{2,}}+(?=\S)"
)
# In Chinese typed in half width, behind pages and counts, and before what a site prints.
_HALF_GAP = re.compile(
    r"(?<=[.!?\"'\d)])(?: {2,}+|\u3000+)(?=[\u4e00-\u9fff\"'(])"
    r"| {2,}+(?=(?:本章)?字[数數]|更新[时時][间間]|作者|目[录錄])"
)
_CJK = re.compile("[\u4e00-\u9fff]")
_ONE_SPACE = re.compile(r"(?<=[。！？…”』」]) (?=[\u4e00-\u9fff“「『（])")
_ABOVE = re.compile(
    rf"(?:第{NUMERAL}{{1,5}}[卷部册冊集]|[上中下]卷|卷{NUMERAL}{{1,5}}|正文卷?)[ \u3000]*\Z"
)  # with the heading
_PARAGRAPH = 2000  # characters of text without a wide gap, from which single spaces are looked at
_NEAR = 3  # matches looked ahead for the number that should come next
_JUMP = 6  # chapters that may be missing in a row


class _Match(NamedTuple):
    """A number with its unit, as 第十二回, that may begin a heading."""

    start: int
    number: int
    unit: str
    strong: bool
    """A sentence ends before it and a gap follows."""


def one_line(text: str, account: Account) -> str:
    """Break very long lines at wide gaps and above headings that count up."""
    if len(text) <= LONGEST_LINE:
        return text
    lines = text.split("\n")
    if max(map(len, lines)) <= LONGEST_LINE:
        return text
    return "\n".join(_broken(line, account) if len(line) > LONGEST_LINE else line for line in lines)


def _broken(line: str, account: Account) -> str:
    """One long line broken: a line feed takes the place of each gap, and is put in above headings."""
    breaks: dict[int, int] = {match.start: 0 for match in _headings(line) if match.start}
    wide = [(gap.start(), gap.end()) for gap in _WIDE_GAP.finditer(line)]
    if len(_CJK.findall(line[:_PARAGRAPH])) > 0.5 * _PARAGRAPH:
        wide += [(gap.start(), gap.end()) for gap in _HALF_GAP.finditer(line)]
    if len(wide) < len(line) / _PARAGRAPH:
        wide += [(gap.start(), gap.end()) for gap in _ONE_SPACE.finditer(line)]
    for start, end in wide:
        breaks[start] = end - start
    out: list[str] = []
    at = 0
    for start, width in sorted(breaks.items()):
        if start < at or (start == at and not width):  # a heading right behind a gap is on a line of its own
            continue
        out.append(line[at:start])
        at = start + width
        account.note("one-line", dropped=max(0, width - 1), added=1 if width == 0 else 0, changed=min(width, 1))
    out.append(line[at:])
    return "\n".join(out)


def _headings(line: str) -> list[_Match]:
    """The places where chapters begin: numbers of one unit that count up, gaps and a new beginning allowed."""
    found = [match for core in CORE.finditer(line) if (match := _match(line, core)) is not None]
    units = Counter(match.unit for match in found if match.strong) or Counter(match.unit for match in found)
    if not units:
        return []
    unit = units.most_common(1)[0][0]
    found = [match for match in found if match.unit == unit]
    kept: list[_Match] = []
    for i, match in enumerate(found):
        last = kept[-1].number if kept else None
        if last is None:
            fits = match.strong or match.number <= 1
        else:
            step = match.number - last
            ahead = [later.number for later in found[i + 1 : i + 1 + _NEAR]]
            fits = step == 1 or match.number == 1 or (1 < step <= _JUMP and last + 1 not in ahead)
        if fits or match.strong:
            kept.append(match)
    return kept if len(kept) > 1 else []


def _match(line: str, core: re.Match[str]) -> _Match | None:
    """A number that stands behind a sentence or a gap, with words behind it."""
    start, end = core.span()
    if (above := _ABOVE.search(line, max(0, start - 12), start)) is not None:
        start = above.start()
    before = line[start - 1] if start else " "
    behind = line[end : end + 1]
    number = parse("".join(core["num"].split()))
    if before not in _BEFORE or number is None or behind in "，。！？；、”’」』）里中的末内说":
        return None
    return _Match(start, number, core["unit"], behind in " \u3000\t：:》】-")
