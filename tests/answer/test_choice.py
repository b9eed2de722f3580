"""The choice: fits find the sign that decides, files are checked, and the threshold holds what it promises."""

import json
from pathlib import Path

import numpy as np
import pytest

from shuoshu.answer.choice import SURE, Case, Choice, fit_choice, fit_weights
from shuoshu.answer.signs import SIGNS
from shuoshu.errors import UserError


def make_cases(n: int, seed: int = 0) -> list[Case]:
    """Cases whose right window is the one with the largest `covered`; a third of them have no right window."""
    draw = np.random.default_rng(seed)
    cases = []
    for place in range(n):
        signs = draw.random((12, len(SIGNS)), dtype=np.float32)
        answerable = place % 3 > 0
        right = np.arange(12) == signs[:, SIGNS.index("covered")].argmax()
        doubt = (0.0, 0.1) if answerable else (float(draw.random() < 0.5), float(draw.random()))
        cases.append(Case(signs=signs, right=right & answerable, doubt=doubt, answerable=answerable))
    return cases


def test_weights_find_what_decides() -> None:
    weights = fit_weights(make_cases(300))
    assert int(np.abs(weights).argmax()) == SIGNS.index("covered")
    unseen = [case for case in make_cases(90, seed=1) if case.answerable]
    assert np.mean([case.right[int((case.signs @ weights).argmax())] for case in unseen]) > 0.7  # by chance 0.08


def test_threshold_answers_no_more_than_promised() -> None:
    cases = make_cases(300)
    choice = fit_choice(cases, 0.15, fit_weights(cases))
    untold = [choice.judge(case.signs, case.doubt)[1] for case in cases if not case.answerable]
    told = [choice.judge(case.signs, case.doubt)[1] for case in cases if case.answerable]
    assert np.mean(np.array(untold) > choice.threshold) <= 0.15
    assert np.mean(told) > np.mean(untold)


def test_a_single_window_and_equal_windows() -> None:
    choice = Choice.default()
    for n in (1, 3):
        best, confidence = choice.judge(np.ones((n, len(SIGNS)), dtype=np.float32), (0.0, 0.0))
        assert best == 0
        assert 0 < confidence < 1


def test_saved_and_opened(tmp_path: Path) -> None:
    choice = fit_choice(make_cases(60), 0.2)
    choice.save(tmp_path / "choice.json")
    again = Choice.open(tmp_path / "choice.json")
    assert np.array_equal(choice.weights, again.weights)
    assert np.array_equal(choice.sure, again.sure)
    assert choice.threshold == again.threshold


@pytest.mark.parametrize("damage", ["missing", "text", "nan", "list"])
def test_a_broken_file_is_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "choice.json"
    Choice.default().save(path)
    record = json.loads(path.read_text(encoding="utf-8"))
    if damage == "missing":
        del record["sure"][SURE[0]]
    elif damage == "text":
        record["weights"]["near"] = "many"
    elif damage == "nan":
        record["threshold"] = float("nan")
    path.write_text(json.dumps([] if damage == "list" else record), encoding="utf-8")
    with pytest.raises(UserError, match=r"choice\.json"):
        Choice.open(path)
