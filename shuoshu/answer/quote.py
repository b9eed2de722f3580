"""Quotations: the windows of the best passages, scored by what they share with the question.

The reader (`read.Reader`) chooses among the widest of them. The first by score alone is the baseline it is measured
against: the window (`passages.windows`) that shares the most, by its own BM25 plus half that of the passage around it.
BM25 of a window does not count its length (b = 0): every window is short, and of two that share as much the longer one
is likelier to hold the answer.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from shuoshu.answer.index import Hit, Index
from shuoshu.answer.passages import Span, windows
from shuoshu.answer.terms import find_term, fold

PASSAGES = 20
"""How many passages are read for a question: nine questions in ten on four novels have their answer among so many."""
SURROUNDINGS = 0.5
"""Weight of the passage's score beside the window's own; 0.25 to 1 do the same within a point."""
K1 = 0.5
"""A term said twice in a window counts little more than once."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words of a book and where they stand: `chapter.text[start:end] == text`."""

    book: str
    chapter: int
    title: str
    """Heading of the chapter."""
    start: int
    """Offset in `Chapter.text`, in characters."""
    end: int
    text: str
    score: float
    """How well it fits the question; larger is better."""


def best_quote(question: str, index: Index, k: int = PASSAGES) -> Quote | None:
    """The best quotation of at most `index.options.window` characters for a question, from the best `k` passages.

    None where no term of the question stands in the books.
    """
    quotes = rank_quotes(question, index, k)
    return quotes[0] if quotes else None


def rank_quotes(question: str, index: Index, k: int = PASSAGES) -> list[Quote]:
    """All windows of the best `k` passages as quotations, best first; ties go to the longer, then the earlier one."""
    wanted = index.weigh(question)
    return _ranked(index, (quote for hit in index.search(question, k) for quote in _score(hit, wanted, index)))


def widest_quotes(question: str, index: Index, most: int, k: int = PASSAGES) -> list[Quote]:
    """The best `most` windows that no other window holds: among 40 of them 86 questions in a hundred have their answer.

    Half as many as all windows would be needed for that, and a wide one says what its sentences are about.
    """
    ranked = rank_quotes(question, index, k)
    spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for quote in ranked:
        spans.setdefault((quote.book, quote.chapter), []).append((quote.start, quote.end))
    wide = [
        quote
        for quote in ranked
        if not any(
            start <= quote.start and quote.end <= end and (start, end) != (quote.start, quote.end)
            for start, end in spans[quote.book, quote.chapter]
        )
    ]
    return wide[:most]


def quote_at(
    place: tuple[str, int, int, int], keys: Sequence[str], wanted: dict[str, float], index: Index
) -> Quote | None:
    """The widest window that holds a place (book, chapter, start, end), scored by the terms `wanted` (`Index.weigh`).

    Where none holds it whole, as when it ends within a long sentence: one with a key, of these the one that holds most.
    None where the place itself runs over more than a passage.
    """
    book, chapter, start, end = place

    def worth(quote: Quote) -> tuple[int, bool, int, float]:
        held = min(end, quote.end) - max(start, quote.start)
        return held if held == end - start else 0, any(key in quote.text for key in keys), held, len(quote.text)

    found = [
        quote
        for passage in index.passages_at(book, chapter, start, end)
        for quote in _score(Hit(passage=passage, score=0.0), wanted, index)
        if quote.start < end and start < quote.end
    ]
    return max(found, key=lambda quote: (*worth(quote), quote.score), default=None)


def _ranked(index: Index, found: Iterable[Quote]) -> list[Quote]:
    quotes: dict[tuple[str, int, int, int], Quote] = {}
    for quote in found:
        key = (quote.book, quote.chapter, quote.start, quote.end)
        if key not in quotes or quote.score > quotes[key].score:
            quotes[key] = quote
    order = {book: place for place, book in enumerate(index.books)}
    return sorted(
        quotes.values(),
        key=lambda quote: (-quote.score, -len(quote.text), order[quote.book], quote.chapter, quote.start),
    )


def _score(hit: Hit, wanted: dict[str, float], index: Index) -> Iterator[Quote]:
    """Every window of a passage, scored by the terms of the question that stand wholly inside it."""
    passage = hit.passage
    folded, cut = _cut(passage.text, index.options.window)
    places = [
        (len(term), weight * (1 + K1), found) for term, weight in wanted.items() if (found := find_term(folded, term))
    ]
    for start, end in cut:
        score = SURROUNDINGS * hit.score
        for length, weight, found in places:
            count = bisect_right(found, end - length) - bisect_left(found, start)
            if count > 0:
                score += weight * count / (count + K1)
        yield Quote(
            book=passage.book,
            chapter=passage.chapter,
            title=passage.title,
            start=passage.start + start,
            end=passage.start + end,
            text=passage.text[start:end],
            score=score,
        )


@lru_cache(maxsize=10_000)
def _cut(text: str, limit: int) -> tuple[str, list[Span]]:
    """A passage folded, and its windows: the same for every question."""
    return fold(text), windows(text, limit)
