"""The sampling controls of the page: their bounds, and what they ask for."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shuoshu.recipe import Sampling

MOST_TOKENS = 512
LAST_SEED = 2**31 - 1
BOUNDS: dict[str, tuple[float, float, float]] = {
    "temperature": (0, 2, 0.05),
    "max_new_tokens": (8, MOST_TOKENS, 8),
    "top_k": (0, 500, 1),
    "top_p": (0.05, 1, 0.05),
    "min_p": (0, 0.5, 0.01),
    "repetition_penalty": (1, 2, 0.05),
    "seed": (0, LAST_SEED, 1),
}
"""Field of `Sampling`: least, most, step."""


def controls() -> list[dict[str, Any]]:
    """What the page draws: `name`, `least`, `most`, `step` and the `value` to begin with."""
    default = Sampling()
    return [
        {"name": name, "least": least, "most": most, "step": step, "value": getattr(default, name)}
        for name, (least, most, step) in BOUNDS.items()
    ]


def chosen_sampling(asked: Mapping[str, Any]) -> Sampling:
    """The options of the controls, each brought within its bounds, or its default: a browser may send anything."""
    default = Sampling()
    return replace(default, **{name: _within(name, asked.get(name), getattr(default, name)) for name in BOUNDS})


def _within(name: str, value: Any, default: float) -> float:
    least, most, _ = BOUNDS[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return default
    kept = min(max(value, least), most)
    return int(kept) if isinstance(default, int) else float(kept)
