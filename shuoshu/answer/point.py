"""Pointing: the words around the best windows that are the answer, and the quotation that most surely holds it.

A window is found by the words it shares with the question, and the answer is what the question does not say: it stands
beside these words as often as among them (four novels: in the best window for 29 questions in a hundred, within a
window's length of it for 45). So every word of the ten best windows and their surroundings is weighed by its signs
(`words`), a softmax over all of them says how likely each is the answer, and quoted is the run of clauses that holds
most of that.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.index import Index
from shuoshu.answer.passages import shown_length
from shuoshu.answer.quote import Quote
from shuoshu.answer.words import CLAUSE_END, Region, Word


def best_run(
    regions: Sequence[Region], words: Sequence[Word], chances: NDArray[np.float64], index: Index
) -> tuple[Quote, int, float]:
    """The run of whole clauses, as long as a quotation may be, whose words are likeliest the answer: itself, the number
    of its region, and how likely it holds the answer.

    A word counts with all its places, wherever they are: what stands twice near the question's words is the likelier.
    Where nothing can be pointed at, the best window.
    """
    worth: Counter[str] = Counter()
    for word, chance in zip(words, chances.tolist(), strict=True):
        worth[word.text] += chance
    best = regions[0].quote, 0, 0.0
    for number, region in enumerate(regions):
        own = [word for word in words if word.region == number]
        for start, end, mass in _runs(region, own, worth, index.options.window):
            held = mass > best[2] and _quote(region, start, end, index)
            if held:
                best = held, number, mass
    return best


def _runs(
    region: Region, words: Sequence[Word], worth: Mapping[str, float], limit: int
) -> Iterator[tuple[int, int, float]]:
    """Every run of clauses of a region of at most `limit` characters after NFKC: start, end, worth of its words."""
    text = region.text
    shown = [0, *accumulate(map(shown_length, text))]
    window = (region.quote.start - region.offset, region.quote.end - region.offset)
    bounds = sorted({*(found.end() for found in CLAUSE_END.finditer(text)), *window})
    stops = [len(text[:bound].rstrip()) for bound in bounds]
    for place, start in enumerate(bounds):
        inside: set[str] = set()
        mass, at = 0.0, bisect_left(words, start, key=lambda word: word.start)
        for end, stop in zip(bounds[place + 1 :], stops[place + 1 :], strict=True):
            if shown[max(start, stop)] - shown[start] > limit:
                break
            while at < len(words) and words[at].end <= end:
                if words[at].text not in inside:
                    inside.add(words[at].text)
                    mass += worth[words[at].text]
                at += 1
            yield start, stop, mass


def _quote(region: Region, start: int, end: int, index: Index) -> Quote | None:
    """These words of a region as a quotation; None where they are not the book's own, to the last space."""
    text, old = region.text[start:end], region.quote
    start += region.offset + len(text) - len(text.lstrip())
    end = start + len(text.strip())
    for passage in index.passages_at(old.book, old.chapter, start, end):
        text = passage.text[start - passage.start : end - passage.start]
        return replace(old, start=start, end=end, text=text)
    return None
