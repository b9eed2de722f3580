"""Pointing: the words around the best windows that are the answer, and the quotation that most surely holds it.

A window is found by the words it shares with the question, and the answer is what the question does not say: it stands
beside these words as often as among them (four novels: in the best window for 29 questions in a hundred, within a
window's length of it for 45). So every word of the ten best windows and their surroundings is weighed by its signs
(`words`), a softmax over all of them says how likely each is the answer, and quoted is the run of clauses that holds
most of that.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.index import Index
from shuoshu.answer.passages import CLOSERS, shown_length
from shuoshu.answer.quote import Quote
from shuoshu.answer.words import CLAUSE_END, Region, Word

BEST_FORM = 0.15
"""What is added to the likelihood of a run, as a share of it, for beginning and ending with a sentence."""
_OPENS = re.compile(rf"(?:^|[“‘]|(?:[。！？…\n]|[.!?](?=\W))[{CLOSERS}]*\s*)$")
_ENDS = re.compile(rf"[。！？….!?][{CLOSERS}]*$")


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """Where the answer stands."""

    quote: Quote
    """The words to quote."""
    region: int
    """Number of the region they are from."""
    worth: dict[str, float]
    """The words within, each with how likely it is the answer, wherever it stands."""

    @property
    def mass(self) -> float:
        """How likely the quotation holds the answer."""
        return sum(self.worth.values())


def best_run(regions: Sequence[Region], words: Sequence[Word], chances: NDArray[np.float64], index: Index) -> Pointed:
    """The run of whole clauses, as long as a quotation may be, whose words are likeliest the answer.

    A word counts with all its places, wherever they are: what stands twice near the question's words is the likelier.
    Of runs about as likely, one that reads well. Where nothing can be pointed at, the best window.
    """
    worth: Counter[str] = Counter()
    for word, chance in zip(words, chances.tolist(), strict=True):
        worth[word.text] += chance
    best, most = Pointed(quote=regions[0].quote, region=0, worth={}), 0.0
    for number, region in enumerate(regions):
        own = [word for word in words if word.region == number]
        for start, end, mass, inside in _runs(region, own, worth, index.options.window):
            if mass * (1 + BEST_FORM) <= most:
                continue
            value = mass * (1 + _form(region.text, start, end))
            if value > most and (quote := _quote(region, start, end, index)) is not None:
                best = Pointed(quote=quote, region=number, worth={text: worth[text] for text in inside})
                most = value
    return best


def _form(text: str, start: int, end: int) -> float:
    """How well a run reads by itself: whether it begins and ends as a sentence does, within one paragraph.

    For no loss (840 trained questions of four novels: 38.6 and 38.8 % right) 88 quotations in a hundred begin with a
    sentence in place of 49, and 5 in place of 16 run over two paragraphs.
    """
    opens = _OPENS.search(text[max(0, start - 4) : start]) is not None
    ends = _ENDS.search(text[start:end]) is not None
    return (BEST_FORM - 0.05) * opens + 0.05 * ends - 0.1 * ("\n" in text[start:end])


def _runs(
    region: Region, words: Sequence[Word], worth: Mapping[str, float], limit: int
) -> Iterator[tuple[int, int, float, set[str]]]:
    """Every run of clauses of a region of at most `limit` characters after NFKC: start, end, worth, words.

    The set grows with the run; a caller that keeps it copies it.
    """
    whole = region.text
    shown = [0, *accumulate(map(shown_length, whole))]
    window = (region.quote.start - region.offset, region.quote.end - region.offset)
    bounds = sorted({*(found.end() for found in CLAUSE_END.finditer(whole)), *window})
    stops = [len(whole[:bound].rstrip()) for bound in bounds]
    for place, start in enumerate(bounds):
        inside: set[str] = set()
        mass = 0.0
        at = bisect_left(words, start, key=lambda word: word.start)
        for end, stop in zip(bounds[place + 1 :], stops[place + 1 :], strict=True):
            if shown[max(start, stop)] - shown[start] > limit:
                break
            while at < len(words) and words[at].end <= end:
                if (text := words[at].text) not in inside:
                    inside.add(text)
                    mass += worth[text]
                at += 1
            yield start, stop, mass, inside


def _quote(region: Region, start: int, end: int, index: Index) -> Quote | None:
    """These words of a region as a quotation; None where they are not the book's own, to the last space."""
    text, old = region.text[start:end], region.quote
    start += region.offset + len(text) - len(text.lstrip())
    end = start + len(text.strip())
    for passage in index.passages_at(old.book, old.chapter, start, end):
        text = passage.text[start - passage.start : end - passage.start]
        return replace(old, start=start, end=end, text=text)
    return None
