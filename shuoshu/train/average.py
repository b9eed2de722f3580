"""A running mean of the weights, which foresees held-out text better than the weights of any one step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a model's weights (EMA; Polyak & Juditsky 1992).

    Over the first steps the mean follows more closely, min(decay, (1 + step) / (10 + step)), so that the random
    beginning is soon forgotten. Decay 0 keeps no mean at all.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        named = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._names = list(named)
        self._weights = [weight.detach() for weight in named.values()]
        self._means = [weight.clone() for weight in self._weights] if decay else []

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights as they are after `step` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, weight in zip(self._means, self._weights, strict=False):
            mean.lerp_(weight, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the mean in the place of the weights for a while: to score it, to save it."""
        if not self._means:
            yield
            return
        kept = [weight.clone() for weight in self._weights]
        self.settle()
        try:
            yield
        finally:
            _copy(kept, self._weights)

    def settle(self) -> None:
        """Make the mean the weights, for good."""
        _copy(self._means, self._weights)

    def state(self) -> dict[str, Tensor]:
        """The means by name; the tensors themselves, so that filling them is taking them over."""
        return dict(zip(self._names, self._means, strict=False))


def _copy(those: list[Tensor], these: list[Tensor]) -> None:
    """Fill `these` with `those`, as far as there are any."""
    for this, that in zip(these, those, strict=False):
        this.copy_(that)
