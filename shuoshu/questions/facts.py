"""Which questions ask for the same fact: what a split must not part and a leak guard must find.

Two records are of one fact when they share an id, when their wordings nearly agree, when their evidence is the same
piece of the book, or when they share the key and speak of the same things. Nothing is compared pair by pair: each rule
looks only at pairs that share half of a wording, a piece of evidence, a key or an id.
"""

import itertools
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from shuoshu.questions.question import Question

SAME_WORDING = 0.8
"""Jaccard overlap of character bigrams from which two wordings count as one."""
NEAR_WORDING = 0.5
"""The overlap of near wordings. Neither counts where the keys differ: questions on different facts of the four-novel
set reach 0.54 where only the name asked for differs; those with the same key stay under 0.45."""
SAME_THINGS, SAME_NUMBER, KEY_WITHIN = 0.2, 0.4, 0.45
"""Share of a wording's characters, weighted by rarity, that another one with the same key must have for both to ask for
one fact; where the key is a number, which answers many; and where one key only holds the other."""
TELLING_ANSWER = 8
"""An answer of so many characters is given to one fact only."""
SHINGLE = 10
"""Characters two pieces of evidence must have in common to be the same place in the book."""
SAME_PLACE = "same place"
"""The reason of a link between two facts told in one breath: kept together in a split, but no leak."""
COMMON_KEY = 50
"""A key shared by more records than this (a yes, a number) says nothing about which fact is meant."""
_NUMBER = re.compile("第?[0-9〇零一二三四五六七八九十百千万两半数几余]+[^0-9]?")


@dataclass(frozen=True)
class Link:
    """Records `left` and `right` (places in the list) ask for one fact, and why."""

    left: int
    right: int
    reason: str


