"""Texts as vectors, by a sentence-transformers model that the user names. The library is an extra."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HUB_SECONDS = 5.0
"""How long the model hub may take to be seen at all. Without this look, a download with no network goes on trying for
minutes, file by file."""


class Embedder:
    """A model by folder or hub name, loaded once; or the reason why it cannot be used."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._model, self.fault = _load(name)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1, (texts, width). Raises whatever a foreign model raises."""
        assert self._model is not None, self.fault
        found = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)


def _load(name: str) -> tuple[Any, str | None]:
    """The model and None, or None and the reason."""
    path = Path(name).expanduser()
    if not path.exists() and (name.startswith((".", "~", "/")) or name.count("/") > 1):
        return None, f"{name}: no such folder"
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        return None, f"sentence-transformers cannot be used ({error}); `pip install sentence-transformers`"
    disable_progress_bar()  # of weights that load in a tenth of a second
    try:
        # First what lies on this machine: a folder, or what the hub's cache holds.
        return SentenceTransformer(str(path) if path.exists() else name, local_files_only=True), None
    except Exception as error:
        if path.exists():
            return None, f"{name}: {first_line(error)}"
    away = _hub_is_away()
    if away:
        return None, f"{name}: not on this machine, and {away}"
    try:
        return SentenceTransformer(name), None
    except Exception as error:
        return None, f"{name}: {first_line(error)}"


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


def first_line(error: Exception) -> str:
    """What an exception says, for a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
