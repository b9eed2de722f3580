"""Signs: the numbers by which a reader tells the window that answers a question from those that only look like it.

Most compare words. The others tell whether a trained question like this one led here (`bank`), and whether the model
gives the answer to that question from memory. `choice.Choice` weighs them. Every sign is of the size of 1 and
comparable between questions.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.aliases import HAN, LEADS, PLAIN, SURNAME
from shuoshu.answer.index import Index
from shuoshu.answer.quote import Quote
from shuoshu.answer.terms import find_term, fold

Signs = NDArray[np.float32]

WORD_SIGNS = ("search", "covered", "around", "near", "characters", "terms", "rarest", "length", "person")
BANK_SIGNS = ("lead", "memory")
SIGNS = (*WORD_SIGNS, *BANK_SIGNS)
"""Names of the columns, in order: see `word_signs` and `bank_signs`."""

AROUND = 150
"""Characters on each side of a window that count as its surroundings."""
FADE = 100
"""A term so many characters away from a window counts 1/e of one inside (`near`)."""
SAME = 0.999
"""Likeness from which on a question is a trained one, in the same words."""
_FIRST = re.compile(rf"\W*(?P<name>{SURNAME}{HAN})")
_WHO = re.compile(r"谁|何人|哪一?[位个]|什么人|姓甚名谁|\b[Ww]ho")


def word_signs(question: str, quotes: Sequence[Quote], index: Index) -> Signs:
    """The signs that words show, (windows, 9).

    search: BM25 of window and passage, over the weight of the question; covered: share of that weight that stands in
    the window; around: within `AROUND` characters; near: terms further away count less; characters: covered, single
    characters only; terms: share of the terms, unweighed; rarest: whether its rarest term stands here; length, of the
    longest allowed; person: 谁 is asked, and the window names somebody whom the question does not.

    A person counts by every name the lexicon knows: where the book says 玄德, 刘备 is taken to stand.
    """
    wanted = index.weigh(question)
    total = sum(wanted.values()) or 1.0
    single = sum(weight for term, weight in wanted.items() if len(term) == 1) or 1.0
    rarest = max(wanted, key=lambda term: (wanted[term], term), default="")
    who = bool(_WHO.search(question))
    rows = []
    for quote in quotes:
        text = fold(f"{quote.text} {index.lexicon.own_names(quote.text, quote.book)}")
        inside = {term for term in wanted if find_term(text, term)}
        far = _distances(wanted.keys() - inside, quote, index)
        covered = sum(wanted[term] for term in inside)
        rows.append(
            (
                quote.score / total,
                covered / total,
                (covered + sum(wanted[term] for term, away in far.items() if away <= AROUND)) / total,
                (covered + sum(wanted[term] * math.exp(-away / FADE) for term, away in far.items())) / total,
                sum(wanted[term] for term in inside if len(term) == 1) / single,
                len(inside) / max(1, len(wanted)),
                float(rarest in inside),
                len(quote.text) / index.options.window,
                float(who and _names_another(quote.text, question)),
            )
        )
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(WORD_SIGNS))


def bank_signs(windows: int, led: Mapping[int, tuple[float, float]], explained: float) -> Signs:
    """The signs of trained questions that led to a window, (windows, 2); `led`: window → (likeness, log-probability).

    lead: how much more alike the most similar of them is to the question asked than the next one, 1 where it is that
    question in the same words; memory: square root of the probability with which the model gives its answer to the
    question asked. Both count the less, the more of the question is `explained` by what stands around one of the
    windows (the largest `near`): a question whose words the book has needs no signpost, and other questions on the same
    people resemble it (facts only in the text, bundled book: 78 → 85 % picked right; far wordings of trained ones
    30 → 36 %).
    """
    found = np.zeros((windows, len(BANK_SIGNS)), dtype=np.float32)
    ranked = sorted({likeness for likeness, _ in led.values()}, reverse=True)
    for row, (likeness, remembered) in led.items():
        following = ranked[1] if len(ranked) > 1 and likeness <= SAME else 0.0
        found[row] = likeness - following if likeness == ranked[0] else 0.0, math.exp(remembered / 2)
    return found * (1 - explained)


def unknown_names(question: str, index: Index) -> float:
    """1 where the question names somebody who does not occur in the books it is about, else 0.

    People are those jieba tags so, those of other books in the lexicon, and what begins a question like a name: a
    surname and a character that never stands behind it in these books (展昭 is two words to jieba).
    """
    import rjieba

    books = index.named_books(question)
    asked = index.bare(question)
    people = {word for word, tag in rjieba.tag(asked) if tag.startswith("nr") and len(word) > 1}
    first = _FIRST.match(asked)
    if first and first["name"][0] not in LEADS and first["name"][-1] not in PLAIN:
        people.add(first["name"])
    strange = {name for name in people if not index.occurs(name, books)}
    elsewhere = {name for _, _, name in index.lexicon.find(question)}
    elsewhere -= {name for _, _, name in index.lexicon.find(question, tuple(books))}
    return float(bool(strange | elsewhere))


def _distances(terms: Collection[str], quote: Quote, index: Index) -> dict[str, float]:
    """How many characters away from a window each term stands that stands near it."""
    stretch = (quote.book, quote.chapter, max(0, quote.start - 3 * FADE), quote.end + 3 * FADE)
    wide, offset = index.text(*stretch)
    folded, _ = index.text(*stretch, folded=True)
    start, end = quote.start - offset, quote.end - offset
    people = [
        (begin, fold(name)) for begin, stop, name in index.lexicon.find(wide, (quote.book,)) if wide[begin:stop] != name
    ]
    found = {}
    for term in terms:
        places = [*_beside(folded, term, start, end), *(begin for begin, name in people if term in name)]
        away = [start - place if place < start else place - end for place in places if not start <= place < end]
        if away:
            found[term] = float(max(0, min(away)))
    return found


def _beside(folded: str, term: str, start: int, end: int) -> list[int]:
    """Where a term stands outside of a window; of a Chinese one the nearest place on each side is enough."""
    if not re.match(HAN, term):
        return find_term(folded, term)
    places = (folded.rfind(term, 0, max(0, start - 1 + len(term))), folded.find(term, end))
    return [place for place in places if place >= 0]


def _names_another(text: str, question: str) -> bool:
    """Whether the text names a person whom the question does not (as jieba tags people)."""
    import rjieba

    return any(tag == "nr" and len(word) > 1 and word not in question for word, tag in rjieba.tag(text))
