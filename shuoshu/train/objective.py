"""What training makes small: the cross-entropy of the next token, in pieces, and of the teachers' opinion of it."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shuoshu.model import MiniGLM

CHUNK = {"cpu": 256, "cuda": 8192}
"""Positions whose logits are held at once. On a CPU few enough for the cache: with 2,048 positions, width 256 and 8,192
tokens, loss and its gradient take 107 ms in pieces of 256 and 183 ms through `F.cross_entropy` (2 cores, bf16)."""


class Objective(nn.Module):
    """The mean loss of a model on (ids, targets), as a module, so that DDP, FSDP and torch.compile can wrap it.

    With teachers the targets are mixed: (1 - share) of the text's own next token, `share` of the mean of the
    teachers' probabilities, both softened by `temperature` (Hinton et al., arXiv:1503.02531).
    `noise` replaces so large a share of the input tokens by random ones while training: with text repeated often
    this hinders learning by heart (arXiv:2510.04071).
    """

    def __init__(
        self,
        model: MiniGLM,
        noise: float = 0.0,
        teachers: Sequence[MiniGLM] = (),
        share: float = 0.5,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.noise, self.share, self.temperature = noise, share, temperature
        self._teachers = tuple(teachers)  # a tuple, so that they are no part of this module and stay in eval mode

    def forward(self, ids: Tensor, targets: Tensor | None = None, count: Tensor | None = None) -> Tensor:
        """Summed loss in nats of the targets (B, T) that are not -100, divided by `count` (a scalar tensor).

        Without targets the logits (B, T, V), for scoring: weights spread over processes meet only in this call.
        """
        if targets is None:
            return self.model(ids)
        inputs = ids
        if self.training and self.noise:
            drawn = torch.randint_like(ids, self.model.config.vocab_size)
            inputs = torch.where(torch.rand(ids.shape, device=ids.device) < self.noise, drawn, ids)
        hidden = self.model.model(inputs).flatten(0, 1)
        seen = [(teacher.model(ids).flatten(0, 1), teacher.lm_head.weight) for teacher in self._teachers]
        parts = (self.share if seen else 0.0, self.temperature)
        return _chunked_loss(hidden, self.model.lm_head.weight, targets.flatten(), count, seen, *parts)


class _ChunkedLoss(torch.autograd.Function):
    """Cross-entropy of a linear layer's output without ever holding all logits.

    The gradient is worked out with the loss, piece by piece, while the logits are at hand; backward only scales it.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        count: Tensor,
        teachers: list[tuple[Tensor, Tensor]],
        share: float,
        temperature: float,
    ) -> Tensor:
        """hidden (N, D), weight (V, D), targets (N): the loss, a scalar in float32."""
        table = weight.to(hidden.dtype)
        tables = [(states, matrix.to(states.dtype)) for states, matrix in teachers]
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight, dtype=torch.float32)
        total = hidden.new_zeros((), dtype=torch.float32)
        chunk = CHUNK.get(hidden.device.type, 1024)
        for start in range(0, len(hidden), chunk):
            rows = slice(start, start + chunk)
            known = (targets[rows] >= 0).float()
            right = targets[rows].clamp(min=0).unsqueeze(1)
            logits = F.linear(hidden[rows], table)
            probability, nats = _softmax(logits, right)
            total += (1 - share) * (nats * known).sum()
            gradient = probability.scatter_add_(1, right, torch.full_like(right, -1, dtype=torch.float32))
            if share:
                softened = F.log_softmax(logits.float() / temperature, dim=-1)
                opinion = sum(F.softmax(F.linear(s[rows], m).float() / temperature, dim=-1) for s, m in tables)
                opinion = torch.as_tensor(opinion) / len(tables)
                # T² keeps the two gradients of one size whatever the temperature.
                total -= share * temperature**2 * ((opinion * softened).sum(dim=1) * known).sum()
                gradient = gradient.mul_(1 - share).add_(softened.exp_().sub_(opinion), alpha=share * temperature)
            gradient = gradient.mul_((known / count).unsqueeze(1)).to(hidden.dtype)
            hidden_grad[rows] = gradient @ table
            weight_grad += gradient.T @ hidden[rows]
        ctx.save_for_backward(hidden_grad, weight_grad.to(weight.dtype))
        return total / count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_grad, weight_grad = ctx.saved_tensors
        scale = gradients[0]
        return hidden_grad * scale, weight_grad * scale, None, None, None, None, None


# torch.compile would write out the loop over pieces: 23 s more before the first step, and none the faster for it.
_chunked_loss: Any = torch.compiler.disable(_ChunkedLoss.apply)


def _softmax(logits: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities (N, V) in float32, and the nats each `right` (N, 1) costs."""
    probability = F.softmax(logits, dim=1, dtype=torch.float32)
    # The likeliest has exp(0) of the whole mass, so the log of the mass is known without another pass over exponentials
    # (which MKL works out eight times slower than softmax does on some CPUs).
    top, likeliest = logits.amax(dim=1, keepdim=True), probability.amax(dim=1, keepdim=True)
    nats = top.float() - logits.gather(1, right).float() - likeliest.log()
    return probability, nats.squeeze(1)
