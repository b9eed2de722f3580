"""Muon for the matrices of the blocks, AdamW for embeddings and gains; and the learning rate over a run."""

from typing import Literal

import torch
from torch import Tensor, nn

from shuoshu.train.muon import Muon


class Optimiser:
    """One or two torch optimisers stepped as one, whose state is a flat dictionary of tensors (safetensors, no pickle).

    Muon orthogonalises the update of each hidden matrix; embeddings and gains are not such matrices and go to AdamW.
    """

    def __init__(
        self,
        model: nn.Module,
        kind: Literal["muon", "adamw"],
        lr: float,
        weight_decay: float,
        table_rate: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.95),
    ) -> None:
        """`table_rate`: beside Muon, the rate of embeddings and gains as a multiple of that of the matrices."""
        # A tied output layer appears once, under the embedding's name.
        named = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        inner = {name for name, weight in named.items() if weight.dim() == 2 and "layers." in name}
        matrices = {name: weight for name, weight in named.items() if name in inner}
        tables = {name: weight for name, weight in named.items() if name not in inner and weight.dim() == 2}
        gains = {name: weight for name, weight in named.items() if weight.dim() < 2}
        # Decay shrinks matrices only: an embedding row that is rarely seen would be forgotten, a gain belongs near 1.
        plain = [
            {"params": list(tables.values()), "weight_decay": 0.0},
            {"params": list(gains.values()), "weight_decay": 0.0},
        ]
        fused = next(iter(named.values())).device.type in ("cpu", "cuda")
        self._names = [*matrices, *tables, *gains]
        self._weights = [*matrices.values(), *tables.values(), *gains.values()]
        self.parts: list[torch.optim.Optimizer]
        if kind == "muon":
            muon = Muon(matrices.values(), lr, weight_decay)
            self.parts = [muon, torch.optim.AdamW(plain, lr=lr, betas=betas, fused=fused)]
            self._rates = [1.0, table_rate]
        else:
            decayed = [{"params": list(matrices.values()), "weight_decay": weight_decay}, *plain]
            self.parts = [torch.optim.AdamW(decayed, lr=lr, betas=betas, fused=fused)]
            self._rates = [1.0]

    def step(self, lr: float) -> None:
        """One update of all weights at this learning rate of the matrices; gradients are cleared."""
        for part, rate in zip(self.parts, self._rates, strict=True):
            for group in part.param_groups:
                group["lr"] = lr * rate
            part.step()
            part.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """All moments by `PARAMETER/NAME`; the tensors themselves, so that filling them is taking them over."""
        moments = {}
        for name, weight in zip(self._names, self._weights, strict=True):
            for part in self.parts:
                for key, value in part.state.get(weight, {}).items():
                    moments[f"{name}/{key}"] = value
        return moments

    def prepare(self) -> None:
        """Make the moments that a first step would make, so that `state` has places to be filled; no weight changes."""
        for weight in self._weights:
            weight.grad = torch.zeros_like(weight)
        self.step(0.0)


def learning_rate(step: int, steps: int, peak: float, warmup: float, cooldown: float) -> float:
    """Rise over the first `warmup` of the run, stay at `peak`, fall in a line to zero over the last `cooldown`.

    The trapezoid of arXiv:2405.18392. It ends at zero whatever the budget: at `step == steps` it is 0.
    """
    rise = min(1.0, (step + 1) / max(1.0, warmup * steps))
    fall = min(1.0, (steps - step) / max(1.0, cooldown * steps))
    return peak * min(rise, fall)
