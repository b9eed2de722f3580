"""What number each chapter has, from the numbers that the headings claim.

A claim is kept where the run of claims bears it out, gaps included. A number used twice, miswritten, or begun anew in
each volume gives way to the count. What stands before the first chapter is 0.
"""

from bisect import bisect_right

from shuoshu.books.structure.headings import Heading

_RUN = 0.6  # share of the claims that must rise together to be believed
_LEAP = 3  # chapters missing in one place that a single heading behind the gap is believed


def number_chapters(headings: list[Heading]) -> list[int]:
    """The place of each chapter in the book."""
    front = 0
    while front < len(headings) and headings[front].kind == "front":
        front += 1
    claims = [heading.number for heading in headings[front:]]
    known = [claim for claim in claims if claim is not None]
    if _shuffled(known):
        return [0] * front + _as_claimed(claims)
    believed = _believed(claims)
    if len(believed) < _RUN * len(known) or len(known) < 2:
        believed = set()
    numbers: list[int] = []
    last = 0
    for i, claim in enumerate(claims):
        last = claim if i in believed and claim is not None else last + 1
        numbers.append(last)
    return [0] * front + numbers


def _shuffled(claims: list[int]) -> bool:
    """Whether the chapters are all there, once each, in another order."""
    return len(claims) > 2 and claims != sorted(claims) and sorted(claims) == list(range(min(claims), max(claims) + 1))


def _as_claimed(claims: list[int | None]) -> list[int]:
    """The claims, and for those who make none the number behind the highest before."""
    numbers: list[int] = []
    for claim in claims:
        numbers.append(claim if claim is not None else max(numbers, default=0) + 1)
    return numbers


def _believed(claims: list[int | None]) -> set[int]:
    """The most claims that rise together and leave room for the chapters between them.

    They do where claim minus place does not fall: the longest such run is found with one bisection a claim.
    """
    tails: list[int] = []  # the lowest last value of a run of each length, and the place it has it from
    places: list[int] = []
    before: dict[int, int | None] = {}
    for i, claim in enumerate(claims):
        if claim is None or claim <= i:
            continue
        length = bisect_right(tails, claim - i)
        before[i] = places[length - 1] if length else None
        if length == len(tails):
            tails.append(0)
            places.append(0)
        tails[length], places[length] = claim - i, i
    run: list[int] = []
    at = places[-1] if places else None
    while at is not None:
        run.append(at)
        at = before[at]
    run.reverse()
    return {i for place, i in enumerate(run) if _borne_out(claims, run, place)}


def _borne_out(claims: list[int | None], run: list[int], place: int) -> bool:
    """Whether a claim leaps no further over missing chapters than what follows it confirms."""
    ahead = [(claims[i] or 0) - i for i in run[place : place + 2]]
    behind = (claims[run[place - 1]] or 0) - run[place - 1] if place else ahead[0]
    return ahead[0] - behind <= _LEAP or (len(ahead) > 1 and ahead[1] == ahead[0])
