"""The choice: signs weighed, of windows, of words, and of how sure the answer is.

All three are linear, small enough to be read in `choice.json`, and fitted on questions that were not trained: a
listwise softmax ranks windows, and then words (after Cao et al. 2007, ListNet, with the mass of all right ones as
target), and a logistic regression on what the latter came to tells how likely the answer is right, which is what
abstaining goes by.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.signs import SIGNS, Signs
from shuoshu.answer.words import POINT_SIGNS
from shuoshu.errors import UserError
from shuoshu.files import read_json, write_json
from shuoshu.folder import make_again

Array = NDArray[np.float64]
SURE = ("mass", "share", "spread", "around", "unknown", "untold", "bias")
"""What confidence goes by: log of the probability that the quoted words hold the answer, log of the best window's share
of the softmax over all windows, entropy over the words, the quoted window's own `around` sign, the two doubts of
`read.Evidence`, and a constant.

The mass alone puts right above wrong in 86 to 88 of 100 pairs on the bundled book, and in 68 on four novels; the share
of the window, which was used before there was pointing, in 81 to 84 and 61."""


@dataclass(frozen=True)
class Choice:
    """Weights of the signs, and of confidence."""

    weights: Array
    """(len(SIGNS),) of windows."""
    point: Array
    """(len(POINT_SIGNS),) of words."""
    sure: Array
    """(len(SURE),)"""
    threshold: float
    """Confidence below which the answer is that the books do not tell."""

    @classmethod
    @cache
    def default(cls) -> "Choice":
        """What comes along (`choice.json` beside this file), for runs that set aside too little to fit their own on.

        `benchmarks/reader.py` fits it, on trained questions of four novels (words alone) and on what runs there and of
        the bundled book set aside; confidence on three draws of the latter. Two weights were set by hand: `lead` and
        `memory` of windows stand at three quarters of their fit, for trained questions lead astray where a book has
        few wordings of each (`benchmarks/2026-11-23-reader.md`).
        """
        return _read(json.loads((files("shuoshu.answer") / "choice.json").read_text(encoding="utf-8")))

    def confidence(self, row: Array) -> float:
        """Probability that an answer with these signs (len(SURE),) is right."""
        return float(_logistic(row @ self.sure))

    def record(self) -> dict[str, Any]:
        """What `choice.json` holds."""
        named = {"weights": (SIGNS, self.weights), "point": (POINT_SIGNS, self.point), "sure": (SURE, self.sure)}
        weights = {key: dict(zip(names, map(float, values), strict=True)) for key, (names, values) in named.items()}
        return {**weights, "threshold": self.threshold}

    def save(self, path: Path) -> None:
        """Write `choice.json`."""
        write_json(path, self.record())

    @classmethod
    def open(cls, path: Path) -> "Choice":
        """Read `choice.json`. Raises UserError where it is broken."""
        again = make_again(path.parent)
        try:
            choice = _read(read_json(path))
        except (TypeError, KeyError, ValueError) as error:
            raise UserError(f"{path} is broken or of another version ({error}); {again}.") from error
        numbers = np.concatenate([choice.weights, choice.point, choice.sure, [choice.threshold]])
        if not np.isfinite(numbers).all():
            raise UserError(f"{path} holds what is no number; {again}.")
        return choice


def _read(record: Any) -> Choice:
    """A choice from what `choice.json` holds. Raises TypeError, KeyError or ValueError where something is missing."""
    weights, point, sure = (
        np.array([float(record[key][name]) for name in names])
        for key, names in (("weights", SIGNS), ("point", POINT_SIGNS), ("sure", SURE))
    )
    return Choice(weights, point, sure, float(record["threshold"]))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question, as an answer to it turned out."""

    sure: Array
    """(len(SURE),)"""
    right: bool
    """Whether the answer was right; never for an unanswerable question."""
    answerable: bool


def fit_ranking(
    cases: Sequence[tuple[Signs, NDArray[np.bool_]]], decay: float = 0.02, given: Array | None = None
) -> Array:
    """Weights (signs,) that put the right rows first: minimise -log of the softmax mass on them, plus decay/2·|w|².

    A case is the signs of what one question is to choose among, (rows, signs), and which rows are right. Signs are
    scaled to deviation 1 for it. Cases without a right row, or with nothing else, teach nothing. Weights that are
    `given` (signs,) stay, but for those that are NaN.
    """
    given = np.full(cases[0][0].shape[1], np.nan) if given is None else given
    free = np.isnan(given)
    useful = [(signs, right) for signs, right in cases if right.any() and not right.all()]
    signs = np.concatenate([signs for signs, _ in useful])
    known, signs = signs[:, ~free] @ given[~free], signs[:, free]
    scale = signs.std(axis=0) + 1e-3
    signs = signs / scale
    right = np.concatenate([right for _, right in useful])
    sizes = np.array([len(own) for _, own in useful])
    starts = np.cumsum(sizes) - sizes

    def slopes(weights: Array) -> tuple[Array, Array]:
        scores = known + signs @ weights.astype(np.float32)
        raised = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
        share = raised / np.repeat(np.add.reduceat(raised, starts), sizes)
        mass = np.where(right, share, 0)
        wanted = mass / np.repeat(np.add.reduceat(mass, starts) + 1e-12, sizes)
        weighed = share[:, None] * signs
        means = np.add.reduceat(weighed, starts)
        # Of the wanted rows' part, which is concave, the slope alone: what is left is convex and lies above.
        bend = (signs.T @ weighed - means.T @ means) / len(useful) + decay * np.eye(len(weights))
        return signs.T @ (share - wanted) / len(useful) + decay * weights, bend

    fitted = given.copy()
    fitted[free] = _newton(slopes, len(scale)) / scale
    return fitted


def fit_sure(cases: Sequence[Case], answered: float, choice: Choice) -> Choice:
    """The choice with its confidence fitted to these cases, as answers of the same choice turned out.

    The threshold is the one under which a share `answered` of the unanswerable cases is answered. Weights stay: they
    take more questions than a run sets aside.
    """
    rows = np.array([case.sure for case in cases])
    sure = _fit_logistic(rows, np.array([case.right for case in cases], dtype=float))
    untold = np.array([not case.answerable for case in cases])
    confidence = _logistic(rows @ sure)
    threshold = float(np.quantile(confidence[untold], 1 - answered)) if untold.any() else 0.0
    return Choice(choice.weights, choice.point, sure, threshold)


def _fit_logistic(rows: Array, right: Array, decay: float = 0.002) -> Array:
    scale = np.where(rows.std(axis=0) > 1e-6, rows.std(axis=0), 1.0)
    scaled = rows / scale

    decays = np.append(np.full(rows.shape[1] - 1, decay), 1e-6)  # the bias is free

    def slopes(weights: Array) -> tuple[Array, Array]:
        likely = _logistic(scaled @ weights)
        bend = (scaled.T * (likely * (1 - likely))) @ scaled / len(rows) + np.diag(decays)
        return scaled.T @ (likely - right) / len(rows) + decays * weights, bend

    return _newton(slopes, rows.shape[1]) / scale


def _newton(slopes: Callable[[Array], tuple[Array, Array]], size: int, steps: int = 50) -> Array:
    """Newton's method from zero; `slopes` gives gradient and Hessian (or a bound on it). No step is longer than 1."""
    weights = np.zeros(size)
    for _ in range(steps):
        slope, bend = slopes(weights)
        step = np.linalg.solve(bend, slope)
        weights = weights - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-4:
            break
    return weights


def _logistic(value: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(value, -30, 30)))
