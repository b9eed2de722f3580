"""The words in and around the best windows, and the signs by which the answer is known among them (`point`).

Whether a word is of the kind that is asked for, and how near the words stand that the question turns on.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.aliases import HAN
from shuoshu.answer.company import PLACE
from shuoshu.answer.index import Index
from shuoshu.answer.passages import CLOSERS, SENTENCE_END
from shuoshu.answer.quote import Quote
from shuoshu.answer.signs import BANK_SIGNS, SIGNS, WORD_SIGNS, Signs
from shuoshu.answer.terms import Kind, find_term, fold

REGIONS = 10
"""Windows looked at with their surroundings."""

PLACE_SIGNS = ("share", "inside", "after", "before")
KIND_SIGNS = (
    "asked", "person", "place", "number", "noun", "verb", "function", "single", "long", "rare",
)  # fmt: skip
NEAR_SIGNS = ("near", "wide", "behind", "focus", "clause", "clause_focus", "sentence", "sentence_focus")
CUE_SIGNS = (
    "called", "used", "object", "speaks", "quoted", "head_near", "head_end", "opens", "closes", "counted",
    "person_near",
)  # fmt: skip
_ALIKE = ("like_person", "like_place")
_OWN = (*PLACE_SIGNS, *KIND_SIGNS, *NEAR_SIGNS, *CUE_SIGNS, "answer", *_ALIKE)
"""Columns of a word's own signs. `answer`, whether it is of a trained one, counts with the window's only, and `_ALIKE`,
how like somebody or some place it stands (`company`), where that is asked for."""
KEY_SIGNS = ("key_lead", "key_memory")
ASKED_SIGNS = (
    "who_person", "who_speaks", "who_noun", "who_person_focus", "number_number", "number_focus", "where_place",
    "where_noun", "name_called", "name_person", "name_quoted", "name_rare", "why_verb", "how_verb", "what_noun",
    "what_used", "what_person", "what_head", "who_alike", "where_alike",
)  # fmt: skip
WINDOW_SIGNS = tuple(f"window_{name}" for name in SIGNS)
POINT_SIGNS = (
    *PLACE_SIGNS, *KIND_SIGNS, *NEAR_SIGNS, *CUE_SIGNS, *WINDOW_SIGNS, *(f"inside_{name}" for name in BANK_SIGNS),
    *KEY_SIGNS, *ASKED_SIGNS,
)  # fmt: skip
"""Names of the columns, in order: see `point_signs`."""

_ASKED_FOR = {
    "who": re.compile("谁|何人|哪一?[位个员名]|什么人|哪些人|哪几[位个]|哪[两三四]|\\b[Ww]ho"),
    "number": re.compile(
        "多少|几|多[大长重高远久]|何[时年]|哪一?[年天日]|\\b(?:[Hh]ow (?:many|much|old|long|far)|[Ww]hen)\\b"
    ),
    "where": re.compile("哪里|何处|哪儿|什么地方|哪一?[座处]|在哪|什么[山城庙寺洞楼]|\\b[Ww]here\\b"),
    "name": re.compile(
        "叫做?什么|名字|绰号|外号|法名|道号|名叫|小名|表字|叫作|取名|自称|姓什么|名目|何名|\\b(?:name|called)\\b"
    ),
    "why": re.compile("为什么|为何|缘故|原因|何故|\\b[Ww]hy\\b"),
    "how": re.compile("怎样|怎么|如何|什么办法|什么计|\\b[Hh]ow (?:did|do|does|was|is|can)\\b"),
}
_ASKING = re.compile(
    "谁|什么|多少|几|哪|何|怎|名字|绰号|多[大长重高远久]|缘故|原因|\\b(?:who|what|which|when|where|why|how)\\b",
    re.IGNORECASE,
)
_HEAD = re.compile(rf"(?:什么|哪一?[个件种座位条员道]|何)({HAN}{{1,2}})")
_CALLED = re.compile(r"[叫名唤号曰是乃为称]|\b(?:named|called|is|was)")
_USED = re.compile("[使用取拿将把执持]|(?<=一)[柄条把杆个座匹根口]")
_OBJECT = frozenset("把被与和对向将见令教命遣使拜")
_NUMBER = re.compile("^(?:[第数]?[一二三四五六七八九十百千万两半]|[0-9])")
_LETTER = re.compile(r"\w")
CLAUSE_END = re.compile(rf"(?:{SENTENCE_END.pattern}|(?:[，；：]|[,;:](?!\d))[{CLOSERS}]*|\n)\s*")
_STOP = re.compile(rf"(?:{SENTENCE_END.pattern}|\n)\s*")
_SPEAKS, _OPENERS = frozenset("道曰说"), frozenset("“‘「《")
_FUNCTION, _COUNTS = tuple("updcry"), ("m", "mq", "q")
_TERM: dict[int, Kind] = {1: "characters", 2: "pairs"}
"""Kind of term (`terms.KINDS`) by length; longer ones are words."""
CLOSE, FAR = 15, 40
"""Characters at which a term of the question counts 1/e for a word beside it: `near`, and `wide`."""
TURN = 6
"""The same within the question, from the word that asks: what it turns on (`focus`)."""
ENGLISH = 4
"""How many letters of an alphabet reach as far as one Chinese character."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A window, and the text around it that may hold the answer."""

    quote: Quote
    """The window."""
    text: str
    offset: int
    """Where the text begins in its chapter."""
    signs: NDArray[np.float32]
    """(len(SIGNS),) of the window."""
    share: float
    """Log of the window's share in the softmax over all that were found."""
    keys: tuple[str, ...]
    """Answers of the trained questions that led to this window."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a region, by its place in the region's text."""

    region: int
    start: int
    end: int
    text: str


