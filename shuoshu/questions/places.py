"""Where a pair stands in the books: its evidence found, and whether its words and names belong there."""

import itertools
import math
import re
import unicodedata
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shuoshu.books.chapter import Chapter
from shuoshu.questions.facts import bare
from shuoshu.questions.names import find_names
from shuoshu.questions.question import Question

ALIGNED = 85.0
"""Likeness (0 to 100, Levenshtein) from which a misquoted piece of evidence is taken for the place it is most like."""
SLACK = 5
"""Characters by which the ends of aligned evidence may move."""
SHORTEST = 4
"""Characters a misquoted piece must have, to be told from chance."""
NEAR_KEY, NEAR_PART = 300, 1000
"""Characters around the evidence in which the key must stand; or in which it may, where the evidence has half of its
characters (his given name, another word for the thing)."""
NEAR_NAME = 2000
"""Characters around the evidence within which every name of the pair must stand."""
HERO = 600
"""A name that stands once in so many characters is exempt: heroes go by too many other names (唐僧, 三藏, 玄奘)."""
CHANCE = 0.03
"""Share of all windows of the book that may fit a pair's words better than the one with its evidence. Evidence taken
from anywhere passes about that often, by construction; of 1,120 true pairs two or three are refused by it."""
TELLING = 6
"""Characters beside key and question's words from which an answer is known by what it says."""
WINDOW, STRIDE = 400, 200
SINGLE = 0.3
"""Weight of a single character beside that of two in a row."""
WITHIN = 2
"""Weight of a word that stands in the evidence itself, beside one that stands around it."""


class Books:
    """The chapters, made ready for looking things up."""

    def __init__(self, chapters: list[Chapter]) -> None:
        self._books: dict[str, _Book] = {}
        for title in dict.fromkeys(chapter.book for chapter in chapters):
            self._books[title] = _Book([chapter for chapter in chapters if chapter.book == title])

    def has(self, book: str) -> bool:
        """Whether the book is among those given."""
        return book in self._books

    def locate(self, question: Question) -> tuple[Question, str]:
        """The question with its evidence as it stands in the book and the chapter it stands in, or why it has none.

        Looks in the named chapter only where one is named, else in all.
        """
        chapters = self._books[question.book].chapters
        if question.chapter and question.chapter not in chapters:
            return question, "the book has no such chapter"
        numbers = [question.chapter] if question.chapter else list(chapters)
        for number in numbers:
            if question.evidence in chapters[number].text:
                return replace(question, chapter=number), ""
        for number in numbers:
            if (found := chapters[number].find(question.evidence)) is not None:
                return replace(question, chapter=number, evidence=found), ""
        likeness, found, number = max((*chapters[number].align(question.evidence), number) for number in numbers)
        if likeness >= ALIGNED:
            return replace(question, chapter=number, evidence=found), ""
        return question, "evidence not in the chapter" if question.chapter else "evidence not in the book"

    def support(self, question: Question) -> list[str]:
        """What the (located) evidence and its surroundings fail to show."""
        book = self._books[question.book]
        begin, end = book.span(question.chapter or 0, bare(question.evidence))
        keys = [bare(key) for key in question.key if bare(key)]
        told = tuple(re.sub("《[^》]*》", "", text) for text in (question.question, question.answer))
        reasons = []
        if keys and not any(book.holds_key(key, begin, end) for key in keys):
            reasons.append("key not near the evidence")
        named = {bare(name) for name in book.names.findall("\n".join(told))}
        # Evidence that names two of the pair is about them, whatever the other words: 甲的徒弟是乙, 乙的师父便是甲.
        if sum(name in book.bare[begin:end] for name in named) < 2:
            if book.better(told, begin, end) > CHANCE:
                reasons.append("evidence does not fit the pair")
            elif _says_more(told, keys) and book.better(told[1:], begin, end) > CHANCE:
                reasons.append("evidence does not fit the answer")
        around = book.bare[max(0, begin - NEAR_NAME) : end + NEAR_NAME]
        if any(name not in around and not _introduced(name, around) for name in named - book.heroes):
            reasons.append("a name that is not near the evidence")
        return reasons


