"""How a book is built: which lines are its headings, which only list them, and what number each chapter has.

A single line cannot be trusted: 第三掌劈到面门 is no heading, and a table of contents repeats them all. The run of
numbers over the whole book decides.
"""

import re
from collections import Counter
from dataclasses import dataclass

from shuoshu.books.account import Account
from shuoshu.books.bare import bare_headings
from shuoshu.books.headings import Heading, parse_heading
from shuoshu.books.numerals import NUMERAL

CONTENTS_BODY = 20
"""Most characters that may stand between two headings of a table of contents (page numbers, dots)."""
CONTENTS_RUN = 3
"""Fewest headings in a row that make a table of contents."""

_CONTENTS_WORD = re.compile(
    r"[\s【\[《》]*(?:目\s*录|目\s*錄|目\s*次|章节目录|(?i:table of )?(?i:contents))[\s】\]:：]*"
)
_LISTED = re.compile(rf"第{NUMERAL}{{1,9}}([回囘章节節篇折出])")
_LIST_NUMBER = re.compile(
    rf"^(?:第{NUMERAL}{{1,9}}[回囘章节節篇卷折出][、.．:：]?|[0-9０-９]{{1,4}}[、.．:：]?|{NUMERAL}{{1,9}}[、.．:：])?"
)
_PAGE = re.compile(r"[.…·．—\-]*\d{0,4}$")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A heading and the line it stands on."""

    line: int
    heading: Heading


def find_headings(lines: list[str], account: Account, *, contents: bool = True) -> tuple[list[str], list[Place]]:
    """Find the headings of a book's lines; returns the lines without tables of contents, and the headings in order."""
    places = [Place(line=i, heading=heading) for i, line in enumerate(lines) if (heading := parse_heading(line))]
    places = _in_sequence(places)
    if not any(place.heading.kind == "chapter" for place in places):
        volumes = {place.line: place.heading for place in places if place.heading.kind == "volume"}
        bare = volumes | {i: heading for i, heading in bare_headings(lines) if i not in volumes}
        places = [Place(line=i, heading=heading) for i, heading in sorted(bare.items())] if len(bare) > 1 else places
    gone = _contents(lines, places) if contents else set()
    if gone:
        lines = account.drop_lines("contents", lines, gone)
        kept = [i for i in range(len(lines) + len(gone)) if i not in gone]
        now_at = {old: new for new, old in enumerate(kept)}
        places = [Place(line=now_at[place.line], heading=place.heading) for place in places if place.line not in gone]
    return lines, _one_level(lines, places)


def number_chapters(headings: list[Heading]) -> list[int]:
    """The place of each chapter in the book, from its heading.

    The number claimed is kept where the run of numbers bears it out, gaps included; a number used twice, miswritten
    or begun anew in each volume gives way to the count. What stands before the first chapter is 0.
    """
    next_claims: list[int | None] = [None] * len(headings)  # the number claimed by the next numbered heading
    for i in range(len(headings) - 2, -1, -1):
        after = headings[i + 1].number
        next_claims[i] = next_claims[i + 1] if after is None else after
    numbers: list[int] = []
    last = 0
    for i, heading in enumerate(headings):
        if heading.kind == "front" and last == 0:
            numbers.append(0)
            continue
        claimed = heading.number
        following = next_claims[i]
        borne_out = claimed is not None and claimed > last and (following is None or following == claimed + 1)
        if claimed is not None and borne_out and (last > 0 or following is not None):
            last = claimed
        else:
            last += 1
        numbers.append(last)
    return numbers


def _in_sequence(places: list[Place]) -> list[Place]:
    """Drop doubtful headings that do not continue the count of the sure ones or of each other."""
    sure = {(p.heading.unit, p.heading.number): "".join(p.heading.title.split()) for p in places if p.heading.sure}
    units = {unit for unit, _ in sure}
    kept: list[Place] = []
    last: dict[str, int] = {}
    for place in places:
        heading = place.heading
        if heading.kind not in ("chapter", "volume"):
            kept.append(place)
            continue
        number = heading.number or 0
        continues = number == last.get(heading.unit, 0) + 1
        if not heading.sure:
            rival = sure.get((heading.unit, heading.number))  # the real heading, or the same in a table of contents
            if not continues or len(heading.title) > 40 or (rival and rival != "".join(heading.title.split())):
                continue
            # A unit counted once in a whole book, in the middle of a sentence, is no structure.
            if heading.unit not in units and not _recurs(places, heading):
                continue
        kept.append(place)
        last[heading.unit] = number
    return kept


def _recurs(places: list[Place], heading: Heading) -> bool:
    """Whether the next number of the same unit turns up as well."""
    following = (heading.number or 0) + 1
    before = following - 2
    return any(p.heading.unit == heading.unit and p.heading.number in (following, before) for p in places)


def _key(heading: Heading) -> tuple[str, str, int | None, str]:
    return heading.kind, heading.unit, heading.number, heading.title if heading.number is None else ""


