"""Bits per character: how well a model foresees held-out text, comparable between tokenizers."""

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from shuoshu.tokenizer import Tokenizer

T = TypeVar("T")

ROWS = {"cpu": 4, "cuda": 32}
"""Windows scored at once. On a CPU as few as keep the logits small: 4 windows of 256 tokens make 33 MB of them."""
ANSWERS = 16
"""Questions with their answers scored at once."""


def spread(items: list[T], most: int) -> list[T]:
    """At most so many of the items, evenly spread."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else items


class HeldOut:
    """Texts to be foreseen, cut once into windows of `context` tokens that do not overlap.

    `most` > 0 takes only so many windows, spread evenly, for a quick look.
    """

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str], context: int, most: int = 0) -> None:
        windows: list[list[int]] = []
        for ids in tokenizer.encode_many(texts):
            stream = [tokenizer.end_of_text, *ids]
            windows += [stream[i : i + context + 1] for i in range(0, len(stream) - 1, context)]
        windows = spread(windows, most or len(windows))
        self._windows = sorted(windows, key=len)
        counts = tokenizer.characters_of
        self._characters = sum(counts[token] for window in windows for token in window[1:])

    @torch.no_grad()
    def bits_per_char(self, model: nn.Module) -> float:
        """Bits a character: every token is predicted once, the first of a text from an end-of-text mark."""
        device = next(model.parameters()).device
        rows = ROWS.get(device.type, 32)
        nats = 0.0
        for i in range(0, len(self._windows), rows):
            some = self._windows[i : i + rows]
            width = max(map(len, some))
            padded = torch.tensor([row + [-100] * (width - len(row)) for row in some], device=device)
            ids, targets = padded[:, :-1].clamp(min=0), padded[:, 1:]
            logits = model(ids).float()
            nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum").item()
        return nats / math.log(2) / max(self._characters, 1)


def bits_per_char(model: nn.Module, tokenizer: Tokenizer, texts: Sequence[str], context: int) -> float:
    """Bits a character of `texts`, once (see HeldOut)."""
    return HeldOut(tokenizer, texts, context).bits_per_char(model)


@torch.no_grad()
def answer_bits(model: nn.Module, pairs: Sequence[tuple[list[int], list[int]]], counts: Sequence[int]) -> float:
    """Bits a character of the answers of (prompt ids, answer ids), each answer read after its prompt."""
    device = next(model.parameters()).device
    nats, characters = 0.0, 0
    ordered = sorted(pairs, key=lambda pair: len(pair[0]) + len(pair[1]))
    for i in range(0, len(ordered), ANSWERS):
        some = ordered[i : i + ANSWERS]
        width = max(len(prompt) + len(answer) for prompt, answer in some) - 1
        ids = torch.zeros(len(some), width, dtype=torch.int64)
        targets = torch.full((len(some), width), -100)
        for row, (prompt, answer) in enumerate(some):
            ids[row, : len(prompt) + len(answer) - 1] = torch.tensor(prompt + answer[:-1])
            targets[row, len(prompt) - 1 : len(prompt) + len(answer) - 1] = torch.tensor(answer)
            characters += sum(counts[token] for token in answer)
        logits = model(ids.to(device)).float()
        nats += F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten(), reduction="sum").item()
    return nats / math.log(2) / max(characters, 1)