def bare(text: str) -> str:
    """Text for comparison: NFKC, lower case, without punctuation and spaces."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text)).lower()


def normal(text: str) -> str:
    """A question for comparison: `bare`, and without 《titles》, which say in every question the same."""
    return bare(re.sub(r"《[^》]*》", "", text))


def bigrams(text: str) -> frozenset[str]:
    """The character bigrams of a normalised text (a single character stands for itself)."""
    text = normal(text)
    return frozenset(text[i : i + 2] for i in range(max(len(text) - 1, 1))) if text else frozenset()


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared share of two sets, 0 to 1."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if left or right else 0.0


@dataclass(frozen=True)
class _View:
    """What the rules look at in a record."""

    id: str
    of: str
    wordings: tuple[frozenset[str], ...]
    things: tuple[frozenset[str], ...]
    """The characters (words, in Latin script) of each wording."""
    said: frozenset[str]
    """Those of the answer."""
    keys: frozenset[str]
    answer: str
    evidence: str
    book: str
    unanswerable: bool


def _view(question: Question) -> _View:
    unanswerable = question.level == "NA"
    keys = [bare(key) for key in question.key]
    if not keys:
        keys = [bare(question.answer)]  # an answer without a key is its own key
    return _View(
        id=question.id,
        of=question.of,
        wordings=tuple(bigrams(wording) for wording in question.wordings()),
        things=tuple(_things(wording) for wording in question.wordings()),
        said=_things(question.answer),
        keys=frozenset() if unanswerable else frozenset(key for key in keys if key),
        answer="" if unanswerable or len(bare(question.answer)) < TELLING_ANSWER else bare(question.answer),
        evidence=bare(question.evidence),
        book=question.book,
        unanswerable=unanswerable,
    )


def links(questions: list[Question], across: int | None = None) -> Iterator[Link]:
    """Yield the pairs of records that ask for one fact, each once, with the first reason that holds.

    With `across`, only pairs with one record before that place and one from it on: two files, joined.
    """
    views = [_view(question) for question in questions]
    rarity = _rarity(views)
    found: set[tuple[int, int]] = set()
    for candidates, rule in (
        (_share_bigrams(views, across or 0), _same_wording),
        (_share_id(views), _same_record),
        (_share_evidence(views), _same_place),
        (_share_answer(views), _same_answer),
        (_share_key(views), _same_things),
    ):
        looked_at: set[tuple[int, int]] = set()
        for pair in candidates:
            if pair in looked_at or pair in found or (across is not None and not pair[0] < across <= pair[1]):
                continue
            looked_at.add(pair)
            one, other = views[pair[0]], views[pair[1]]
            if one.book and other.book and one.book != other.book:
                continue
            if reason := rule(one, other, rarity):
                found.add(pair)
                yield Link(*pair, reason)


def facts(questions: list[Question]) -> list[list[int]]:
    """Group records (their places in the list) by fact, in the order of each fact's first record."""
    parent = list(range(len(questions)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for link in links(questions):
        left, right = sorted((root(link.left), root(link.right)))
        parent[right] = left
    groups: dict[int, list[int]] = defaultdict(list)
    for i in range(len(questions)):
        groups[root(i)].append(i)
    return list(groups.values())


def keys_agree(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets of normalised keys name the same thing: one equal, or one of two characters and more within."""
    return any(a == b or (min(len(a), len(b)) > 1 and (a in b or b in a)) for a in one for b in other)


def _same_wording(one: _View, other: _View, rarity: dict[str, float]) -> str:
    # Wordings of very different length cannot overlap enough: not worth comparing.
    pairs = itertools.product(one.wordings, other.wordings)
    near = (jaccard(a, b) for a, b in pairs if NEAR_WORDING <= len(a) / (len(b) or 1) <= 1 / NEAR_WORDING)
    overlap = max(near, default=0.0)
    if overlap == 1 or (overlap >= SAME_WORDING and not _told_apart(one, other)):
        return "same wording"
    # 一灯守灯人的外号 and 六灯守灯人的外号 differ in one character, and their keys tell them apart.
    return "near wording" if overlap >= NEAR_WORDING and not _told_apart(one, other) else ""


def _same_record(one: _View, other: _View, rarity: dict[str, float]) -> str:
    # Files of different origin may both count their records from 1: other keys tell such namesakes apart.
    return "same record" if one.of or other.of or not _told_apart(one, other) else ""


def _same_place(one: _View, other: _View, rarity: dict[str, float]) -> str:
    return SAME_PLACE if _told_apart(one, other) else "same evidence"


def _same_answer(one: _View, other: _View, rarity: dict[str, float]) -> str:
    # Where both show their evidence, and it is not the same, the answer is a form of words: 这句话是武松说的。
    return "" if one.evidence and other.evidence else "same answer"


def _told_apart(one: _View, other: _View) -> bool:
    if one.unanswerable or other.unanswerable:
        return one.unanswerable != other.unanswerable
    return bool(one.keys and other.keys) and not keys_agree(one.keys, other.keys)


def _same_things(one: _View, other: _View, rarity: dict[str, float]) -> str:
    if not keys_agree(one.keys, other.keys):
        return ""
    shared = one.keys & other.keys
    # The key itself is shared by every question it answers: only what else is said counts.
    spoken = frozenset().union(*(_things(key) for key in shared))
    least = KEY_WITHIN if not shared else SAME_NUMBER if all(map(_NUMBER.fullmatch, shared)) else SAME_THINGS
    if one.evidence and other.evidence:  # shown by two places of the book, so rather two facts
        least = max(least, SAME_NUMBER)
    for asked, told in itertools.product(one.things, other.things):
        if not shared:  # an answer without a key holds the key of the other: what it says besides counts as well
            asked, told = asked | one.said, told | other.said
        if _share(asked - spoken, told - spoken, rarity) >= least:
            return "same key and things"
    return ""


def _share(one: frozenset[str], other: frozenset[str], rarity: dict[str, float]) -> float:
    whole = min(sum(rarity[thing] for thing in things) for things in (one, other))
    return sum(rarity[thing] for thing in one & other) / whole if whole else 0.0


def _things(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", re.sub(r"《[^》]*》", "", text)).lower()
    return frozenset(re.findall(r"[a-z]+|[^\W_]", plain))


def _rarity(views: list[_View]) -> dict[str, float]:
    counts = Counter(mark for view in views for mark in frozenset().union(*view.wordings, *view.things, view.said))
    return {mark: math.log((len(views) + 1) / (count + 0.5)) for mark, count in counts.items()}


def _share_id(views: list[_View]) -> Iterator[tuple[int, int]]:
    return _pairs((name, i) for i, view in enumerate(views) for name in dict.fromkeys((view.id, view.of)) if name)


def _share_evidence(views: list[_View]) -> Iterator[tuple[int, int]]:
    def shingles() -> Iterator[tuple[str, int]]:
        for i, view in enumerate(views):
            text = view.evidence
            if len(text) >= SHINGLE:
                yield from ((text[at : at + SHINGLE], i) for at in range(len(text) - SHINGLE + 1))
            elif text:
                yield text, i

    return _pairs(shingles())


def _share_answer(views: list[_View]) -> Iterator[tuple[int, int]]:
    return _pairs((view.answer, i) for i, view in enumerate(views) if view.answer)


def _share_key(views: list[_View]) -> Iterator[tuple[int, int]]:
    # Keys that hold one another (黄狮, 狮子精) meet through their bigrams; single characters stand for themselves.
    keyed = ((gram, i) for i, view in enumerate(views) for key in view.keys for gram in bigrams(key))
    return _pairs(keyed, most=COMMON_KEY)


def _share_bigrams(views: list[_View], first: int) -> Iterator[tuple[int, int]]:
    """Pairs with wordings that overlap by NEAR_WORDING, the later record being `first` or after.

    Every wording is compared with all those before it at once: how often a wording stands in the lists of this one's
    bigrams is how many they share.
    """
    wordings = [(i, wording) for i, view in enumerate(views) for wording in view.wordings if wording]
    owners = np.array([i for i, _ in wordings])
    sizes = np.array([len(wording) for _, wording in wordings])
    holders: dict[str, list[int]] = defaultdict(list)
    for row, (_, wording) in enumerate(wordings):
        for gram in wording:
            holders[gram].append(row)
    lists = {gram: np.array(rows) for gram, rows in holders.items()}
    for row, (i, wording) in enumerate(wordings):
        if i < first:
            continue
        shared = np.bincount(np.concatenate([lists[gram] for gram in wording]), minlength=row)[:row]
        near = shared >= NEAR_WORDING * (sizes[:row] + sizes[row] - shared)
        yield from ((other, i) for other in np.unique(owners[:row][near]).tolist() if other < i)


def _pairs(marks: Iterable[tuple[str, int]], most: int | None = None) -> Iterator[tuple[int, int]]:
    """Every pair of places (in order) that share a mark; marks shared by more than `most` places are passed over."""
    places: dict[str, list[int]] = defaultdict(list)
    for mark, i in marks:
        if not places[mark] or places[mark][-1] != i:
            places[mark].append(i)
    for shared in places.values():
        if most is None or len(shared) <= most:
            yield from itertools.combinations(shared, 2)