def cut_regions(
    quotes: Sequence[Quote], signs: Signs, scores: NDArray[np.float64], keys: dict[int, tuple[str, ...]], index: Index
) -> list[Region]:
    """The best windows with their surroundings, best first."""
    reach = index.options.window
    shares = scores - np.logaddexp.reduce(scores)
    regions = []
    for row in np.argsort(-scores, kind="stable")[:REGIONS].tolist():
        quote = quotes[row]
        text, offset = index.text(quote.book, quote.chapter, max(0, quote.start - reach), quote.end + reach)
        regions.append(
            Region(
                quote=quote,
                text=text,
                offset=offset,
                signs=signs[row],
                share=float(shares[row]),
                keys=keys.get(row, ()),
            )
        )
    return regions


def point_signs(question: str, regions: Sequence[Region], index: Index) -> tuple[list[Word], Signs]:
    """The words of the regions, each once, and their signs, (words, len(POINT_SIGNS)).

    share: how likely the window is; inside it, after it, or before it. asked: the question says the word; the rest of
    its kind by jieba's tags, the lexicon and the last character, none of it counting for what the question says.
    near, wide, behind, focus: weight of the question's terms, less the further they stand, those to the left alone
    (behind), those near the asking word in the question (focus); clause and sentence: weight within these. Cues: what
    stands before or after (called: 名叫; used: 使一柄), and the noun behind 什么 (head). All signs of the window; the
    bank's also for what is inside it, and for the words of the trained answer alone. Last, what suits the kind of
    question.
    """
    asked = _Asked.of(question, index)
    seen: set[tuple[str, int, int]] = set()
    words: list[Word] = []
    parts = [np.zeros((0, len(POINT_SIGNS)), dtype=np.float32)]
    for number, region in enumerate(regions):
        found, own = _look(number, region, asked, index, seen)
        if found:
            words += found
            parts.append(_crossed(own, region, asked))
    return words, np.concatenate(parts)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a question asks for."""

    text: str
    wanted: dict[str, float]
    """Weight of every term, 1 in all."""
    focus: dict[str, float]
    """The same, of those near the asking word."""
    people: frozenset[str]
    head: str
    kind: dict[str, float]
    unit: float
    """Characters that count as one."""

    @classmethod
    def of(cls, question: str, index: Index) -> "_Asked":
        wanted = index.weigh(question)
        total = sum(wanted.values()) or 1.0
        folded = fold(question)
        unit = 1.0 if re.search(HAN, question) else float(ENGLISH)
        turns = [found.start() for found in _ASKING.finditer(question)]
        focus = {
            term: weight
            * math.exp(
                -min((abs(place - turn) for place in find_term(folded, term) for turn in turns), default=5 * TURN)
                / (unit * TURN)
            )
            for term, weight in wanted.items()
        }
        turned = sum(focus.values()) or 1.0
        head = _HEAD.search(question)
        kind = {name: float(bool(pattern.search(question))) for name, pattern in _ASKED_FOR.items()}
        return cls(
            text=question,
            wanted={term: weight / total for term, weight in wanted.items()},
            focus={term: weight / turned for term, weight in focus.items()},
            people=frozenset(name for _, _, name in index.lexicon.find(question)),
            head=head[1] if head else "",
            kind={**kind, "what": float(not any(kind.values()))},
            unit=unit,
        )


def _look(
    number: int, region: Region, asked: _Asked, index: Index, seen: set[tuple[str, int, int]]
) -> tuple[list[Word], Signs]:
    """The words of one region that are not among the places `seen`, and their own signs; their places are added."""
    import rjieba

    text, quote = region.text, region.quote
    first, last = quote.start - region.offset, quote.end - region.offset
    people = index.lexicon.find(text, (quote.book,))
    named = {place: name for start, end, name in people for place in range(start, end)}
    tagged = rjieba.tag(text)
    ends = list(accumulate(len(word) for word, _ in tagged))
    kept: list[int] = []
    for at, (word, _) in enumerate(tagged):
        spot = (quote.book, quote.chapter, region.offset + ends[at] - len(word))
        if _LETTER.search(word) and spot not in seen:
            seen.add(spot)
            kept.append(at)
    if not kept:
        return [], np.zeros((0, len(_OWN)), dtype=np.float32)
    words = [Word(number, ends[at] - len(tagged[at][0]), ends[at], tagged[at][0]) for at in kept]
    starts, stops = np.array([word.start for word in words]), np.array([word.end for word in words])

    folded = fold(text)
    known = [word.text in asked.text or named.get(word.start) in asked.people for word in words]
    new = 1.0 - np.array(known)
    person, place, count, noun, verb, function, single, long = np.array([_kind(*tagged[at]) for at in kept]).T
    person = new * np.maximum(person, [word.start in named for word in words])
    rare = [index.idf(_TERM.get(len(word.text), "words"), folded[word.start : word.end]) / 10 for word in words]

    places = _places(folded, text, asked, people)
    near, wide, behind, focus = _nearness(starts, stops, places, asked).T
    clauses, sentences = _Stretches(CLAUSE_END, text, places, asked), _Stretches(_STOP, text, places, asked)
    clause, clause_focus = clauses.held(starts)
    sentence, sentence_focus = sentences.held(starts)
    begins, closes = clauses.around(starts)

    called = {found.end() for found in _CALLED.finditer(text)}
    called |= {end + 1 for end in called if not _LETTER.match(text, end)}
    used = {found.end() for found in _USED.finditer(text)}
    headed = [0.0] * len(words)
    if asked.head:
        headed = [asked.head[0] in text[begin:close] for begin, close in zip(begins, closes, strict=True)]
    ended = [bool(asked.head) and asked.head[-1] == word.text[-1] for word in words]
    keys = [range(found.start(), found.end()) for key in region.keys for found in re.finditer(re.escape(key), text)]
    answer = [any(word.start < key.stop and key.start < word.end for key in keys) for word in words]
    like_person, like_place = new * np.array([index.company.of(word.text) for word in words]).T
    columns = (
        np.full(len(words), region.share), (first <= starts) & (stops <= last), starts >= last, stops <= first,
        known, person, new * place, count, new * noun, new * verb, function, single, long, new * rare,
        near, wide, behind, focus, clause, clause_focus, sentence, sentence_focus,
        [word.start in called for word in words], [word.start in used for word in words],
        [text[word.start - 1 : word.start] in _OBJECT for word in words],
        [text[word.end : word.end + 1] in _SPEAKS for word in words],
        [text[max(0, word.start - 1) : word.start] in _OPENERS for word in words],
        headed, new * ended, starts == begins, stops >= closes - 1,
        [at > 0 and tagged[at - 1][1] in _COUNTS for at in kept], person * near, answer,
        like_person, like_place,
    )  # fmt: skip
    return words, np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


@lru_cache(maxsize=50_000)
def _kind(word: str, tag: str) -> tuple[bool, ...]:
    """What a word is by itself: person, place, number, noun, verb, function word, one character, more than two."""
    return (
        tag.startswith("nr") and len(word) > 1, tag == "ns" or bool(PLACE.match(word)),
        bool(_NUMBER.match(word)) or tag in ("m", "mq"), tag[:1] == "n", tag[:1] == "v", tag[:1] in _FUNCTION,
        len(word) == 1, len(word) > 2,
    )  # fmt: skip


def _crossed(own: Signs, region: Region, asked: _Asked) -> Signs:
    """The words' own signs (words, len(_OWN)) with those of the window, and what both and the question's kind make."""
    sign = dict(zip(_OWN, own.T, strict=True))
    answer = sign["answer"]
    person, count, place, noun, verb = (sign[name] for name in ("person", "number", "place", "noun", "verb"))
    window = np.broadcast_to(region.signs, (len(own), len(SIGNS)))
    bank = window[:, len(WORD_SIGNS) :]
    ask = asked.kind
    suits = (
        ask["who"] * person, ask["who"] * sign["speaks"], ask["who"] * noun, ask["who"] * person * sign["focus"],
        ask["number"] * count, ask["number"] * count * sign["focus"], ask["where"] * place, ask["where"] * noun,
        ask["name"] * sign["called"], ask["name"] * person, ask["name"] * sign["quoted"], ask["name"] * sign["rare"],
        ask["why"] * verb, ask["how"] * verb,
        ask["what"] * noun, ask["what"] * sign["used"], ask["what"] * person, ask["what"] * sign["head_near"],
        ask["who"] * sign["like_person"], ask["where"] * sign["like_place"],
    )  # fmt: skip
    beside = bank * sign["inside"][:, None], bank * answer[:, None]
    return np.hstack([own[:, : _OWN.index("answer")], window, *beside, np.stack(suits, axis=1)], dtype=np.float32)


class _Stretches:
    """Clauses or sentences of a text, and how much of the question each holds."""

    def __init__(self, mark: re.Pattern[str], text: str, places: dict[str, list[int]], asked: _Asked) -> None:
        self._bounds = [0, *(found.end() for found in mark.finditer(text))]
        if self._bounds[-1] < len(text):
            self._bounds.append(len(text))
        self._held = [(0.0, 0.0)] * len(self._bounds)
        for term, found in places.items():
            rows = {row for place in found if (row := self._row(place)) == self._row(place + len(term) - 1)}
            for row in rows:
                weight, focus = self._held[row]
                self._held[row] = weight + asked.wanted[term], focus + asked.focus[term]

    def around(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Starts and ends of the stretches that places are in."""
        bounds, rows = np.array(self._bounds), self._rows(places)
        return bounds[rows], bounds[np.minimum(rows + 1, len(bounds) - 1)]

    def held(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of the question's terms in these stretches, (2, places): all and in focus."""
        return np.array(self._held)[self._rows(places)].T

    def _rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._bounds, places, "right") - 1

    def _row(self, place: int) -> int:
        return bisect_right(self._bounds, place) - 1


