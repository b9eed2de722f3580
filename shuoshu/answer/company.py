"""The company of words: how much the neighbours of a word are those of people, and those of places.

You shall know a word by the company it keeps (Firth 1957). A question with 谁 asks for somebody and one with 哪里 for a
place; tags and endings tell which words are (`words`), but not of every one. The books do: people stand before 道 and
大怒, places behind 在 and 到. `learn_company` counts what stands up to two words before and behind the people of the
lexicon and the words that end like a place, and weighs every word by how much likelier its own neighbours are there
than elsewhere (naive Bayes, each distance for itself). `index/company.json` holds it. What it brought is told in
`benchmarks/2026-11-24-company.md`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.lexicon import Lexicon
from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.files import read_json, write_json
from shuoshu.folder import make_again
from shuoshu.recipe import FORMAT

FILE = "company.json"
PLACE = re.compile(".+[山庄寺庙城关县州府洞岭楼店村河江池观岗坡镇园殿宫庵院台亭阁]$")
"""A word that ends like a place."""
DISTANCES = (-2, -1, 1, 2)
RARE = 5
"""Words that end like a place and stand less often are not learned from: most are cut wrongly."""
PRIOR, FEW = 10.0, 5
"""Counts that a neighbour, and times of no meaning that a word, brings along."""
BOUND = 1.5
"""Log-odds are cut off here: beyond, a word is no more a person, only more of a fighter."""
LEAST, MOST = 2, 300_000
"""Words are kept that stand so often, and at most so many."""

Kinship = tuple[float, float]


class Company:
    """How like a person and how like a place each word of the books stands. Safe to share between threads."""

    def __init__(self, kinship: dict[str, Kinship]) -> None:
        self._kinship = kinship

    def of(self, word: str) -> Kinship:
        """Mean log-odds, within BOUND, of a word's neighbours to be those of (a person, a place); 0 where unknown."""
        return self._kinship.get(word, (0.0, 0.0))

    @classmethod
    def open(cls, folder: Path) -> "Company":
        """The company of an index folder; of no words where the index was made without.

        Raises UserError where the file is broken.
        """
        path = folder / FILE
        if not path.is_file():
            return cls({})
        try:
            value = read_json(path)
            if value["format"] != FORMAT or len(value["words"]) > MOST:
                raise ValueError("another version, or too many words")
            return cls(_checked(value["words"]))
        except (UserError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise UserError(f"{path} is broken; {make_again(folder)}.") from error

    def save(self, folder: Path) -> None:
        """Write it into the index folder, whole or not at all."""
        write_json(folder / FILE, {"format": FORMAT, "words": self._kinship})


def learn_company(chapters: Iterable[Chapter], lexicon: Lexicon) -> Company:
    """Learn from the chapters what stands beside people and places, and how much each word stands so."""
    words, text = _number(chapters)
    counts = np.bincount(text, minlength=len(words))
    people = {name for book in lexicon.books for name in lexicon.names(book)}
    person = np.array([word in people for word in words])
    place = np.array([bool(PLACE.match(word)) for word in words]) & (counts >= RARE)
    kinship = np.stack([_kin(text, counts, own) for own in (person, place)], axis=1).clip(-BOUND, BOUND).round(2)
    kept = np.argsort(-counts, kind="stable")[:MOST]
    return Company(
        {words[row]: (float(kinship[row, 0]), float(kinship[row, 1])) for row in kept if counts[row] >= LEAST}
    )


def _number(chapters: Iterable[Chapter]) -> tuple[list[str], NDArray[np.int64]]:
    """All words, and the text as numbers of them; chapters stand apart by as many line breaks as reach."""
    import rjieba

    numbers: dict[str, int] = {"\n": 0}
    apart = np.zeros(max(DISTANCES), dtype=np.int64)
    text = [apart]
    for chapter in chapters:
        words = (word for word in rjieba.cut(chapter.text) if word != " ")
        cut = [numbers.setdefault(word, len(numbers)) for word in words]
        text += [np.array(cut, dtype=np.int64), apart]
    return list(numbers), np.concatenate(text)


def _kin(text: NDArray[np.int64], counts: NDArray[np.int64], own: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean log-odds, (words,), of the neighbours of every word to be those of the words of its own kind."""
    if not own.any():
        return np.zeros(len(counts))
    # The hero of a book, who stands on every page, would be all there is to learn.
    weight = 1 / np.sqrt(counts[text])
    odds = np.zeros(len(text))
    for distance in DISTANCES:
        beside = np.roll(text, -distance)
        everywhere = np.bincount(beside, weight, len(counts))
        here = np.bincount(beside, weight * own[text], len(counts))
        share = here.sum() / everywhere.sum()
        odds += np.log((here / share + PRIOR) / (everywhere + PRIOR))[beside]
    return np.bincount(text, odds, len(counts)) / (counts + FEW)


def _checked(words: Any) -> dict[str, Kinship]:
    pairs = np.array(list(words.values()), dtype=float).reshape(-1, 2)
    if len(pairs) != len(words) or not (np.abs(pairs) <= BOUND).all():  # nor is any NaN
        raise ValueError("no log-odds")
    return dict(zip(words, map(tuple, pairs.tolist()), strict=True))
