"""Whole texts looked through at once, with numpy: which characters they have, and where any of many words may stand.

A pattern that looks for one class of characters reads every character of a book, 5 ns each. There are a dozen such
rules, and most books have none of what they look for: one pass tells which characters a text has at all, and the rules
ask that.
"""

from collections.abc import Iterable, Iterator

import numpy as np

_HIGHEST = 0x110000
_AT_ONCE = 1 << 14  # characters: what numpy makes of them stays in the cache of the processor
_FIRST, _SECOND, _ALONE = 1, 2, 4
_PAIRS = 1 << 16


def alphabet(text: str) -> str:
    """The distinct characters of a text, in the order of their code points."""
    seen = np.zeros(_HIGHEST, bool)
    for start in range(0, len(text), _AT_ONCE):
        seen[codes(text[start : start + _AT_ONCE]).astype(np.intp)] = True
    return np.flatnonzero(seen).astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


class Words:
    """Finds the places where one of some words may begin, told by their first two characters.

    One table says which characters stand first or second in a word; another, of hashes, which stand beside each other.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._table = np.zeros(_HIGHEST, np.uint8)
        self._pairs = np.zeros(_PAIRS, bool)
        for word in words:
            self._table[ord(word[0])] |= _FIRST if len(word) > 1 else _ALONE
            if len(word) > 1:
                self._table[ord(word[1])] |= _SECOND
                self._pairs[_pair(codes(word[0]), codes(word[1]))] = True

    def places(self, text: str) -> Iterator[int]:
        """Offsets at which a word may begin, rising; every real beginning is among them."""
        for start in range(0, len(text), _AT_ONCE):
            piece = codes(text[start : start + _AT_ONCE + 1])
            kinds = self._table.take(piece)
            begins = (kinds & _ALONE).astype(bool)
            pairs = np.flatnonzero((kinds[:-1] & _FIRST).astype(bool) & (kinds[1:] & _SECOND).astype(bool))
            begins[pairs] |= self._pairs[_pair(piece[pairs], piece[pairs + 1])]
            yield from (start + np.flatnonzero(begins[:_AT_ONCE])).tolist()


def _pair(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A number below `_PAIRS` for two code points side by side."""
    return (first * np.uint32(31) ^ second) % _PAIRS


def codes(text: str) -> np.ndarray:
    """The code points of a text, one number a character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
