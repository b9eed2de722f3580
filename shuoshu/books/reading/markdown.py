"""Markdown: headings known for certain, the marks of emphasis, links and pictures taken off."""

import re

from shuoshu.books.account import Account
from shuoshu.books.reading.extract import HEADING_MARK, Extract

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.{1,200}?)[ \t#]*$", re.MULTILINE)
# Every part is bounded and stops at its own sign: thousands of [ on one line must not be tried against each other.
_MARKS = (
    (re.compile(r"!\[[^\[\]\n]{0,300}\]\([^()\n]{0,500}\)"), ""),
    (re.compile(r"\[([^\[\]\n]{1,300})\]\([^()\n]{0,500}\)"), r"\1"),
    (re.compile(r"\*\*(?=\S)([^*\n]{1,500})(?<=\S)\*\*"), r"\1"),
    (re.compile(r"__(?=\S)([^_\n]{1,500})(?<=\S)__"), r"\1"),
    (re.compile(r"(?<![A-Za-z0-9*])\*(?=[^\s*])([^*\n]{1,500})(?<=\S)\*(?![A-Za-z0-9*])"), r"\1"),
    (re.compile(r"^[ \t]{0,3}>[ \t]?", re.MULTILINE), ""),
    (re.compile(r"^```.*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$", re.MULTILINE), ""),
)


def markdown_extract(text: str, encoding: str) -> Extract:
    """The text of a Markdown file. The deepest level of heading that divides the book makes its chapters."""
    account = Account(len(text))
    text = account.replace("line-ends", "\r\n", "\n", account.replace("control", HEADING_MARK, "", text))
    front = _FRONT_MATTER.match(text)
    title = _TITLE.search(front[0]) if front else None
    text = account.sub("markdown", _FRONT_MATTER, "", text)
    headings = list(_HEADING.finditer(text))
    level, top = _chapter_level([len(found[1]) for found in headings])
    if top and headings:
        title = title or re.match(r"(.+)", headings[0][2])

    def one(found: re.Match[str]) -> str:
        depth = len(found[1])
        mark = HEADING_MARK if depth == level or (depth < level and not (top and depth == 1)) else ""
        account.note("markdown", dropped=len(found[0]) - len(found[2]), sample=found[0])
        return mark + found[2]

    text = _HEADING.sub(one, text)
    for pattern, new in _MARKS:
        text = account.sub("markdown", pattern, new, text)
    return Extract(
        text=text,
        encoding=encoding,
        title=title[1] if title else "",
        marked=HEADING_MARK in text,
        account=account,
    )


def _chapter_level(depths: list[int]) -> tuple[int, bool]:
    """The level of the chapters, and whether a single first-level heading is the book's title."""
    top = depths.count(1) == 1 and len(depths) > 1
    rest = [depth for depth in depths if not (top and depth == 1)]
    return (min(rest) if rest else 1), top
