"""Does a model know when it is right? Risk against coverage, and calibration, from the confidence it gives.

Answers are taken in the order of their confidence, the surest first. Coverage is the share of all questions answered so
far, accuracy the share of right ones among these. An answer that says the books do not tell claims nothing and never
counts as covered; a question without an answer in the books, answered all the same, counts as wrong.

Sources: El-Yaniv & Wiener 2010 (risk and coverage); Geifman & El-Yaniv 2017, arXiv 1705.08500 (AURC and its best);
Guo et al. 2017, arXiv 1706.04599 (expected calibration error).
"""

import itertools
import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

BINS = 10
"""Bins of equal width for the calibration error."""


def risk_coverage(confidence: Sequence[float], right: Sequence[bool], asked: int) -> dict[str, Any] | None:
    """Figures of the claims of one model, each with its confidence (0 to 1); None where there is no claim.

    `asked` counts the questions, those on which the model was silent too. Returns, shares from 0 to 1:

    - `asked`, `answered`, `coverage` = answered / asked, `accuracy` of the answered;
    - `curve`: [coverage, accuracy, least confidence] after each confidence that occurs, the highest first;
    - `aurc`: area under the risk-coverage curve, the mean of 1 - accuracy after 1, 2, … claims; beside it
      `aurc_random`, what claims in no order come to, and `aurc_best`, all right ones first;
    - `accuracy_at_60`, `accuracy_at_80`: when only so many per cent of the questions are answered; None where the model
      answers fewer;
    - `ece`: mean distance of confidence and accuracy over the bins of `reliability`, weighted by size; `brier`: mean
      squared distance of confidence and truth.

    Claims of equal confidence count as answered in random order, so that no order of the questions changes a figure.
    """
    if not confidence:
        return None
    ordered = sorted(zip(confidence, right, strict=True), key=lambda pair: -pair[0])
    hits = expected_hits(ordered)
    answered = len(ordered)
    curve = [
        [round((k + 1) / asked, 4), round(hits[k] / (k + 1), 4), round(ordered[k][0], 4)]
        for k in range(answered)
        if k + 1 == answered or ordered[k + 1][0] != ordered[k][0]
    ]
    best = expected_hits(sorted(((float(hit), hit) for _, hit in ordered), key=lambda pair: -pair[0]))
    bins = reliability(confidence, right)
    return {
        "asked": asked,
        "answered": answered,
        "coverage": round(answered / asked, 4),
        "accuracy": round(fmean(right), 4),
        "curve": curve,
        "aurc": _area(hits),
        "aurc_random": round(1 - fmean(right), 4),
        "aurc_best": _area(best),
        "accuracy_at_60": _accuracy_at(0.6, hits, asked),
        "accuracy_at_80": _accuracy_at(0.8, hits, asked),
        "ece": round(sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / answered, 4),
        "brier": round(fmean((c - r) ** 2 for c, r in zip(confidence, right, strict=True)), 4),
        "reliability": bins,
    }


def expected_hits(ordered: Sequence[tuple[float, bool]]) -> list[float]:
    """Right ones expected among the first 1, 2, … of claims in falling confidence, equal ones in random order."""
    hits: list[float] = []
    before = 0.0
    for _, group in itertools.groupby(ordered, key=lambda pair: pair[0]):
        verdicts = [right for _, right in group]
        hits += [before + sum(verdicts) * (k + 1) / len(verdicts) for k in range(len(verdicts))]
        before = hits[-1]
    return hits


def reliability(confidence: Sequence[float], right: Sequence[bool]) -> list[dict[str, Any]]:
    """The bins that hold a claim: bounds, size, mean confidence, accuracy."""
    bins: list[dict[str, Any]] = []
    for place in range(BINS):
        held = [(c, r) for c, r in zip(confidence, right, strict=True) if place == min(max(int(c * BINS), 0), BINS - 1)]
        if held:
            bins.append(
                {
                    "from": place / BINS,
                    "to": (place + 1) / BINS,
                    "n": len(held),
                    "confidence": round(fmean(c for c, _ in held), 4),
                    "accuracy": round(fmean(r for _, r in held), 4),
                }
            )
    return bins


def _area(hits: Sequence[float]) -> float:
    return round(fmean(1 - right / (k + 1) for k, right in enumerate(hits)), 4)


def _accuracy_at(coverage: float, hits: Sequence[float], asked: int) -> float | None:
    k = math.ceil(coverage * asked - 1e-9)
    return round(hits[k - 1] / k, 4) if 0 < k <= len(hits) else None