def _places(folded: str, text: str, asked: _Asked, people: list[tuple[int, int, str]]) -> dict[str, list[int]]:
    """Where the terms of the question stand in a text; a person's also where they are called otherwise."""
    found = {term: places for term in asked.wanted if (places := find_term(folded, term))}
    for start, end, name in people:
        if text[start:end] != name:
            for term in asked.wanted:
                if len(term) > 1 and term in fold(name):
                    found.setdefault(term, []).append(start)
    return found


def _nearness(
    starts: NDArray[np.int64], ends: NDArray[np.int64], places: dict[str, list[int]], asked: _Asked
) -> NDArray[np.float64]:
    """`near`, `wide`, `behind` and `focus` of words, (words, 4): each term by its nearest place beside the word."""
    away, left = np.full((2, len(places), len(starts)), np.inf)
    for row, (term, found) in enumerate(places.items()):
        begins = np.array([-np.inf, *sorted(found), np.inf])
        stops = begins + len(term)
        left[row] = starts - stops[np.searchsorted(stops, starts, "right") - 1]
        away[row] = np.minimum(left[row], begins[np.searchsorted(begins, ends)] - ends)
    weights = np.array([(asked.wanted[term], asked.focus[term]) for term in places]).reshape(-1, 2)
    close = np.exp(-away / (CLOSE * asked.unit))
    return np.stack(
        [
            weights[:, 0] @ close,
            weights[:, 0] @ np.exp(-away / (FAR * asked.unit)),
            weights[:, 0] @ (close * (left == away)),
            weights[:, 1] @ close,
        ],
        axis=1,
    )
