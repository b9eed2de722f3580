"""Two sets of answers against each other, question by question.

Intervals of two accuracies may overlap while one model is plainly better: the questions are the same, so what counts is
on how many only one of the two is right. The interval is a paired bootstrap over facts.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shuoshu.evaluate.scores import Marked, bootstrap, fact_of, headline

PLAIN = "_plain"
"""What the name of a way ends in when questions are asked as they stand, beside the same way with tips."""


@dataclass(frozen=True, order=True)
class Side:
    """One set of answers: a model, and the way it was asked (`open`, `closed`, `open_plain`, `closed_plain`)."""

    model: str
    way: str

    @property
    def mode(self) -> str:
        """open or closed."""
        return self.way.removesuffix(PLAIN)

    @property
    def plain(self) -> bool:
        """Asked without tips, beside the same way with them."""
        return self.way.endswith(PLAIN)


def pairs(sides: Iterable[Side]) -> list[tuple[Side, Side]]:
    """Every two sides that differ in one thing only: the model, the mode, or the tips."""
    return [
        (left, right)
        for left, right in itertools.combinations(sides, 2)
        if (left.model != right.model) + (left.mode != right.mode) + (left.plain != right.plain) == 1
    ]


def judged_pairs(sides: Iterable[Side]) -> list[tuple[Side, Side]]:
    """The pairs worth a judge's money: two models asked alike; of a single model, whatever pairs it has."""
    found = pairs(sides)
    models = [(left, right) for left, right in found if left.model != right.model and not left.plain]
    return models or found


def compare(left: Sequence[Marked], right: Sequence[Marked]) -> dict[str, Any]:
    """Two sets of answers to the same questions (the `headline` ones that can be judged), in the same order.

    Returns `n`; `both_right`, `only_left`, `only_right`, `neither` (counts); `difference` of the accuracies, left minus
    right, with `difference_interval` (95 %, paired bootstrap over facts), both None where nothing can be judged.
    """
    facts: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for a, b in zip(headline(left), headline(right), strict=True):
        if a.right is not None and b.right is not None:
            facts.setdefault(fact_of(a.question), []).append((a.right, b.right))
    verdicts = [verdict for wordings in facts.values() for verdict in wordings]
    gains = [sum(a - b for a, b in wordings) for wordings in facts.values()]
    return {
        "n": len(verdicts),
        "both_right": verdicts.count((True, True)),
        "only_left": verdicts.count((True, False)),
        "only_right": verdicts.count((False, True)),
        "neither": verdicts.count((False, False)),
        "difference": round(sum(gains) / len(verdicts), 4) if verdicts else None,
        "difference_interval": bootstrap(gains, [len(wordings) for wordings in facts.values()]),
    }


def seen_from(side: Side, other: Side, figures: Mapping[str, Any], *, turned: bool) -> dict[str, Any]:
    """A comparison as it stands with one of its sides in `scores.json`: `this` is that side, `other` the other one.

    With `turned`, `side` is the right one.
    """
    this, that = ("right", "left") if turned else ("left", "right")
    difference, interval = figures["difference"], figures["difference_interval"]
    if turned and difference is not None:
        difference, interval = 0 - difference, [0 - interval[1], 0 - interval[0]]
    record = {
        "model": other.model,
        "mode": other.way,
        "n": figures["n"],
        "both_right": figures["both_right"],
        "only_this": figures[f"only_{this}"],
        "only_other": figures[f"only_{that}"],
        "neither": figures["neither"],
        "difference": difference,
        "difference_interval": interval,
    }
    if (judged := figures.get("judge")) is not None:
        kept = {name: judged[name] for name in ("judge", "n", "ties", "alike", "disagreed", "unread")}
        record["judge"] = {**kept, "this_better": judged[f"{this}_better"], "other_better": judged[f"{that}_better"]}
    return record
