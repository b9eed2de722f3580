"""Tables of contents: lists of headings that come again further on, however they are set.

One heading a line or several, with dots and page numbers or without, by the titles alone, with other numerals than the
body's.
"""

import itertools
import re
from collections import Counter

from shuoshu.books.structure.headings import CORE, Heading
from shuoshu.books.structure.numerals import NUMERAL, parse
from shuoshu.books.structure.place import Place

BODY = 20
"""Most characters that may stand between two headings of a table of contents (page numbers, dots)."""
RUN = 3
"""Fewest headings in a row that make a table of contents."""

_WORD = re.compile(
    r"[\s【\[《》]*(?:目\s*录|目\s*錄|目\s*次|章节目录|章節目錄|(?i:table of )?(?i:contents))[\s】\]:：》]*"
)
_SENTENCE = re.compile(r"[。；！？”」，]")
_LIST_NUMBER = re.compile(
    rf"^(?:第{NUMERAL}{{1,9}}[回囘囬章节節篇卷折出][、.．:：]?|[0-9０-９]{{1,4}}[、.．:：]?|{NUMERAL}{{1,9}}[、.．:：]|"
    r"(?i:chapter|part|book)\s*(?:\d+|[ivxlc]+)[.:—–-]*)?"
)
_DIGITS, _DOTS = "0123456789０１２３４５６７８９", ".…·．—-_"
_LONGEST_LINE = 500  # characters of a line that lists many headings


def listing_lines(lines: list[str]) -> dict[int, list[tuple[str, int | None]]]:
    """Lines that hold two or more headings and no sentence, with the units and numbers they list."""
    found: dict[int, list[tuple[str, int | None]]] = {}
    for i, line in enumerate(lines):
        if not 8 <= len(line) < _LONGEST_LINE or line.count("第") + line.count("笫") < 2 or _SENTENCE.search(line):
            continue
        cores = [(core["unit"], parse("".join(core["num"].split()))) for core in CORE.finditer(line)]
        if len(cores) > 1 and len({unit for unit, _ in cores}) == 1:
            found[i] = cores
    return found


def contents_lines(
    lines: list[str], places: list[Place], listings: dict[int, list[tuple[str, int | None]]]
) -> set[int]:
    """The lines of tables of contents."""
    entries = {place.line: [key(place.heading)] for place in places}
    entries |= {i: [("chapter", unit, number, "") for unit, number in cores] for i, cores in listings.items()}
    order = sorted(entries)
    bodies = [_body(lines, i, following) for i, following in itertools.pairwise([*order, len(lines)])]
    gone: set[int] = set()
    later = Counter(entry for i in order for entry in entries[i])  # of what stands behind the places passed
    start = passed = 0
    while start < len(order):
        end = start
        while end < len(order) and bodies[end] <= BODY:
            end += 1
        # The last entry may have a foreword behind it: it belongs to the list when its own chapter still follows.
        for i in order[passed:end]:
            later.subtract(entries[i])
        passed = max(passed, end)
        run = order[start:end]
        if end < len(order) and len(run) >= RUN - 1 and all(later[entry] > 1 for entry in entries[order[end]]):
            run = order[start : end + 1]
        listed = [entry for i in run for entry in entries[i]]
        if len(listed) >= RUN and sum(later[entry] > 0 for entry in listed) > 0.6 * len(listed):
            gone.update(range(run[0], run[-1] + 1))
            gone.update(_word_above(lines, run[0]))
        start = max(end, start) + 1
    return gone | _titles_alone(lines, places, gone)


def key(heading: Heading) -> tuple[str, str, int | None, str]:
    """What two headings have in common that announce the same chapter."""
    return heading.kind, heading.unit, heading.number, heading.title if heading.number is None else ""


def _body(lines: list[str], i: int, following: int) -> int:
    """Characters between a line and a later one, or as many as are too many."""
    length = 0
    for line in lines[i + 1 : following]:
        length += len(line.strip(" \t\u3000.…·0123456789"))
        if length > BODY:
            break
    return length


def _word_above(lines: list[str], first: int) -> set[int]:
    """The line that says 目录, if it stands right above the list."""
    i = first - 1
    while i >= 0 and not lines[i].strip():
        i -= 1
    return {i} if i >= 0 and _WORD.fullmatch(lines[i]) else set()


def _titles_alone(lines: list[str], places: list[Place], gone: set[int]) -> set[int]:
    """Lines above the first heading that are the titles of later chapters, with or without numbers and pages."""
    left = [place for place in places if place.line not in gone]
    if not left:
        return set()
    titles = {bare_title(place.heading.title) for place in left} - {""}
    above = enumerate(lines[: left[0].line])
    listed = {i for i, line in above if i not in gone and len(line) < 200 and _lists(line, titles)}
    return listed | _word_above(lines, min(listed)) if len(listed) >= RUN else set()


def _lists(line: str, titles: set[str]) -> bool:
    """Whether a line is a title, or several with wide gaps between them."""
    return bare_title(line) in titles or all(
        bare_title(part) in titles for part in re.split(r"\u3000{2,}| {3,}|\t+", line.strip())
    )


def bare_title(line: str) -> str:
    """A title without number, page and gaps."""
    return _without_page(_LIST_NUMBER.sub("", _without_page("".join(line.split()))))


def _without_page(line: str) -> str:
    """The line without up to four digits at its end and the dots before them."""
    words = line.rstrip(_DIGITS)
    return line[:-4] if len(line) - len(words) > 4 else words.rstrip(_DOTS)
