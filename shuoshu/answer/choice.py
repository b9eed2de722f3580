"""The choice among windows: signs weighed into a score, and into how sure the answer is.

Both are linear, small enough to be read in `choice.json`, and fitted on questions that were not trained: a listwise
softmax picks the window (after Cao et al. 2007, ListNet, with the mass of all right windows as target), and a logistic
regression on the share of that softmax it takes tells how likely it is right, which is what abstaining goes by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuoshu.answer.signs import SIGNS, Signs
from shuoshu.errors import UserError
from shuoshu.files import read_json, write_json
from shuoshu.folder import make_again

Array = NDArray[np.float64]
SURE = ("share", "search", "unknown", "untold", "bias")
"""What confidence goes by: log of the picked window's share of the softmax over all, its own `search` sign, the two
doubts of `read.Evidence`, and a constant.

With all its signs in place of the share, right stands above wrong less often (area under the curve 0.75 for 0.79,
bundled book, three draws), and fewer tests come out right (49 for 55 %). `search` is left out of what comes along, for
it takes far wordings for unanswerable; on four novels, fitted there, it takes the area from 0.56 to 0.65."""


@dataclass(frozen=True)
class Choice:
    """Weights of the signs, and of confidence."""

    weights: Array
    """(signs,)"""
    sure: Array
    """(len(SURE),)"""
    threshold: float
    """Confidence below which the answer is that the books do not tell."""

    @classmethod
    def default(cls) -> "Choice":
        """The weights that come along, for runs that set no questions aside to fit their own on."""
        weights = np.array([_DEFAULT_WEIGHTS[name] for name in SIGNS])
        return cls(weights, np.array([_DEFAULT_SURE[name] for name in SURE]), _DEFAULT_THRESHOLD)

    def judge(self, signs: Signs, doubt: tuple[float, float]) -> tuple[int, float]:
        """(the best window, probability that it answers the question); `doubt` as in `read.Evidence`."""
        scores = signs @ self.weights
        best = int(scores.argmax())
        return best, float(_logistic(_sure_signs(signs, scores, best, doubt) @ self.sure))

    def save(self, path: Path) -> None:
        """Write `choice.json`."""
        record: dict[str, Any] = {
            "weights": dict(zip(SIGNS, map(float, self.weights), strict=True)),
            "sure": dict(zip(SURE, map(float, self.sure), strict=True)),
            "threshold": self.threshold,
        }
        write_json(path, record)

    @classmethod
    def open(cls, path: Path) -> "Choice":
        """Read `choice.json`. Raises UserError where it is broken."""
        again = make_again(path.parent)
        record = read_json(path)
        try:
            weights = np.array([float(record["weights"][name]) for name in SIGNS])
            sure = np.array([float(record["sure"][name]) for name in SURE])
            threshold = float(record["threshold"])
        except (TypeError, KeyError, ValueError) as error:
            raise UserError(f"{path} is broken or of another version ({error}); {again}.") from error
        if not (np.isfinite(weights).all() and np.isfinite(sure).all() and np.isfinite(threshold)):
            raise UserError(f"{path} holds what is no number; {again}.")
        return cls(weights, sure, threshold)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question to fit on."""

    signs: Signs
    """(windows, signs)"""
    right: NDArray[np.bool_]
    """(windows,): which of them answer it; none for an unanswerable question."""
    doubt: tuple[float, float]
    answerable: bool


def fit_weights(cases: Sequence[Case], decay: float = 0.02) -> Array:
    """Weights of the signs: minimise -log of the softmax mass on the right windows, plus decay·|w|².

    Signs are scaled to deviation 1 for it. Cases without a right window, or with nothing else, teach nothing.
    """
    useful = [case for case in cases if case.right.any() and not case.right.all()]
    scale = np.concatenate([case.signs for case in useful]).astype(float).std(axis=0) + 1e-6
    widest = max(len(case.signs) for case in useful)
    signs = np.zeros((len(useful), widest, len(scale)))
    right, absent = np.zeros((len(useful), widest)), np.full((len(useful), widest), -1e9)
    for row, case in enumerate(useful):
        signs[row, : len(case.signs)] = case.signs / scale
        right[row, : len(case.signs)] = case.right
        absent[row, : len(case.signs)] = 0

    def gradient(weights: Array) -> Array:
        share = _softmax(signs @ weights + absent)
        mass = share * right
        wanted = mass / (mass.sum(axis=1, keepdims=True) + 1e-12)
        return -np.einsum("nk,nkf->f", wanted - share, signs) / len(useful) + decay * weights

    return _descend(gradient, len(scale)) / scale


def fit_choice(cases: Sequence[Case], answered: float, weights: Array | None = None) -> Choice:
    """A choice whose confidence is fitted to these cases, by weights that are given or come along.

    The threshold is the one under which a share `answered` of the unanswerable cases is answered. The weights stay:
    they take more questions than a run sets aside (120 of its own gave 28 % where the ones that come along gave 29).
    """
    weights = Choice.default().weights if weights is None else weights
    rows, right = [], []
    for case in cases:
        scores = case.signs @ weights
        best = int(scores.argmax())
        rows.append(_sure_signs(case.signs, scores, best, case.doubt))
        right.append(bool(case.right[best]))
    sure = _fit_logistic(np.array(rows), np.array(right, dtype=float))
    confidence = _logistic(np.array(rows) @ sure)
    untold = np.array([not case.answerable for case in cases])
    threshold = float(np.quantile(confidence[untold], 1 - answered)) if untold.any() else 0.0
    return Choice(weights, sure, threshold)


def _sure_signs(signs: Signs, scores: Array, best: int, doubt: tuple[float, float]) -> Array:
    share = float(scores[best] - np.logaddexp.reduce(scores))
    return np.array([share, signs[best, SIGNS.index("search")], *doubt, 1.0])


def _fit_logistic(rows: Array, right: Array, decay: float = 0.02) -> Array:
    scale = np.where(rows.std(axis=0) > 1e-6, rows.std(axis=0), 1.0)
    scaled = rows / scale

    def gradient(weights: Array) -> Array:
        held = np.append(weights[:-1], 0.0)  # the bias is free
        return scaled.T @ (_logistic(scaled @ weights) - right) / len(rows) + decay * held

    return _descend(gradient, rows.shape[1]) / scale


def _descend(gradient: Callable[[Array], Array], size: int, steps: int = 400) -> Array:
    """Adam (arXiv:1412.6980) with a rate of 0.03, from zero."""
    weights, first, second = np.zeros(size), np.zeros(size), np.zeros(size)
    for step in range(1, steps + 1):
        slope = gradient(weights)
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope * slope
        weights = weights - 0.03 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return weights


def _softmax(values: Array) -> Array:
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _logistic(value: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(value, -30, 30)))


# The weights were fitted by `benchmarks/reader.py` on 450 trained questions of four novels (words alone) and on what
# was set aside, there and of the bundled book; the two of the bank on the latter, with the others kept. Confidence is
# of three draws of a fifth of the bundled book's questions, as models of today's training answer them.
_DEFAULT_WEIGHTS = {
    "search": 0.32, "covered": -2.39, "around": 3.91, "near": 3.37, "characters": 4.67, "terms": 0.89, "rarest": 0.4,
    "length": -0.14, "person": 1.58, "lead": 29.0, "memory": 7.1,
}  # fmt: skip
_DEFAULT_SURE = {"share": 1.0, "search": 0.0, "unknown": -1.36, "untold": -4.81, "bias": 1.02}
_DEFAULT_THRESHOLD = 0.151
