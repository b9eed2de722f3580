"""Embedding similarity of answers to references, where an embedding model is at hand; never a reason to fail or hang.

The figure is soft: a wrong name in the right sentence scores almost as high as the right one. The similarity of
mismatched pairs (each answer with another question's reference) is given beside it for that reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shuoshu.embedder import Embedder, first_line


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """Mean cosine similarity, -1 to 1, or the reason why there is none."""

    mean: float | None = None
    mismatched: float | None = None
    """The same of pairs that do not belong together; None for fewer than two pairs."""
    note: str | None = None
    """Why `mean` is None; the model's name where it is not."""


def similarity(embedder: Embedder | None, answers: Sequence[str], references: Sequence[str]) -> Similarity:
    """Compare each answer with its reference."""
    if embedder is None:
        return Similarity(note="no embedding model given; name one with evaluate.embedding_model")
    if embedder.fault or not answers:
        return Similarity(note=embedder.fault or "nothing to compare")
    try:
        given, wanted = embedder.vectors(answers), embedder.vectors(references)
    except Exception as error:  # whatever a foreign model raises, the other scores must not be lost with it
        return Similarity(note=f"{embedder.name}: {first_line(error)}")
    shifted = np.roll(wanted, -1, axis=0)
    return Similarity(
        mean=float((given * wanted).sum(1).mean()),
        mismatched=float((given * shifted).sum(1).mean()) if len(answers) > 1 else None,
        note=embedder.name,
    )
