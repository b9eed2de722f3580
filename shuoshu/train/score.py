"""Bits per character: how well a model foresees held-out text, comparable between tokenizers."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from shuoshu.tokenizer import Tokenizer

ROWS = 32
"""Windows scored at once."""


@torch.no_grad()
def bits_per_char(model: nn.Module, tokenizer: Tokenizer, texts: Sequence[str], context: int, most: int = 0) -> float:
    """Bits a character of `texts`, each read in windows of `context` tokens that do not overlap.

    Every token of every text is predicted once, the first from an end-of-text mark; the nats are divided by the
    number of characters. `most` > 0 takes only so many windows, spread evenly, for a quick look.
    """
    windows: list[list[int]] = []
    for ids in tokenizer.encode_many(texts):
        stream = [tokenizer.end_of_text, *ids]
        windows += [stream[i : i + context + 1] for i in range(0, len(stream) - 1, context)]
    if 0 < most < len(windows):
        windows = [windows[i * len(windows) // most] for i in range(most)]
    windows.sort(key=len)
    device = next(model.parameters()).device
    counts = tokenizer.characters_of
    nats, characters = 0.0, 0
    for i in range(0, len(windows), ROWS):
        rows = windows[i : i + ROWS]
        width = max(map(len, rows))
        padded = torch.tensor([row + [-100] * (width - len(row)) for row in rows], device=device)
        ids, targets = padded[:, :-1].clamp(min=0), padded[:, 1:]
        logits = model(ids).float()
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum").item()
        characters += sum(counts[token] for row in rows for token in row[1:])
    return nats / math.log(2) / max(characters, 1)


@torch.no_grad()
def answer_bits(model: nn.Module, pairs: Sequence[tuple[list[int], list[int]]], counts: Sequence[int]) -> float:
    """Bits a character of the answers of (prompt ids, answer ids), each answer read after its prompt."""
    device = next(model.parameters()).device
    nats, characters = 0.0, 0
    for prompt, answer in pairs:
        ids = torch.tensor([prompt + answer[:-1]], device=device)
        logits = model(ids)[0, len(prompt) - 1 :].float()
        nats += F.cross_entropy(logits, torch.tensor(answer, device=device), reduction="sum").item()
        characters += sum(counts[token] for token in answer)
    return nats / math.log(2) / max(characters, 1)
