"""What stands in a book more than once: chapters and passages copied twice, a site's line in every chapter."""

import re
from collections import Counter

from shuoshu.books.account import Account
from shuoshu.books.reading.extract import HEADING_MARK

PASSAGE = 60
"""Characters of a paragraph that no author writes twice."""
OFTEN = 0.3
"""Share of the chapters a line must begin or end to be a site's."""

_EDGE = 3  # paragraphs at either end of a chapter in which a site's line stands
# What storytellers themselves say in every chapter.
_FORMULA = re.compile(
    r"诗|詩|词曰|詞曰|曰：|曰:|正是|话说|話說|且说|且說|却说|卻說|话分|下回|下囘|分解|分教|听下|聽下|异史氏|評|评"
)


def repeats(text: str, account: Account) -> str:
    """Drop paragraphs of `PASSAGE` characters and more that stand in the book already, and chapters so emptied."""
    if text.count("\n") < 2:
        return text
    lines = text.split("\n")
    seen: set[str] = set()
    gone: set[int] = set()
    for i, line in enumerate(lines):
        if len(line) >= PASSAGE:
            if line in seen:
                gone.add(i)
            seen.add(line)
    if not gone:
        return text
    # In verse and lists a long line may come again as a refrain: a copy takes its neighbours along.
    copied = {i for i in gone if _neighbours_copied(lines, i, seen, gone)}
    return "\n".join(account.drop_lines("repeats", lines, copied))


def boilerplate(text: str, account: Account) -> str:
    """Drop lines that begin or end many chapters alike and are no storyteller's formula."""
    chapters = text.split(HEADING_MARK)
    if len(chapters) < 6:
        return text
    edges: Counter[str] = Counter()
    for chapter in chapters[1:]:
        lines = chapter.rstrip("\n").split("\n")[1:]
        edges.update({*lines[:_EDGE], *lines[-_EDGE:]})
    most = max(4.0, OFTEN * len(chapters))
    sites = {line for line, n in edges.items() if n >= most and len(line) >= 4 and not _FORMULA.search(line)}
    if not sites:
        return text
    lines = text.split("\n")
    return "\n".join(account.drop_lines("boilerplate", lines, {i for i, line in enumerate(lines) if line in sites}))


def _neighbours_copied(lines: list[str], i: int, seen: set[str], gone: set[int]) -> bool:
    """Whether the line behind or before a copied line is copied too, is a heading, or is the same line again."""
    for j in (i - 1, i + 1):
        if 0 <= j < len(lines) and (j in gone or lines[j].startswith(HEADING_MARK) or lines[j] == lines[i]):
            return True
    return i + 1 >= len(lines) or not lines[i + 1]
