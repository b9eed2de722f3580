"""Risk and coverage against brute force over all orders, and against what is known of them."""

import itertools
import random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.evaluate.risk import expected_hits, reliability, risk_coverage

CLAIMS = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=6)


@settings(deadline=None)
@given(CLAIMS)
def test_area_is_the_mean_over_every_order_of_equal_claims(claims: list[tuple[float, bool]]) -> None:
    areas = []
    for order in itertools.permutations(claims):
        if all(a[0] >= b[0] for a, b in itertools.pairwise(order)):
            wrong = list(itertools.accumulate(not right for _, right in order))
            areas.append(fmean(count / (k + 1) for k, count in enumerate(wrong)))
    found = risk_coverage([c for c, _ in claims], [r for _, r in claims], len(claims))
    assert found is not None
    assert found["aurc"] == pytest.approx(fmean(areas), abs=1e-4)
    assert found["aurc_best"] <= found["aurc"] + 1e-4


def test_curve_and_accuracies_by_hand() -> None:
    # Ten questions: two unanswered, eight claims; the sure ones are right.
    confidence = [0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
    right = [True, True, True, True, True, False, False, True]
    found = risk_coverage(confidence, right, 10)
    assert found is not None
    assert (found["asked"], found["answered"], found["coverage"]) == (10, 8, 0.8)
    assert found["curve"][0] == [0.2, 1.0, 0.9]  # both of 0.9 at once
    assert found["curve"][-1] == [0.8, 0.75, 0.3]
    assert found["accuracy_at_60"] == round(5 / 6, 4)
    assert found["accuracy_at_80"] == 0.75
    assert found["aurc_random"] == 0.25
    silent = risk_coverage(confidence[:5], right[:5], 10)
    assert silent is not None
    assert (silent["accuracy_at_60"], silent["aurc"]) == (None, 0.0)  # it never answers so many
    assert risk_coverage([], [], 3) is None


def test_a_calibrated_model_has_no_error_and_a_boaster_has_a_large_one() -> None:
    draw = random.Random(0)
    confidence = [draw.random() for _ in range(20_000)]
    honest = risk_coverage(confidence, [draw.random() < c for c in confidence], 20_000)
    boasting = risk_coverage([1.0] * 100, [i < 30 for i in range(100)], 100)
    assert honest is not None
    assert boasting is not None
    assert honest["ece"] < 0.02
    assert honest["brier"] == pytest.approx(1 / 6, abs=0.01)  # E[p (1 - p)] of a uniform p
    assert boasting["ece"] == boasting["brier"] == 0.7
    assert [b["n"] for b in reliability([0.0, 0.05, 0.1, 1.0], [True] * 4)] == [2, 1, 1]


def test_equal_confidence_is_answered_in_random_order() -> None:
    assert expected_hits([(0.5, True), (0.5, False), (0.1, True)]) == [0.5, 1.0, 2.0]
