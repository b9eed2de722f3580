"""Several copies of one book: found by MinHash (rensa), the best is kept.

A second edition in the corpus would be learned twice, and held-out chapters of the one would stand in the other.
"""

import re
from collections import defaultdict
from typing import Any

PERMUTATIONS = 128
SAME = 0.5
"""Estimated Jaccard similarity of their phrases from which two texts are copies of one book."""
SAME_TITLE = 0.2
"""The same, for books of one title: other editions differ more."""

_ROWS = 2  # of a band: with 64 bands, pairs of similarity 0.2 are looked at with 93 % probability
# Phrases of eight characters that begin with a frequent one: about a twelfth of all, the same ones in every edition.
_PHRASE = re.compile(r"(?=((?:[不有人来]|the |and )[\w ]{7}))")
_PUNCTUATION = re.compile(r"[^\w ]+|\n")


def signature(text: str) -> list[int]:
    """The MinHash of a book's phrases; empty where rensa (extra `books`) is not installed or the text is too short."""
    try:
        from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]
    except ImportError:
        return []
    phrases = list(dict.fromkeys(_PHRASE.findall(_PUNCTUATION.sub("", text))))
    if len(phrases) < 50:
        return []
    sketch = RMinHash(num_perm=PERMUTATIONS, seed=1)
    sketch.update(phrases)
    return list(sketch.digest())


def copies(books: list[dict[str, Any]]) -> dict[int, int]:
    """Which books are copies of which better one, by index. Of the copies, the longest with the fewest gaps is kept."""
    kept: dict[int, int] = {}
    order = sorted(range(len(books)), key=lambda i: (-_quality(books[i]), i))
    rank = {i: place for place, i in enumerate(order)}
    for a, b in sorted(_candidates(books), key=lambda pair: (rank[pair[0]], rank[pair[1]])):
        better, worse = (a, b) if rank[a] < rank[b] else (b, a)
        if better in kept or worse in kept:
            continue
        likeness = similarity(books[a]["signature"], books[b]["signature"])
        if likeness >= (SAME_TITLE if books[a]["title"] == books[b]["title"] else SAME):
            kept[worse] = better
    return kept


def similarity(a: list[int], b: list[int]) -> float:
    """Estimated Jaccard similarity of two signatures, 0 to 1."""
    return sum(map(int.__eq__, a, b)) / PERMUTATIONS if a and b else 0.0


def _candidates(books: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """Pairs that share a band of their signatures."""
    buckets: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, book in enumerate(books):
        for band in range(0, len(book["signature"]), _ROWS):
            buckets[(band, *book["signature"][band : band + _ROWS])].append(i)
    return {(a, b) for bucket in buckets.values() for n, b in enumerate(bucket) for a in bucket[:n]}


def _quality(book: dict[str, Any]) -> int:
    return book["characters"] - 50 * book["gaps"]
