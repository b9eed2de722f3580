"""The search index of a run: passages of the books and three bm25s indices over them.

A folder holds `index.json` (format, options, figures), `passages.jsonl`, `lexicon.json`, `company.json`, and one bm25s
folder for each kind of term (`terms.KINDS`), all of it JSON and plain numpy arrays, memory-mapped when opened. Scores
of the three are added with the weights below. Where an embedding model was named, `vectors.npy` holds a vector of each
passage, and the two orders, by words and by meaning, are fused.
"""

import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shuoshu.answer.company import Company, learn_company
from shuoshu.answer.lexicon import Lexicon, learn_lexicon
from shuoshu.answer.passages import Passage, cut_passages
from shuoshu.answer.terms import KINDS, Kind, bare, fold, terms
from shuoshu.books.chapter import Chapter
from shuoshu.embedder import Embedder
from shuoshu.errors import UserError
from shuoshu.files import folder_aside, read_json, read_jsonl, write_json, write_jsonl
from shuoshu.folder import make_again
from shuoshu.recipe import FORMAT, IndexOptions

if TYPE_CHECKING:
    from bm25s import BM25

# Chosen on the training questions of four novels (960) and of the bundled book (252): share with the answer in the best
# passage / the best five. Characters 0.3, pairs 1, words 1: 0.38 / 0.65 and 0.44 / 0.66; these weights, with the frame
# of the question left out (`terms.bare`): 0.43 / 0.72 and 0.52 / 0.77. Passages are of a length: B does little.
K1, B = 1.5, 0.3
VECTORS = "vectors.npy"
WEIGHTS: dict[Kind, float] = {"characters": 1.5, "pairs": 1.0, "words": 0.5}
_EVEN = 60
"""Ranks are worth 1 / (60 + rank), and those of a passage are added (reciprocal rank fusion, Cormack 2009)."""
_TITLE = re.compile(r"《([^《》]+)》")
_LOOKED_AT = 200
"""Passages looked through for a whole word: those with most of its pairs of characters."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage found, and how well it fits the question (larger is better; comparable within one search only)."""

    passage: Passage
    score: float


def build_index(chapters: list[Chapter], out: Path, options: IndexOptions) -> dict[str, Any]:
    """Cut chapters into passages and write the search index to the folder `out`, whole or not at all.

    Returns the figures `passages`, `books`, `characters` (of the chapters) and `seconds`.
    Raises UserError when an option makes no sense, the chapters hold no text, or the place cannot be written.
    """
    from bm25s import BM25

    if not 0 < options.window <= options.passage:
        raise UserError(
            f"index.window ({options.window}) must be at least 1 and at most index.passage ({options.passage})."
        )
    started = time.monotonic()
    passages = [passage for chapter in chapters for passage in cut_passages(chapter, options.passage)]
    lexicon = learn_lexicon(chapters)
    # A question says 刘备 where the book says 玄德: people are found under their own names too.
    cut = [terms(f"{passage.text} {lexicon.own_names(passage.text, passage.book)}") for passage in passages]
    if not any(found["characters"] for found in cut):
        raise UserError("The books hold no text to search; check what `shuoshu books` read from them.")
    with folder_aside(out) as aside:
        for kind in KINDS:
            ids, vocabulary = _number([passage[kind] for passage in cut])
            searcher = BM25(k1=K1, b=B, backend="numpy", auto_compile=False)
            with np.errstate(invalid="ignore"):  # a mean length of 0 where no passage has a term of this kind
                searcher.index((ids, vocabulary), show_progress=False)
            searcher.save(aside / kind, show_progress=False)
        write_jsonl(aside / "passages.jsonl", map(asdict, passages))
        lexicon.save(aside)
        learn_company(chapters, lexicon).save(aside)
        if options.embedding_model:
            embedder = _embedder(options.embedding_model)
            np.save(aside / VECTORS, embedder.vectors([passage.text for passage in passages]).astype(np.float16))
        figures = {
            "passages": len(passages),
            "books": len({chapter.book for chapter in chapters}),
            "characters": sum(len(chapter.text) for chapter in chapters),
            "seconds": round(time.monotonic() - started, 3),
        }
        write_json(aside / "index.json", {"format": FORMAT, "options": asdict(options), **figures})
    return figures


