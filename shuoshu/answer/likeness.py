"""How alike two questions are, learned from the wordings of the trained ones.

Counting shared terms does not see that 绰号 and 外号 ask the same; the wordings of one fact say so, again and again.
A question is the sum of vectors of its terms, weighed by rarity, brought to length 1. The vectors are learned by
telling the other wording of a fact from those of other facts (InfoNCE, van den Oord et al., arXiv:1807.03748, in batch,
both ways), with terms left out at random. Answer and evidence together count as one more wording.

How often the nearest trained question is the right one, for wordings held out; in brackets: terms counted (Dice,
weighed by rarity). Bundled book, mean of three draws: 58 % (52), far wordings 44 % (33). Four novels, two or three
wordings for a quarter of the facts: 68 % (51); one wording for each: 58 % (43), and 38 without answer and evidence.
Mean hidden states of the model beside the terms: ±1 point.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from shuoshu.answer.terms import bare, terms
from shuoshu.errors import UserError
from shuoshu.files import folder_aside, read_json, write_json
from shuoshu.folder import make_again
from shuoshu.questions.question import Question
from shuoshu.weights import load_tensors, save_tensors

WIDTH = 128
BATCH = 128
"""Facts told apart at a time."""
STEPS, PASSES = 200, 25
"""At least so many steps, and at least so many passes over the facts."""
DROP = 0.3
"""Share of a question's terms left out in training."""
TEMPERATURE = 0.05
RATE = 0.02
SEED = 0


class Likeness:
    """Vectors of terms; the likeness of two questions is the product of theirs. Safe to share between threads."""

    def __init__(self, rows: dict[str, int], vectors: NDArray[np.float32], books: Collection[str]) -> None:
        self._rows, self._vectors, self._books = rows, vectors, books

    def vectors(self, wordings: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1, (wordings, WIDTH); of 0 where no term of a wording is known."""
        found = np.zeros((len(wordings), self._vectors.shape[1]), dtype=np.float32)
        for place, wording in enumerate(wordings):
            rows = [self._rows[term] for term in sorted(_terms(wording, self._books)) if term in self._rows]
            total = self._vectors[rows].sum(axis=0)
            found[place] = total / max(float(np.linalg.norm(total)), 1e-9)
        return found

    def save(self, out: Path) -> None:
        """Write the folder `out`, whole or not at all."""
        with folder_aside(out) as aside:
            write_json(aside / "terms.json", list(self._rows))
            save_tensors(aside / "vectors.safetensors", {"vectors": torch.from_numpy(self._vectors)})

    @classmethod
    def open(cls, folder: Path, books: Collection[str]) -> "Likeness":
        """Read a folder that `save` wrote. Raises UserError where it is broken."""
        try:
            names, vectors = read_json(folder / "terms.json"), load_tensors(folder / "vectors.safetensors")["vectors"]
            if not isinstance(names, list) or vectors.ndim != 2 or len(names) != len(vectors):
                raise ValueError("terms and vectors do not belong together")
        except (UserError, KeyError, ValueError) as error:
            raise UserError(f"{folder} is broken ({error}); {make_again(folder.parent)}.") from error
        return cls({str(term): row for row, term in enumerate(names)}, vectors.float().numpy(), books)


def learn_likeness(questions: Sequence[Question], books: Collection[str]) -> Likeness:
    """Learn from trained questions, in some seconds. `books`: titles, which say nothing about what is asked.

    The same questions give the same vectors on the same machine.
    """
    facts = [
        [_terms(wording, books) for wording in (*question.wordings(), statement(question))] for question in questions
    ]
    having = Counter(term for fact in facts for wording in fact for term in wording)
    rows = {term: row for row, term in enumerate(sorted(having))}
    wordings = sum(map(len, facts))
    rarity = torch.tensor([math.log1p((wordings - having[term] + 0.5) / (having[term] + 0.5)) for term in rows])
    bags = [[np.array([rows[term] for term in sorted(wording)]) for wording in fact if wording] for fact in facts]
    bags = [fact for fact in bags if fact]
    vectors = _contrast(bags, rarity) if bags else torch.zeros((0, WIDTH))
    return Likeness(rows, vectors.numpy(), books)


def statement(question: Question) -> str:
    """What the books tell, answer and evidence: one more way to come upon the fact. Empty where they tell nothing."""
    return "" if question.level == "NA" else f"{question.answer} {question.evidence}"


def _contrast(facts: list[list[NDArray[np.int64]]], rarity: Tensor) -> Tensor:
    """Vectors of the terms, rarity multiplied in, (terms, WIDTH)."""
    draw = np.random.default_rng(SEED)
    table = torch.randn((len(rarity), WIDTH), generator=torch.Generator().manual_seed(SEED)) / math.sqrt(WIDTH)
    table.requires_grad_()
    optimizer = torch.optim.Adam([table], lr=RATE, betas=(0.9, 0.99))
    steps = max(STEPS, PASSES * len(facts) // BATCH)
    for step in range(steps):
        chosen = [facts[i] for i in draw.permutation(len(facts))[:BATCH]]
        pairs = [draw.choice(len(fact), 2, replace=len(fact) < 2) for fact in chosen]
        one, other = (
            _embed([fact[pair[side]] for fact, pair in zip(chosen, pairs, strict=True)], table, rarity, draw)
            for side in (0, 1)
        )
        alike, same = one @ other.T / TEMPERATURE, torch.arange(len(chosen))
        loss = F.cross_entropy(alike, same) + F.cross_entropy(alike.T, same)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return table.detach() * rarity.unsqueeze(1)


def _embed(wordings: list[NDArray[np.int64]], table: Tensor, rarity: Tensor, draw: np.random.Generator) -> Tensor:
    """Vectors of length 1 of wordings that lose some of their terms."""
    kept = [wording[draw.random(len(wording)) >= DROP] for wording in wordings]
    rows = torch.from_numpy(np.concatenate(kept))
    starts = torch.tensor([0, *np.cumsum([len(wording) for wording in kept[:-1]])])
    return F.normalize(F.embedding_bag(rows, table, starts, mode="sum", per_sample_weights=rarity[rows]), eps=1e-6)


def _terms(wording: str, books: Collection[str]) -> set[str]:
    """Characters and words: with pairs of characters too, far wordings are found less often (43 → 40 %)."""
    found = terms(bare(wording, books))
    return {*found["characters"], *found["words"]}