class _Book:
    """A book's chapters, its bare text as a whole, a pattern of its names, and its windows."""

    def __init__(self, chapters: list[Chapter]) -> None:
        self.chapters = {chapter.number: _Text(chapter.text) for chapter in chapters}
        self._starts, start = {}, 0
        for number, text in self.chapters.items():
            self._starts[number] = start
            start += len(text.bare)
        self.bare = "".join(text.bare for text in self.chapters.values())
        names = find_names(chapters)
        self.heroes = {bare(name) for name, count in names.items() if count * HERO >= start}
        longest_first = "|".join(map(re.escape, sorted(names, key=lambda name: -len(name))))
        self.names = re.compile(f"(?<![A-Za-z])(?:{longest_first})(?![A-Za-z])" if names else "(?!)")
        self._windows = max(1, -(-start // STRIDE))
        self._held: dict[str, NDArray[np.int64]] = {}

    def span(self, number: int, evidence: str) -> tuple[int, int]:
        """Where a piece of bare evidence of a chapter begins and ends in the bare text of the book."""
        begin = self._starts[number] + self.chapters[number].bare.find(evidence)
        return begin, begin + len(evidence)

    def holds_key(self, key: str, begin: int, end: int) -> bool:
        """Whether the key stands near the evidence, as it is or as people are named there (姓邵名俊, 那佗)."""
        evidence = self.bare[begin:end]
        if key in self.bare[max(0, begin - NEAR_KEY) : end + NEAR_KEY] or _introduced(key, evidence):
            return True
        part = sum(character in evidence for character in set(key)) * 2 >= len(set(key))
        return part and key in self.bare[max(0, begin - NEAR_PART) : end + NEAR_PART]

    def better(self, texts: tuple[str, ...], begin: int, end: int) -> float:
        """Share of the book's windows that hold more of the texts' words than the window around the evidence, 0 to 1.

        Words are pairs of characters and single ones, each weighted by how few windows hold it.
        """
        spare = max(0, WINDOW - (end - begin)) // 2
        first, last = max(0, begin - spare), end + spare
        own, window, evidence = 0.0, self.bare[first:last], self.bare[begin:end]
        scores = np.zeros(self._windows)
        for word, weight in _words(texts).items():
            held = self._windows_with(word)
            weight *= math.log((self._windows + 1) / (len(held) + 0.5))
            scores[held] += weight
            own += weight * (WITHIN if word in evidence else word in window)
        # Windows that overlap the place itself are no rivals.
        scores[max(0, first // STRIDE - 1) : last // STRIDE + 1] = 0.0
        return float((scores > own + 1e-9).mean())

    def _windows_with(self, word: str) -> NDArray[np.int64]:
        """The windows that hold a word, in order."""
        if word not in self._held:
            places, at = [], self.bare.find(word)
            while at >= 0:
                places.append(at)
                at = self.bare.find(word, at + 1)
            begins = np.array(places, dtype=np.int64)
            # Window i covers the characters from i * STRIDE on: two windows cover each place, but near the edges.
            lasts = begins // STRIDE
            firsts = np.maximum(-(-(begins + len(word) - WINDOW) // STRIDE), 0)
            self._held[word] = np.unique(np.concatenate([lasts, firsts]))
        return self._held[word]


def _words(texts: tuple[str, ...]) -> dict[str, float]:
    """The words of texts, each with its weight: characters and pairs of them, and whole words of Latin script."""
    words: dict[str, float] = {}
    for text in texts:
        for run in re.findall(r"[a-z0-9]+|[^\W_a-z0-9]+", unicodedata.normalize("NFKC", text).lower()):
            if run[0] < "\x80":
                words[run] = 1.0
            else:
                words |= dict.fromkeys(run, SINGLE) | dict.fromkeys(map("".join, itertools.pairwise(run)), 1.0)
    return words


def _says_more(told: tuple[str, ...], keys: list[str]) -> bool:
    """Whether an answer says enough beside its key and the question's own words to be known by it (not 是武松说的)."""
    rest = bare(told[1])
    for key in keys:
        rest = rest.replace(key, "")
    return sum(character not in told[0] for character in rest) >= TELLING


def _introduced(name: str, text: str) -> bool:
    """Whether bare text introduces somebody by the parts of a name: 姓邵名俊, 姓秦名宓."""
    if not 2 <= len(name) <= 4:
        return False
    cuts = ((re.escape(name[:cut]), re.escape(name[cut:])) for cut in (1, 2) if cut < len(name))
    return any(re.search(f"姓{family}.{{0,4}}{given}", text) for family, given in cuts)


class _Text:
    """A chapter's text, and beside it the same without spaces and punctuation, each character knowing its place."""

    def __init__(self, text: str) -> None:
        self.text = text
        letters, places = [], []
        for place, character in enumerate(text):
            for letter in bare(character):
                letters.append(letter)
                places.append(place)
        self.bare, self._places = "".join(letters), places

    def find(self, evidence: str) -> str | None:
        """The piece of text that differs from `evidence` in spaces and punctuation only."""
        wanted = bare(evidence)
        at = self.bare.find(wanted) if wanted else -1
        return None if at < 0 else self._piece(at, at + len(wanted))

    def align(self, evidence: str) -> tuple[float, str]:
        """(likeness 0 to 100, piece of text) most like the evidence."""
        from rapidfuzz.fuzz import partial_ratio_alignment, ratio

        wanted = bare(evidence)
        if len(wanted) < SHORTEST or len(self.bare) < len(wanted):
            return 0.0, ""
        best = partial_ratio_alignment(wanted, self.bare, score_cutoff=ALIGNED)
        if best is None:
            return 0.0, ""
        # The best window is as long as the quotation; where words were lost or added, its ends are a little off.
        ends = [
            (ratio(wanted, self.bare[start:end]), -start, end)
            for start in range(max(0, best.dest_start - SLACK), best.dest_start + SLACK + 1)
            for end in range(best.dest_end - SLACK, min(len(self.bare), best.dest_end + SLACK) + 1)
            if start < end
        ]
        likeness, start, end = max(ends)
        return likeness, self._piece(-start, end)

    def _piece(self, start: int, end: int) -> str:
        return self.text[self._places[start] : self._places[end - 1] + 1]
