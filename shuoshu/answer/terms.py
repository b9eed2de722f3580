"""What the search compares: characters, pairs of neighbouring characters, and words, of a passage or of a question.

Chinese is searched best by character pairs and words together (Kwok 1999; Nie & Ren 1999): pairs find names no word
list knows, words keep pairs that straddle two words from counting. Text in other scripts is searched by its words.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Literal

Kind = Literal["characters", "pairs", "words"]
KINDS: tuple[Kind, ...] = ("characters", "pairs", "words")

_RUN = re.compile(
    r"(?P<han>[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)|(?P<word>[^\W_]+(?:['’][^\W_]+)*)"
)


class _Fold(dict[int, str]):
    """`str.translate` table that fills itself: full-width and upper-case forms become plain ones, one for one."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        self[code] = plain if len(plain) == 1 else chr(code)
        return self[code]


_FOLD = _Fold()


def fold(text: str) -> str:
    """The text in plain width and lower case, of the same length: an offset means the same place in both."""
    return text.translate(_FOLD)


def terms(text: str) -> dict[Kind, list[str]]:
    """All terms of a text by kind, in order, repeats kept. Words of other scripts stand under every kind."""
    import rjieba

    found: dict[Kind, list[str]] = {"characters": [], "pairs": [], "words": []}
    for run in _RUN.finditer(fold(text)):
        stretch = run.group()
        if run.lastgroup == "word":
            for kind in KINDS:
                found[kind].append(stretch)
            continue
        found["characters"].extend(stretch)
        found["pairs"].extend(map("".join, pairwise(stretch)))
        found["words"].extend(word for word in rjieba.cut_for_search(stretch) if len(word) > 1)
    return found


def find_term(folded: str, term: str) -> list[int]:
    """Where a term stands in a folded text, as offsets; a word of another script only as a whole word."""
    if not term.isascii():
        return [place for place in range(len(folded)) if folded.startswith(term, place)]
    return [found.start() for found in re.finditer(rf"(?<![^\W_]){re.escape(term)}(?![^\W_])", folded)]
