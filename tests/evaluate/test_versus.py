"""Which sides are compared, and the paired interval against figures worked out by hand."""

import math

import pytest

from shuoshu.evaluate.judge import tally
from shuoshu.evaluate.scores import mark
from shuoshu.evaluate.versus import Side, compare, judged_pairs, pairs, seen_from
from shuoshu.questions.question import Question


def answers(verdicts: str, level: str = "L1") -> list:
    """Marked answers, one a question: `1` right, `0` wrong, `-` without a key to judge by."""
    return [
        mark(
            Question(question=f"第{n}问？", answer="答", id=f"q{n}", key=() if v == "-" else ("甲",), level=level),
            "甲" if v == "1" else "乙",
        )
        for n, v in enumerate(verdicts)
    ]


def test_sides_that_differ_in_one_thing_are_compared() -> None:
    two = [Side(model, way) for model in "ab" for way in ("open", "closed")]
    assert pairs(two) == [(two[0], two[1]), (two[0], two[2]), (two[1], two[3]), (two[2], two[3])]
    assert judged_pairs(two) == [(two[0], two[2]), (two[1], two[3])]
    one = [Side("a", way) for way in ("open", "open_plain", "closed", "closed_plain")]
    assert [(left.way, right.way) for left, right in pairs(one)] == [
        ("open", "open_plain"),
        ("open", "closed"),
        ("open_plain", "closed_plain"),
        ("closed", "closed_plain"),
    ]
    assert judged_pairs(one) == pairs(one)
    assert judged_pairs(one[:1]) == []


def test_counts_difference_and_interval() -> None:
    found = compare(answers("11110000-"), answers("11000011-"))
    assert (found["n"], found["both_right"], found["only_left"], found["only_right"], found["neither"]) == (
        8,
        2,
        2,
        2,
        2,
    )
    assert found["difference"] == 0
    low, high = found["difference_interval"]
    assert low < 0 < high
    # 400 questions, 40 of them right for the left side alone: the variance of a mean of 40 ones and 360 noughts.
    found = compare(answers("1" * 240 + "0" * 160), answers("1" * 200 + "0" * 200))
    half = 1.96 * math.sqrt(0.1 * 0.9 / 400)
    assert found["difference"] == 0.1
    assert found["difference_interval"] == pytest.approx([0.1 - half, 0.1 + half], abs=0.004)
    nothing = compare(answers("--"), answers("--"))
    assert (nothing["n"], nothing["difference"], nothing["difference_interval"]) == (0, None, None)


def test_both_sides_tell_the_same_comparison() -> None:
    left, right = Side("a", "open"), Side("b", "open")
    figures = {**compare(answers("1110"), answers("0010")), "judge": tally("j", ["left", "left", "right", None])}
    here, there = (
        seen_from(left, right, figures, turned=False),
        seen_from(right, left, figures, turned=True),
    )
    assert (here["model"], there["model"]) == ("b", "a")
    assert (here["only_this"], here["only_other"]) == (there["only_other"], there["only_this"]) == (2, 0)
    assert here["difference"] == -there["difference"] == 0.5
    assert here["difference_interval"] == [-x for x in reversed(there["difference_interval"])]
    assert (here["judge"]["this_better"], there["judge"]["this_better"]) == (2, 1)
    assert here["judge"]["unread"] == 1
