"""How a book is built: which lines are its headings, which only list them, and what number each chapter has.

A single line cannot be trusted: 第三掌劈到面门 is no heading, and a table of contents repeats them all. The run of
numbers over the whole book decides.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from shuoshu.books.account import Account
from shuoshu.books.structure.bare import bare_headings
from shuoshu.books.structure.contents import BODY, bare_title, contents_lines, key, listing_lines
from shuoshu.books.structure.glued import split_headings
from shuoshu.books.structure.headings import Heading, parse_heading
from shuoshu.books.structure.names import doubled_titles, join_titles, without_tails
from shuoshu.books.structure.place import Place

_LED = 0.5  # share of the headings of a unit that a name before the number must stand in
_COPIED = 0.9  # share of a chapter's lines that must stand in an earlier one of the same heading to be its copy


def find_headings(lines: list[str], account: Account, *, contents: bool = True) -> tuple[list[str], list[Place]]:
    """Find the headings of a book's lines; returns the lines without tables of contents, and the headings in order."""
    lines = split_headings(lines, account)
    listings = listing_lines(lines)
    places = [
        Place(line=i, heading=heading)
        for i, line in enumerate(lines)
        if i not in listings and (heading := parse_heading(line))
    ]
    places = _in_sequence(_led(places))
    if not any(place.heading.kind == "chapter" for place in places):
        volumes = {place.line: place.heading for place in places if place.heading.kind == "volume"}
        bare = volumes | {i: heading for i, heading in bare_headings(lines) if i not in volumes}
        places = [Place(line=i, heading=heading) for i, heading in sorted(bare.items())] if len(bare) > 1 else places
    if contents:
        lines, places = _drop(lines, places, contents_lines(lines, places, listings), "contents", account)
    places = without_tails(_one_level(places))
    lines, places = _drop(lines, places, _copies(lines, places) | doubled_titles(lines, places), "repeats", account)
    lines, places = join_titles(lines, places, account)
    return lines, _without_doubles(lines, places)


def _led(places: list[Place]) -> list[Place]:
    """Without headings that have a name before the number, unless half of their unit have the same."""
    units = Counter(place.heading.unit for place in places)
    leads = Counter((place.heading.unit, place.heading.lead) for place in places)
    return [
        place
        for place in places
        if not place.heading.lead
        or leads[place.heading.unit, place.heading.lead] >= max(3, _LED * units[place.heading.unit])
    ]


def _in_sequence(places: list[Place]) -> list[Place]:
    """Drop doubtful headings that do not continue the count of the sure ones or of each other."""
    sure = {(p.heading.unit, p.heading.number): "".join(p.heading.title.split()) for p in places if p.heading.sure}
    units = {unit for unit, _ in sure}
    kept: list[Place] = []
    last: dict[str, int] = {}
    listed: set[tuple[str, int | None, str]] = (
        set()
    )  # what was kept: a table of contents, or a chapter that comes twice
    for place in places:
        heading = place.heading
        name = (heading.unit, heading.number, bare_title(heading.title))
        if heading.kind not in ("chapter", "volume"):
            kept.append(place)
            continue
        number = heading.number or 0
        continues = number == last.get(heading.unit, 0) + 1 or (name in listed and name[2] != "")
        if not heading.sure:
            rival = sure.get((heading.unit, heading.number))  # the real heading, or the same in a table of contents
            if not continues or len(heading.title) > 40 or (rival and rival != "".join(heading.title.split())):
                continue
            # A unit counted once in a whole book, in the middle of a sentence, is no structure.
            if heading.unit not in units and not _recurs(places, heading):
                continue
        kept.append(place)
        listed.add(name)
        last[heading.unit] = number
    return kept


def _recurs(places: list[Place], heading: Heading) -> bool:
    """Whether the next number of the same unit turns up as well."""
    following = (heading.number or 0) + 1
    before = following - 2
    return any(p.heading.unit == heading.unit and p.heading.number in (following, before) for p in places)


def _drop(
    lines: list[str], places: list[Place], gone: set[int], rule: str, account: Account
) -> tuple[list[str], list[Place]]:
    """Drop lines, and what headings stand on them."""
    if not gone:
        return lines, places
    kept = [i for i in range(len(lines)) if i not in gone]
    now_at = {old: new for new, old in enumerate(kept)}
    places = [Place(line=now_at[place.line], heading=place.heading) for place in places if place.line not in gone]
    return account.drop_lines(rule, lines, gone), places


def _one_level(places: list[Place]) -> list[Place]:
    """Choose the unit that makes chapters; coarser ones are volumes, finer ones stay in the text."""
    counts = Counter(p.heading.unit for p in places if p.heading.kind == "chapter")
    if "节" in counts and any(unit != "节" and count > 1 for unit, count in counts.items()):
        places = [p for p in places if p.heading.unit != "节"]
        del counts["节"]
    if not counts:  # volumes are all the structure there is
        places = [_as(p, "chapter") if p.heading.kind == "volume" else p for p in places]
        return _at_the_ends(places) if any(p.heading.kind == "chapter" for p in places) else places
    if "篇" in counts and len(counts) > 1 and counts["篇"] < max(n for unit, n in counts.items() if unit != "篇"):
        places = [_as(p, "volume") if p.heading.unit == "篇" else p for p in places]
    return _at_the_ends(places)


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


def _as(place: Place, kind: str) -> Place:
    return replace(place, heading=replace(place.heading, kind=kind, volume=""))


def _copies(lines: list[str], places: list[Place]) -> set[int]:
    """Lines of chapters that stand in the book already under the same heading, and of headings printed twice."""
    gone: set[int] = set()
    bodies: dict[tuple[str, ...], set[str]] = {}
    ends = [*(place.line for place in places[1:]), len(lines)]
    for place, end in zip(places, ends, strict=bool(places)):
        body = [line.strip() for line in lines[place.line + 1 : end] if line.strip()]
        name = (*map(str, key(place.heading)), "".join(place.heading.title.split()))
        if sum(map(len, body)) <= BODY:
            continue
        earlier = bodies.get(name)
        if earlier is not None and sum(line in earlier for line in body) > _COPIED * len(body):
            gone.update(range(place.line, end))
        elif place.heading.kind == "chapter":
            bodies[name] = set(body) | (earlier or set())
    return gone


def _without_doubles(lines: list[str], places: list[Place]) -> list[Place]:
    """A heading printed twice in a row counts once: the later line stays in the text as it is."""
    kept: list[Place] = []
    for place in places:
        double = kept and key(kept[-1].heading) == key(place.heading) and place.heading.kind == "chapter"
        if not double or _length(lines[kept[-1].line + 1 : place.line]) > BODY:
            kept.append(place)
    return kept


def _length(lines: Iterable[str]) -> int:
    return len(re.sub(r"\s", "", "".join(lines)))
