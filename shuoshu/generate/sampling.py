"""How the next token is chosen from the logits."""

from collections.abc import Sequence

import torch
from torch import Tensor

from shuoshu.generate.request import Request, TokenLogprob
from shuoshu.recipe import Sampling

LIKELIEST = 256
"""Sorting a whole vocabulary takes longer than a step of a small model; these many hold top_p nearly always."""


def choose(logits: Tensor, requests: Sequence[Request], draws: Sequence[float]) -> list[int]:
    """The next token of each request from its row of `logits` (B, V) and a number drawn from [0, 1).

    What comes of a row depends on nothing but that row, its request and its number.
    """
    logits = _penalised(logits, requests)
    tokens: list[int] = logits.argmax(dim=-1).tolist()
    warm = [i for i, request in enumerate(requests) if request.sampling.temperature > 0]
    if warm:
        chosen = [requests[i].sampling for i in warm]
        drawn = _draw(logits[warm], chosen, _column([draws[i] for i in warm], logits))
        for i, token in zip(warm, drawn, strict=True):
            tokens[i] = token
    return tokens


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
            row[seen] = torch.where(value > 0, value / penalty, value * penalty)
    return logits


def _draw(logits: Tensor, chosen: list[Sampling], draws: Tensor) -> list[int]:
    """One token a row of `logits` (B, V) by its own temperature, top_k, top_p and min_p."""
    probabilities = (logits.float() / _column([s.temperature for s in chosen], logits)).softmax(dim=-1)
    tokens = torch.zeros(len(chosen), dtype=torch.long, device=logits.device)

    whole = [i for i, s in enumerate(chosen) if not (s.top_k or s.top_p < 1 or s.min_p)]
    if whole:
        tokens[whole] = _pick(probabilities[whole], draws[whole])
    cut = [i for i in range(len(chosen)) if i not in whole]
    if cut:
        ordered, order = probabilities[cut].topk(min(LIKELIEST, logits.shape[-1]))
        kept, sure = _keep(ordered, [chosen[i] for i in cut], logits.shape[-1])
        tokens[cut] = order.gather(-1, _pick(kept, draws[cut])[:, None])[:, 0]
        unsure = [i for i, enough in zip(cut, sure, strict=True) if not enough]
        if unsure:
            ordered, order = probabilities[unsure].sort(dim=-1, descending=True)
            kept, _ = _keep(ordered, [chosen[i] for i in unsure], logits.shape[-1])
            tokens[unsure] = order.gather(-1, _pick(kept, draws[unsure])[:, None])[:, 0]
    return tokens.tolist()


def _keep(ordered: Tensor, chosen: list[Sampling], size: int) -> tuple[Tensor, list[bool]]:
    """Probabilities in falling order with those not to be drawn set to 0; and for each row whether none is missing.

    top_k comes first, then top_p and min_p of what it left.
    """
    top_k = _column([min(s.top_k or size, size) for s in chosen], ordered)
    top_p = _column([s.top_p for s in chosen], ordered)
    kept = ordered * (torch.arange(ordered.shape[-1], device=ordered.device) < top_k)
    # Where top_k takes all, what is left has probability 1, also when `ordered` is only its beginning.
    reach = torch.where(top_k < size, kept.sum(dim=-1, keepdim=True), 1.0) * top_p
    # A token stays if those before it do not reach top_p yet: so the first always stays.
    within = (kept.cumsum(dim=-1) - kept < reach) | (top_p >= 1)
    within &= ordered >= ordered[:, :1] * _column([s.min_p for s in chosen], ordered)
    sure = ((top_k <= ordered.shape[-1]) | ~within[:, -1:])[:, 0].tolist()
    return kept * within, sure


def _pick(weights: Tensor, draws: Tensor) -> Tensor:
    """Index (B,) into each row of `weights` (B, N), drawn in proportion to them by `draws` (B, 1) in [0, 1)."""
    sums = weights.cumsum(dim=-1)
    picked = torch.searchsorted(sums, draws * sums[:, -1:], right=True)[:, 0]
    # Rounding may carry a draw past the last weight above zero.
    last = torch.where(weights > 0, torch.arange(weights.shape[-1], device=weights.device), -1).amax(dim=-1)
    return picked.minimum(last)


def _column(values: list[float] | list[int], like: Tensor) -> Tensor:
    """(B, 1), in float32 beside `like`."""
    return torch.tensor(values, dtype=torch.float32, device=like.device)[:, None]
