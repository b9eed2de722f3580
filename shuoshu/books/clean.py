"""The cleaning rules, each with a name to switch it off by.

A rule takes a text and the account and returns the text; it enters everything it drops, adds or changes. Rules work
on the whole text at once: a loop over characters would be a hundred times slower.
"""

import re
from collections.abc import Callable

from shuoshu.books.account import Account
from shuoshu.books.extract import HEADING_MARK

Rule = Callable[[str, Account], str]

_LINE_ENDS = re.compile(r"\r\n|\r|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(
    r"[\x00\x02-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_INDENT = re.compile(r"^[^\S\n]+|[^\S\n]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{2,}|\A\n")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def line_ends(text: str, account: Account) -> str:
    """CRLF, CR and other line ends become line feeds."""
    if "\r" in text:
        text = account.replace("line-ends", "\r\n", "\n", text)
    return account.sub("line-ends", _LINE_ENDS, "\n", text)


def control(text: str, account: Account) -> str:
    """Byte-order marks, control, zero-width and direction characters are dropped; half surrogates become U+FFFD."""
    text = account.sub("control", _CONTROL, "", text)
    return account.sub("control", _LONE_SURROGATE, "\ufffd", text)


def heading_marks(text: str, account: Account) -> str:
    """U+0001 in a text file is a control character as any other; where a reader set it, it marks headings."""
    return account.replace("control", HEADING_MARK, "", text)


def indents(text: str, account: Account) -> str:
    """White space at both ends of a line is dropped."""
    return account.sub("indents", _INDENT, "", text)


def blank_lines(text: str, account: Account) -> str:
    """Empty lines are dropped: one paragraph a line."""
    return account.sub("blank-lines", _BLANK_LINES, lambda found: "\n" if found.start() else "", text)
