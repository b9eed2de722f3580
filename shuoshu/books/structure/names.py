"""Titles of chapters: those on the line below the number, those printed twice, those with the name of the book."""

import re
from collections import Counter
from dataclasses import replace

from shuoshu.books.account import Account
from shuoshu.books.structure.contents import bare_title
from shuoshu.books.structure.headings import CORE, LONGEST, parse_heading
from shuoshu.books.structure.place import Place
from shuoshu.books.structure.words import is_title

MOST = 0.6
"""Share of a book's chapters in which a thing must be so to be a habit of the book."""

_FEWEST = 3
_TAIL = re.compile(r"\s?[_|｜\-—–·/]+\s?([^_|｜\-—–·/]{2,20})$")
_NO_TITLE = re.compile(r"[，。！？；：“”‘’「」『』…,;!?]|\.$|曰$|云$")
_NUMBER_ALONE = re.compile(
    rf"(?:\S+ )?{CORE.pattern}[.．：:]?|(?i:chapter|canto|letter|act|scene)\s+(?:the\s+)?[\w-]+[.:]?"
    r"|[^\s\w]?\w{1,9}[^\s\w]?"
)


def without_tails(places: list[Place]) -> list[Place]:
    """Titles without the name of the book, or of a site, behind each of them."""
    chapters = [place for place in places if place.heading.kind == "chapter"]
    tails = Counter(found[1] for place in chapters if (found := _TAIL.search(place.heading.title)))
    if not tails or (most := tails.most_common(1)[0])[1] < max(_FEWEST, MOST * len(chapters)):
        return places
    return [
        replace(place, heading=replace(place.heading, title=_TAIL.sub("", place.heading.title)))
        if (found := _TAIL.search(place.heading.title)) and found[1] == most[0]
        else place
        for place in places
    ]


def doubled_titles(lines: list[str], places: list[Place]) -> set[int]:
    """Lines right below a heading that say the heading, or its title, again."""
    found: set[int] = set()
    starts = {place.line for place in places}
    for place in places:
        below = _line_below(lines, place.line)
        if below is None or place.heading.kind != "chapter":
            continue
        again = parse_heading(lines[below])
        title = bare_title(place.heading.title)
        if below in starts and (
            again is None or again.number != place.heading.number or again.unit != place.heading.unit
        ):
            continue
        if (
            bare_title(again.title if again else lines[below]) == title
            and len(lines[below]) < LONGEST
            and (title or again)
        ):
            found.add(below)
    return found


def join_titles(lines: list[str], places: list[Place], account: Account) -> tuple[list[str], list[Place]]:
    """Put titles that stand on the line below their number on its line."""
    starts = {place.line for place in places}
    joined: dict[int, int] = {}  # the line of a heading -> the line of its title
    chapters = [place for place in places if place.heading.kind == "chapter"]
    for place in chapters:
        below = _line_below(lines, place.line)
        if below is None or below in starts or not _NUMBER_ALONE.fullmatch(place.heading.title):
            continue
        if _may_be_title(lines, below):
            joined[place.line] = below
    titles = Counter(lines[below].strip() for below in joined.values())
    if len(joined) < max(_FEWEST, MOST * len(chapters)) or len(titles) < 0.7 * len(joined):
        return lines, places
    out: list[str] = []
    now_at: dict[int, int] = {}
    silent = {i for at, below in joined.items() for i in range(at + 1, below + 1)}
    for i, line in enumerate(lines):
        if i in silent:
            continue
        now_at[i] = len(out)
        if i in joined:
            head, title = line.rstrip(), lines[joined[i]].strip()
            between = sum(len(each) + 1 for each in lines[i : joined[i] + 1]) - 1 - len(head) - len(title)
            account.note("headings", dropped=between - 1, changed=1, sample=f"{head}⟦\n⟧{title}")
            line = f"{head} {title}"
        out.append(line)
    return out, [
        Place(
            line=now_at[place.line],
            heading=replace(place.heading, title=f"{place.heading.title} {' '.join(lines[joined[place.line]].split())}")
            if place.line in joined
            else place.heading,
        )
        for place in places
    ]


def _line_below(lines: list[str], at: int) -> int | None:
    """The next line that is not empty, if it stands within five."""
    return next((i for i in range(at + 1, min(len(lines), at + 6)) if lines[i].strip()), None)


def _may_be_title(lines: list[str], at: int) -> bool:
    """Short, without the marks of a sentence; in English with capitals, an empty line behind it or all in capitals."""
    line = lines[at].strip()
    if re.search(r"[\u4e00-\u9fff]", line):
        return len(line) <= 40 and not _NO_TITLE.search(line)
    if len(line) > 70 or not is_title(line):
        return False
    return line.isupper() or at + 1 >= len(lines) or not lines[at + 1].strip()
