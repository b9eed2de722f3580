"""How the next token is chosen from the logits: top_k first, then top_p and min_p of what it left."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shuoshu.generate.request import Request, TokenLogprob
from shuoshu.recipe import Sampling

COLDEST = 1e-3
"""Temperatures below it take the likeliest token anyway, and logits divided by them would overflow."""
LARGEST = 1e30
"""No penalty takes a logit beyond it: two infinities have no difference."""


def choose(logits: Tensor, requests: Sequence[Request], draws: Sequence[float]) -> list[int]:
    """The next token of each request from its row of `logits` (B, V) and a number drawn from [0, 1).

    What comes of a row depends on nothing but that row, its request and its number.
    """
    logits = _penalised(logits, requests)
    warm = [i for i, request in enumerate(requests) if request.sampling.temperature >= COLDEST]
    if logits.device.type == "cpu":
        rows = logits.numpy()
        tokens = [int(row.argmax()) for row in rows]
        for i in warm:
            tokens[i] = draw_one(rows[i], requests[i].sampling, draws[i])
        return tokens
    tokens = logits.argmax(dim=-1).tolist()
    if warm:
        drawn = draw_many(logits[warm], [requests[i].sampling for i in warm], [draws[i] for i in warm])
        for i, token in zip(warm, drawn, strict=True):
            tokens[i] = token
    return tokens


def draw_one(logits: NDArray, sampling: Sampling, draw: float) -> int:
    """A token from one row of logits (V), on a CPU: numpy's calls on a row take a fifth of the time of torch's."""
    scaled = logits / np.float32(sampling.temperature)
    if sampling.top_k:
        top = torch.from_numpy(scaled).topk(min(sampling.top_k, len(scaled)))
        order, weights = top.indices.numpy(), np.exp(top.values.numpy() - top.values[0].item(), dtype=np.float64)
    else:
        weights = np.exp(scaled - scaled.max(), dtype=np.float64)
        order = np.arange(len(weights))
    if sampling.top_p < 1 or sampling.min_p:
        # Tokens so unlikely that all of them together could not fill what top_p leaves need not be sorted.
        least = max((1 - sampling.top_p) * weights.sum() / len(weights), sampling.min_p * weights.max())
        total, likely = weights.sum(), np.flatnonzero(weights >= least)
        likely = likely[np.argsort(-weights[likely], kind="stable")]
        order, weights = order[likely], weights[likely]
        # A token stays if those before it do not reach top_p yet: so the first always stays.
        kept = int(np.searchsorted(np.cumsum(weights), sampling.top_p * total)) + 1
        order, weights = order[:kept], weights[:kept]
    sums = np.cumsum(weights)
    return int(order[min(np.searchsorted(sums, draw * sums[-1], side="right"), len(order) - 1)])


def draw_many(logits: Tensor, chosen: Sequence[Sampling], draws: Sequence[float]) -> list[int]:
    """As `draw_one` for many rows (B, V) at once, on a GPU."""

    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=logits.device)[:, None]

    scaled = logits.double() / column([s.temperature for s in chosen])
    ordered, order = scaled.softmax(dim=-1).sort(dim=-1, descending=True)
    place = torch.arange(logits.shape[-1], device=logits.device)
    weights = ordered * (place < column([s.top_k or logits.shape[-1] for s in chosen]))
    reach = weights.sum(dim=-1, keepdim=True) * column([s.top_p for s in chosen])
    kept = weights.cumsum(dim=-1) - weights < reach
    kept &= ordered >= ordered[:, :1] * column([s.min_p for s in chosen])
    sums = (weights * kept).cumsum(dim=-1)
    picked = torch.searchsorted(sums, column(draws) * sums[:, -1:], right=True)
    last = ((weights * kept) > 0).sum(dim=-1, keepdim=True) - 1  # rounding may carry a draw past the last one
    return order.gather(-1, picked.minimum(last))[:, 0].tolist()


def logprobs_of(logits: Tensor, token: int, alternatives: int) -> TokenLogprob:
    """The log-probability of a token and of the likeliest `alternatives`, from one row of logits (V)."""
    logprobs = logits.float().log_softmax(dim=-1)
    top = logprobs.topk(min(alternatives, logprobs.shape[-1]))
    return TokenLogprob(
        token, logprobs[token].item(), tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))
    )


def _penalised(logits: Tensor, requests: Sequence[Request]) -> Tensor:
    if all(request.sampling.repetition_penalty == 1 for request in requests):
        return logits
    logits = logits.clone()
    for row, request in zip(logits, requests, strict=True):
        if request.sampling.repetition_penalty != 1:
            seen = torch.tensor(list({*request.prompt, *request.ids}), device=row.device)
            value = row[seen]
            penalty = request.sampling.repetition_penalty
            row[seen] = torch.where(value > 0, value / penalty, value * penalty).clamp(-LARGEST, LARGEST)
    return logits