def _contents(lines: list[str], places: list[Place]) -> set[int]:
    """Lines of tables of contents: headings in a row, with nothing between, that come again further on."""
    gone: set[int] = set()
    bodies = [_body(lines, places, i) for i in range(len(places))]
    start = 0
    while start < len(places):
        end = start
        while end < len(places) and bodies[end] <= CONTENTS_BODY:
            end += 1
        # The last entry may have a foreword behind it: it belongs to the list when its own chapter still follows.
        later = Counter(_key(place.heading) for place in places[end:])
        run = places[start:end]
        if end < len(places) and later[_key(places[end].heading)] > 1 and len(run) >= CONTENTS_RUN - 1:
            run = places[start : end + 1]
        if len(run) >= CONTENTS_RUN and sum(later[_key(place.heading)] > 0 for place in run) > 0.6 * len(run):
            gone.update(range(run[0].line, run[-1].line + 1))
            gone.update(_contents_word(lines, run[0].line))
        start = max(end, start) + 1
    return gone | _lists_in_a_line(lines, places) | _titles_alone(lines, places)


def _body(lines: list[str], places: list[Place], i: int) -> int:
    """Characters between a heading and the next one."""
    end = places[i + 1].line if i + 1 < len(places) else len(lines)
    length = 0
    for line in lines[places[i].line + 1 : end]:
        length += len(line.strip(" \t\u3000.…·0123456789"))
        if length > CONTENTS_BODY:
            break
    return length


def _contents_word(lines: list[str], first: int) -> set[int]:
    """The line that says 目录, if it stands right above the list."""
    i = first - 1
    while i >= 0 and not lines[i].strip():
        i -= 1
    return {i} if i >= 0 and _CONTENTS_WORD.fullmatch(lines[i]) else set()


def _lists_in_a_line(lines: list[str], places: list[Place]) -> set[int]:
    """Lines that hold two or more headings, where the book has its headings on lines of their own as well."""
    if len(places) < CONTENTS_RUN:
        return set()
    last = places[-1].line
    return {
        i
        for i, line in enumerate(lines[:last])
        if len(line) < 500 and _twice(_LISTED.findall(line)) and _only_list(line)
    }


def _twice(units: list[str]) -> bool:
    return len(units) != len(set(units))


def _titles_alone(lines: list[str], places: list[Place]) -> set[int]:
    """Lines above the first heading that are the titles of later chapters, with or without numbers and pages."""
    if not places:
        return set()
    titles = {_bare_title(place.heading.title) for place in places} - {""}
    listed = {i for i, line in enumerate(lines[: places[0].line]) if len(line) < 100 and _bare_title(line) in titles}
    if len(listed) < CONTENTS_RUN:
        return set()
    return listed | _contents_word(lines, min(listed))


def _bare_title(line: str) -> str:
    line = _PAGE.sub("", "".join(line.split()))
    return _PAGE.sub("", _LIST_NUMBER.sub("", line))


def _only_list(line: str) -> bool:
    """No sentence among the headings."""
    return not re.search(r"[。；！？”」]", line) and _LISTED.match(line.strip()) is not None


def _one_level(lines: list[str], places: list[Place]) -> list[Place]:
    """Choose the unit that makes chapters; coarser ones are volumes, finer ones stay in the text."""
    counts = Counter(p.heading.unit for p in places if p.heading.kind == "chapter")
    if "节" in counts and any(unit != "节" and count > 1 for unit, count in counts.items()):
        places = [p for p in places if p.heading.unit != "节"]
        del counts["节"]
    if not counts:  # volumes are all the structure there is
        places = [_as_chapter(p) if p.heading.kind == "volume" else p for p in places]
        return _at_the_ends(places) if any(p.heading.kind == "chapter" for p in places) else places
    if "篇" in counts and len(counts) > 1 and counts["篇"] < max(n for unit, n in counts.items() if unit != "篇"):
        places = [_as_volume(p) if p.heading.unit == "篇" else p for p in places]
    return _without_doubles(lines, _at_the_ends(places))


def _at_the_ends(places: list[Place]) -> list[Place]:
    """Forewords before the first chapter, afterwords behind the last; 附录 in between belongs to the one before it."""
    main = [i for i, place in enumerate(places) if place.heading.kind in ("chapter", "volume")]
    first, last = main[0], main[-1]
    return [
        place
        for i, place in enumerate(places)
        if place.heading.kind in ("chapter", "volume")
        or (place.heading.kind == "front" and i < first)
        or (place.heading.kind == "back" and i > last)
    ]


def _without_doubles(lines: list[str], places: list[Place]) -> list[Place]:
    """A heading printed twice in a row counts once: the later line stays in the text as it is."""
    kept: list[Place] = []
    for place in places:
        double = kept and _key(kept[-1].heading) == _key(place.heading) and place.heading.kind == "chapter"
        between = "".join(lines[kept[-1].line + 1 : place.line]).strip() if double else "x"
        if not double or len(between) > CONTENTS_BODY:
            kept.append(place)
    return kept


def _as_chapter(place: Place) -> Place:
    heading = place.heading
    return Place(
        line=place.line,
        heading=Heading(kind="chapter", unit=heading.unit, number=heading.number, title=heading.title),
    )


def _as_volume(place: Place) -> Place:
    heading = place.heading
    return Place(
        line=place.line,
        heading=Heading(kind="volume", unit=heading.unit, number=heading.number, title=heading.title),
    )