def _embedder(name: str) -> Embedder:
    """The embedding model of an index. Raises UserError with the reason where it cannot be used."""
    embedder = Embedder(name)
    if embedder.fault:
        raise UserError(f"The index asks for the embedding model {name} (index.embedding_model): {embedder.fault}.")
    return embedder


class Index:
    """An opened index. Safe to share between threads: searching changes nothing."""

    def __init__(
        self,
        passages: list[Passage],
        searchers: "dict[Kind, BM25]",
        options: IndexOptions,
        lexicon: Lexicon,
        company: Company,
        vectors: np.ndarray | None = None,
    ) -> None:
        self.passages = passages
        """All passages, chapter by chapter in the order of the books."""
        self.options = options
        """The options it was built with."""
        self.lexicon = lexicon
        """People and their other names; empty where the index was made before there was one."""
        self.company = company
        """How like a person or a place each word stands; likewise."""
        self._searchers = searchers
        self._vectors = vectors
        books = np.array([passage.book for passage in passages])
        self._rows = {book: np.flatnonzero(books == book) for book in dict.fromkeys(books.tolist())}
        self.idf = lru_cache(maxsize=100_000)(self._idf)  # asked for every word of every region that is read
        self._chapters: dict[tuple[str, int], list[Passage]] = {}
        for passage in passages:
            self._chapters.setdefault((passage.book, passage.chapter), []).append(passage)
        self._ends = {place: [passage.end for passage in found] for place, found in self._chapters.items()}
        self._folded = lru_cache(maxsize=20_000)(fold)

    @classmethod
    def open(cls, path: Path) -> "Index":
        """Open the index folder `path`. Raises UserError where it is missing, broken or of another version."""
        from bm25s import BM25

        again = make_again(path)
        if not (path / "index.json").is_file():
            raise UserError(f"{path} holds no search index; make it again with `shuoshu index {path.parent}`.")
        head = read_json(path / "index.json")
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise UserError(f"{path} is a search index of another version; {again}.")
        try:
            passages = [Passage(**record) for _, record in read_jsonl(path / "passages.jsonl")]
            searchers: dict[Kind, BM25] = {
                kind: BM25.load(path / kind, mmap=True, auto_compile=False) for kind in KINDS
            }
            options = IndexOptions(**head["options"])
            vectors = np.load(path / VECTORS, mmap_mode="r") if options.embedding_model else None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{path} is a broken search index ({error}); {again}.") from error
        if any(searcher.scores["num_docs"] != len(passages) for searcher in searchers.values()):
            raise UserError(f"{path} is a broken search index (passages are missing); {again}.")
        if vectors is not None and len(vectors) != len(passages):
            raise UserError(f"{path} is a broken search index (vectors are missing); {again}.")
        return cls(passages, searchers, options, Lexicon.open(path), Company.open(path), vectors)

    @property
    def books(self) -> list[str]:
        """Titles of the books, without 《》, in the order they were indexed."""
        return list(self._rows)

    def chapters(self, book: str) -> list[int]:
        """Numbers of the chapters of a book, in order."""
        return [chapter for title, chapter in self._chapters if title == book]

    def text(self, book: str, chapter: int, start: int, end: int, folded: bool = False) -> tuple[str, int]:
        """The indexed text of a chapter from about `start` to `end`, and the offset at which it begins.

        It begins and ends within that stretch, at the edges of passages at most; headings are no part of it. `folded`:
        as `terms.fold` would make it, of the same length.
        """
        passages, ends = self._chapters.get((book, chapter), []), self._ends.get((book, chapter), [])
        found, begin, at = [], start, start
        for passage in islice(passages, bisect_right(ends, start), None):
            if passage.start >= end:
                break
            if passage.end <= at:
                continue
            if not found:
                begin = at = max(start, passage.start)
            text = self._folded(passage.text) if folded else passage.text
            found.append(" " * (passage.start - at) + text[max(0, at - passage.start) : end - passage.start])
            at = max(at, min(passage.end, end))
        return "".join(found), begin

    def passages_at(self, book: str, chapter: int, start: int, end: int) -> list[Passage]:
        """The passages of a chapter that hold a stretch of it."""
        passages, ends = self._chapters.get((book, chapter), []), self._ends.get((book, chapter), [])
        held = []
        for passage in islice(passages, bisect_left(ends, end), None):
            if passage.start > start:
                break
            held.append(passage)
        return held

    def search(self, query: str, k: int) -> list[Hit]:
        """The best `k` passages, best first; ties go to the earlier passage. Empty where no term of the query is known.

        A 《title》 of one of the books limits the search to that book. With an embedding model, its order counts as
        much as that of the words. Raises UserError where the model that the index was made with cannot be loaded.
        """
        rows = self._rows_for(query)
        scores = self._score(terms(bare(query, self.books)))[rows]
        if self._vectors is not None:
            near = self._vectors[rows].astype(np.float32) @ self._embedder.vectors([self.bare(query)])[0]
            scores = 1 / (_EVEN + _ranks(scores)) + 1 / (_EVEN + _ranks(near))
        order = np.lexsort((rows, -scores))[:k]
        return [
            Hit(passage=self.passages[rows[place]], score=float(scores[place])) for place in order if scores[place] > 0
        ]

    @cached_property
    def _embedder(self) -> Embedder:
        assert self.options.embedding_model is not None
        return _embedder(self.options.embedding_model)

    def _score(self, query: dict[Kind, list[str]]) -> np.ndarray:
        """BM25 of every passage, float32 [passages]: the weighted sum over the kinds of terms."""
        total = np.zeros(len(self.passages), dtype=np.float32)
        for kind, found in query.items():
            known = [number for term in found if (number := self._number(kind, term)) is not None]
            if known:
                total += WEIGHTS[kind] * self._searchers[kind].get_scores_from_ids(known)
        return total

    def weigh(self, query: str) -> dict[str, float]:
        """The terms of a query that stand in the books, each with its weight: idf × the weight of its kinds."""
        weights: dict[str, float] = {}
        for kind, found in terms(bare(query, self.books)).items():
            for term in found:
                if weight := WEIGHTS[kind] * self.idf(kind, term):
                    weights[term] = weights.get(term, 0.0) + weight
        return weights

    def _idf(self, kind: Kind, term: str) -> float:
        """Inverse document frequency of a term as Lucene has it, ln(1 + (N - n + 0.5) / (n + 0.5)); 0 where unknown."""
        number = self._number(kind, term)
        if number is None:
            return 0.0
        bounds = self._searchers[kind].scores["indptr"]
        having = int(bounds[number + 1] - bounds[number])
        return float(np.log1p((len(self.passages) - having + 0.5) / (having + 0.5)))

    def _number(self, kind: Kind, term: str) -> int | None:
        return self._searchers[kind].vocab_dict.get(term)

    def named_books(self, query: str) -> list[str]:
        """The books a query is about: those it names in 《》, else all."""
        named = {title for title in _TITLE.findall(query) if title in self._rows}
        return [title for title in self._rows if title in named] or self.books

    def bare(self, query: str) -> str:
        """A question without its frame and the books it names (`terms.bare`)."""
        return bare(query, self.books)

    def occurs(self, word: str, books: Sequence[str]) -> bool:
        """Whether a word stands anywhere in these books."""
        found = terms(word)
        known = {number for term in found["pairs"] if (number := self._number("pairs", term)) is not None}
        if len(known) < len(set(found["pairs"])):
            return False
        rows = np.concatenate([self._rows[book] for book in books])
        scores = self._searchers["pairs"].get_scores_from_ids(sorted(known))[rows] if known else np.zeros(0)
        likely = rows[np.argsort(-scores, kind="stable")[:_LOOKED_AT]] if known else rows
        folded = fold(word)
        return any(folded in fold(self.passages[row].text) for row in likely)

    def _rows_for(self, query: str) -> np.ndarray:
        """The passages to search, as row numbers in order: of the books the query is about."""
        return np.sort(np.concatenate([self._rows[title] for title in self.named_books(query)]))


def _ranks(scores: np.ndarray) -> np.ndarray:
    """The rank of each score, 0 for the highest; of equal ones the first is ahead."""
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks


def _number(documents: list[list[str]]) -> tuple[list[list[int]], dict[str, int]]:
    """Terms as numbers, as bm25s takes them; the empty term keeps a vocabulary of no terms from breaking it."""
    vocabulary: dict[str, int] = {"": 0}
    numbered = [[vocabulary.setdefault(term, len(vocabulary)) for term in document] for document in documents]
    return numbered, vocabulary
