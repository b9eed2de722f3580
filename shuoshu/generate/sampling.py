"""How the next token is chosen from the logits."""

import torch
from torch import Tensor

from shuoshu.recipe import Sampling


def choose(logits: Tensor, sampling: Sampling, generators: list[torch.Generator]) -> Tensor:
    """Next token of each row of `logits` (B, V): ids (B,).

    Each row draws from its own generator, so that a text does not depend on its neighbours in the batch.
    """
    if sampling.temperature <= 0:
        return logits.argmax(dim=-1)
    logits = logits.float() / sampling.temperature
    if 0 < sampling.top_k < logits.shape[-1]:
        least = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(dim=-1)
    if sampling.top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True)
        # A token stays if those before it do not reach top_p yet: so the first always stays.
        dropped = ordered.cumsum(dim=-1) - ordered >= sampling.top_p
        probabilities = probabilities.masked_fill(dropped.scatter(-1, order, dropped), 0.0)
    # Drawn by race (the smallest of exponentials with these rates wins): one draw a token, no renormalising.
    noise = torch.stack(
        [
            torch.empty_like(row).exponential_(generator=generator)
            for row, generator in zip(probabilities, generators, strict=True)
        ]
    )
    return (probabilities / noise).argmax(dim=-1)
