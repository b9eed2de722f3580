"""A whole book on one line: paragraphs and headings found again by what still parts them."""

import re

from shuoshu.books.account import Account
from shuoshu.books.numerals import NUMERAL, parse

LONGEST_LINE = 20_000
"""A line of more characters than this is no paragraph."""

_HEADING = re.compile(
    rf"(?:(?:正文|楔子)[ \u3000]+)?第(?P<number>{NUMERAL}{{1,9}})(?P<unit>[回囘章节節])(?=[ \u3000：:])"
    r"(?P<title>[ \u3000：:]+[^\s，。！？；：“”「」]{2,16}(?:[ \u3000]+[^\s，。！？；：“”「」]{2,16}(?=[ \u3000]))?)"
)
_GAP = re.compile(r"(?<=[。！？；：”」』…）])[ \t]*(?:\u3000{2,}+| {2,}+)[ \t\u3000]*+|(?<!\u3000)\u3000{2,}+(?=\S)")


def one_line(text: str, account: Account) -> str:
    """Break absurdly long lines at wide gaps and around headings that count up."""
    if len(text) <= LONGEST_LINE or not any(len(line) > LONGEST_LINE for line in text.split("\n")):
        return text
    lines = text.split("\n")
    return "\n".join(_broken(line, account) if len(line) > LONGEST_LINE else line for line in lines)


def _broken(line: str, account: Account) -> str:
    """One long line broken: a line feed takes the place of each gap, and is put in around headings."""
    breaks: dict[int, int] = {}  # offset -> characters of white space that the line feed stands for
    for found in _counted(line):
        breaks[found.start()] = 0
        if found.end() < len(line):
            breaks[found.end()] = 0
    for gap in _GAP.finditer(line):
        breaks[gap.start()] = gap.end() - gap.start()
    out: list[str] = []
    at = 0
    for start, width in sorted(breaks.items()):
        if start < at:
            continue
        out.append(line[at:start])
        at = start + width
        account.note("one-line", dropped=max(0, width - 1), added=1 if width == 0 else 0, changed=min(width, 1))
    out.append(line[at:])
    return "\n".join(out)


def _counted(line: str) -> list[re.Match[str]]:
    """The headings in a line whose numbers count up by one; a chapter quoted in the text does not."""
    found = list(_HEADING.finditer(line))
    counted: list[re.Match[str]] = []
    last = None
    for match in found:
        number = parse(match["number"])
        # Within a table of contents the count runs to its end and begins anew in the body.
        if last is None or number in (last + 1, 1):
            counted.append(match)
            last = number
    return counted if len(counted) > 1 else []
