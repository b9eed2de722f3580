"""Where batches come from: running text for pretraining, question-answer pairs for fine-tuning.

A source is a pure function of its seed and the number of the epoch. So an epoch visits everything once, in an order of
its own, and after a kill the order is simply worked out again: no state of a data loader is ever saved.
"""

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from shuoshu.books.chapter import Chapter

IGNORE = -100
"""Target of a position that is not learned."""

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Token ids (B, T) and the id to be predicted at each position (B, T), or IGNORE."""


class Source(Protocol):
    """What the loop draws from."""

    pad: int
    tokens: int
    """Learned tokens in an epoch."""
    characters: int
    """Characters of the text that an epoch learns."""
    steps: int
    """Batches in an epoch."""

    def epoch(self, number: int) -> Sequence[Batch]:
        """All batches of epoch `number`, in order. The same for the same number, always."""
        ...

    def where(self, number: int, index: int) -> str:
        """What stands in batch `index` of epoch `number`, in words for a person."""
        ...


@dataclass
class TextSource:
    """Documents in one stream, a mark after each, cut into rows of equal length.

    Every epoch shuffles the documents anew and cuts the stream at another offset, so that rows differ from epoch to
    epoch and every token is learned once in each (reshuffling was worth 0.013-0.026 nats in NanoGPT Slowrun).
    """

    documents: InitVar[Sequence[Sequence[int] | NDArray[np.int32]]]
    mark: int
    """Id put after each document: text of one never runs into another without it."""
    characters: int
    context: int
    batch: int
    seed: int = 0
    names: list[str] = field(default_factory=list)
    """Names of the documents, as many of the first as have one."""

    def __post_init__(self, documents: Sequence[Sequence[int] | NDArray[np.int32]]) -> None:
        self.pad = self.mark
        self.lengths = np.array([len(document) + 1 for document in documents])
        self.tokens = int(self.lengths.sum())
        # Four bytes a token, all in one piece: in lists of Python's numbers they would take ten times as much.
        self.stream = np.full(self.tokens, self.mark, dtype=np.int32)
        self.starts = np.cumsum(self.lengths) - self.lengths
        for start, document in zip(self.starts, documents, strict=True):
            self.stream[start : start + len(document)] = document
        # A book shorter than the context makes one short row, not an error.
        self.context = min(self.context, max(self.tokens - 1, 1))
        self.steps = -(-self.tokens // (self.context * self.batch))

    def epoch(self, number: int) -> "TextEpoch":
        """Rows of `context` tokens, `batch` at a time; the last batch may be smaller."""
        random = np.random.default_rng([self.seed, number])
        documents = random.permutation(len(self.lengths))
        shift = int(random.integers(self.context))
        return TextEpoch(self, documents, shift, random.permutation(-(-self.tokens // self.context)))

    def where(self, number: int, index: int) -> str:
        """The names of the documents in a batch."""
        found = dict.fromkeys(self.epoch(number).documents_of(index))
        named = [self.names[document] if document < len(self.names) else f"document {document}" for document in found]
        return ", ".join(dict.fromkeys(named))


class TextEpoch(Sequence[Batch]):
    """One epoch of a TextSource, each batch put together when it is asked for.

    The documents in their order of this epoch make a ring of tokens, turned by `shift`; row r is what stands from
    r × context on.
    """

    def __init__(self, source: TextSource, documents: NDArray[np.int64], shift: int, rows: NDArray[np.int64]) -> None:
        self._source, self._documents, self._shift, self._rows = source, documents, shift, rows
        lengths = source.lengths[documents]
        self._ends = np.cumsum(lengths)
        # From a place on the ring to that in the source's stream: by how much each document was moved.
        self._moved = source.starts[documents] - (self._ends - lengths)

    def __len__(self) -> int:
        return self._source.steps

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        source = self._source
        places = self._places(range(len(self))[index])
        # Each target is the next token of the ring; the very last one wraps to the first, which follows a mark or
        # continues the text that was turned over, and so is no false lesson.
        beyond = places[:, :-1] >= source.tokens
        ring = (places - self._shift) % source.tokens
        tokens = source.stream[ring + self._moved[np.searchsorted(self._ends, ring, "right")]].astype(np.int64)
        return np.where(beyond, source.mark, tokens[:, :-1]), np.where(beyond, IGNORE, tokens[:, 1:])

    def documents_of(self, index: int) -> list[int]:
        """Numbers of the documents in a batch, in the order they stand in it."""
        source = self._source
        places = self._places(index)[:, :-1]
        found: list[int] = []
        for row in places:
            ring = (row[row < source.tokens] - self._shift) % source.tokens
            found += self._documents[np.unique(np.searchsorted(self._ends, ring, "right"))].tolist()
        return found

    def _places(self, index: int) -> NDArray[np.int64]:
        """Where each token of a batch stands on the ring, and the one after each row."""
        source = self._source
        rows = self._rows[index * source.batch : (index + 1) * source.batch]
        return rows[:, None] * source.context + np.arange(source.context + 1)


@dataclass
class PairSource:
    """Conversations one a row, the answer alone learned, rows of like length together so that little is padding."""

    pairs: list[tuple[list[int], list[int]]]
    """(prompt ids, answer ids with the end mark), neither empty."""
    pad: int
    characters: int
    batch: int
    seed: int = 0

    def __post_init__(self) -> None:
        self.tokens = sum(len(answer) for _, answer in self.pairs)
        self.steps = -(-len(self.pairs) // self.batch)

    def epoch(self, number: int) -> Sequence[Batch]:
        """Batches in random order; within the sort by length, equal lengths are shuffled, so batches change too."""
        random = np.random.default_rng([self.seed, number])
        lengths = np.array([len(prompt) + len(answer) for prompt, answer in self.pairs])
        order = np.lexsort((random.random(len(lengths)), lengths))
        batches = [order[i : i + self.batch] for i in range(0, len(order), self.batch)]
        return [self._batch(batches[i]) for i in random.permutation(len(batches))]

    def where(self, number: int, index: int) -> str:
        """How many conversations of what length."""
        ids, _ = self.epoch(number)[index]
        return f"{len(ids)} conversations of up to {ids.shape[1] + 1} tokens"

    def padding(self) -> float:
        """Share of positions that are padding in an epoch."""
        batches = self.epoch(0)
        positions = sum(ids.size for ids, _ in batches)
        filled = sum(len(prompt) + len(answer) - 1 for prompt, answer in self.pairs)
        return 1 - filled / positions

    def _batch(self, chosen: NDArray[np.int64]) -> Batch:
        rows = [self.pairs[i] for i in chosen]
        width = max(len(prompt) + len(answer) for prompt, answer in rows) - 1
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        targets = np.full((len(rows), width), IGNORE, dtype=np.int64)
        for row, (prompt, answer) in enumerate(rows):
            whole = prompt + answer
            ids[row, : len(whole) - 1] = whole[:-1]
            targets[row, len(prompt) - 1 : len(whole) - 1] = answer
        return ids, targets


def hold_out(chapters: Sequence[Chapter], every: int = 10) -> tuple[list[Chapter], list[Chapter]]:
    """Split chapters into (learned, held out): whole chapters, every 10th of each book by its place in it.

    Books with fewer chapters than that give the last tenth of their last chapter in place of it, so that there is
    always contiguous text to measure by; a text under 2,000 characters is too short to spare any and is only learned.
    """
    learned, held = [], []
    for book in dict.fromkeys(chapter.book for chapter in chapters):
        own = [chapter for chapter in chapters if chapter.book == book]
        if len(own) >= every:
            for place, chapter in enumerate(own, 1):
                (held if place % every == 0 else learned).append(chapter)
            continue
        *first, last = own
        learned += first
        total = sum(len(chapter.text) for chapter in own)
        cut = last.text.rfind("\n", 0, max(len(last.text) - total // every, 0)) + 1
        if total < 2000 or not 0 < cut < len(last.text):
            learned.append(last)
            continue
        fields = {"book": last.book, "number": last.number, "title": last.title}
        learned.append(Chapter(**fields, text=last.text[:cut], start=last.start))
        held.append(Chapter(**fields, text=last.text[cut:], start=last.start + cut))
    return learned, held
