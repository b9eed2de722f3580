"""Embedding similarity of answers to references, where an embedding model is at hand; never a reason to fail or hang.

The figure is soft: a wrong name in the right sentence scores almost as high as the right one. The similarity of
mismatched pairs (each answer with another question's reference) is given beside it for that reason.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HUB_SECONDS = 5.0
"""How long the model hub may take to be seen at all. Without this look, a download with no network goes on trying for
minutes, file by file."""


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """Mean cosine similarity, -1 to 1, or the reason why there is none."""

    mean: float | None = None
    mismatched: float | None = None
    """The same of pairs that do not belong together; None for fewer than two pairs."""
    note: str | None = None
    """Why `mean` is None; the model's name where it is not."""


class Embedder:
    """A sentence-transformers model, loaded at most once; or the reason why none can be used."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self._model, self._note = _load(name)

    def similarity(self, answers: Sequence[str], references: Sequence[str]) -> Similarity:
        """Compare each answer with its reference."""
        if self._model is None or not answers:
            return Similarity(note=self._note or "nothing to compare")
        try:
            given = self._model.encode(list(answers), normalize_embeddings=True, show_progress_bar=False)
            wanted = self._model.encode(list(references), normalize_embeddings=True, show_progress_bar=False)
        except Exception as error:  # whatever a foreign model raises, the other scores must not be lost with it
            return Similarity(note=f"{self.name}: {_first_line(error)}")
        shifted = None
        if len(answers) > 1:
            shifted = [*wanted[1:], wanted[0]]
        return Similarity(
            mean=_mean_dot(given, wanted),
            mismatched=None if shifted is None else _mean_dot(given, shifted),
            note=self.name,
        )


def _load(name: str | None) -> tuple[Any, str | None]:
    """The model and None, or None and the reason."""
    if not name:
        return None, "no embedding model given; name one with evaluate.embedding_model"
    path = Path(name).expanduser()
    if not path.exists() and (name.startswith((".", "~", "/")) or name.count("/") > 1):
        return None, f"{name}: no such folder"
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        return None, f"sentence-transformers cannot be used ({error}); `pip install sentence-transformers`"
    try:
        # First what lies on this machine: a folder, or what the hub's cache holds.
        return SentenceTransformer(str(path) if path.exists() else name, local_files_only=True), None
    except Exception as error:
        if path.exists():
            return None, f"{name}: {_first_line(error)}"
    away = _hub_is_away()
    if away:
        return None, f"{name}: not on this machine, and {away}"
    try:
        return SentenceTransformer(name), None
    except Exception as error:
        return None, f"{name}: {_first_line(error)}"


def _hub_is_away() -> str | None:
    """Why the hub cannot be asked, or None when it answers."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return "HF_HUB_OFFLINE is set"
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        urlopen(Request(hub, method="HEAD"), timeout=HUB_SECONDS).close()
    except HTTPError:
        return None  # it answered, whatever it said
    except (OSError, ValueError):
        return f"{hub} does not answer"
    return None


def _mean_dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(float(x @ y) for x, y in zip(a, b, strict=True)) / len(a))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
