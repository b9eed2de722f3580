"""The choice: fits find what decides and agree with a general minimiser, files are checked, thresholds hold."""

import json
from pathlib import Path

import numpy as np
import pytest

from shuoshu.answer.choice import SURE, Case, Choice, fit_ranking, fit_sure
from shuoshu.answer.signs import SIGNS
from shuoshu.answer.words import POINT_SIGNS
from shuoshu.errors import UserError

Ranked = list[tuple[np.ndarray, np.ndarray]]


def make_ranked(n: int, seed: int = 0) -> Ranked:
    """Questions whose right row is the one with the largest third sign; a third of them have no right row."""
    draw = np.random.default_rng(seed)
    cases = []
    for place in range(n):
        signs = draw.random((int(draw.integers(2, 15)), 5), dtype=np.float32)
        right = np.arange(len(signs)) == signs[:, 2].argmax()
        cases.append((signs, right & (place % 3 > 0)))
    return cases


def make_cases(n: int) -> list[Case]:
    """Answers that are right where their `mass` says so, mostly; a third cannot be answered, and some look strange."""
    draw = np.random.default_rng(0)
    cases = []
    for place in range(n):
        answerable = place % 3 > 0
        mass = float(draw.normal())
        row = dict.fromkeys(SURE, 0.0) | {"mass": mass, "bias": 1.0}
        row["unknown"] = float(not answerable and draw.random() < 0.5)
        right = answerable and mass + 0.5 * float(draw.normal()) > 0
        cases.append(Case(sure=np.array(list(row.values())), right=right, answerable=answerable))
    return cases


def test_weights_find_what_decides() -> None:
    weights = fit_ranking(make_ranked(300))
    assert int(np.abs(weights).argmax()) == 2
    unseen = [(signs, right) for signs, right in make_ranked(90, seed=1) if right.any()]
    assert np.mean([right[int((signs @ weights).argmax())] for signs, right in unseen]) > 0.7  # by chance 0.15


def test_given_weights_stay_and_the_others_are_fitted_beside_them() -> None:
    cases = make_ranked(300)
    whole = fit_ranking(cases, decay=1e-6)
    given = np.where(np.arange(5) == 2, np.nan, whole)
    np.testing.assert_allclose(fit_ranking(cases, decay=1e-6, given=given), whole, rtol=1e-2)
    assert (fit_ranking(cases, given=given)[[0, 1, 3, 4]] == whole[[0, 1, 3, 4]]).all()
    without = fit_ranking([(signs[:, 2:3], right) for signs, right in cases])
    np.testing.assert_allclose(fit_ranking(cases, given=np.array([0, 0, np.nan, 0, 0]))[2], without[0], rtol=1e-4)


def test_weights_are_the_minimum() -> None:
    """What `fit_ranking` says it makes small, made small by torch's L-BFGS."""
    torch = pytest.importorskip("torch")
    cases = make_ranked(60)
    useful = [(signs, right) for signs, right in cases if right.any() and not right.all()]
    scale = torch.tensor(np.concatenate([signs for signs, _ in useful]).std(axis=0) + 1e-3)
    weights = torch.zeros(5, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        total = (
            torch.stack(
                [
                    torch.logsumexp(scores, 0) - torch.logsumexp(scores[torch.tensor(right)], 0)
                    for signs, right in useful
                    for scores in [torch.tensor(signs) / scale @ weights]
                ]
            ).mean()
            + 0.01 * (weights * weights).sum()
        )
        total.backward()
        return total

    optimizer.step(loss)
    assert fit_ranking(cases, decay=0.02) == pytest.approx((weights.detach() / scale).numpy(), abs=1e-2)


def test_threshold_answers_no_more_than_promised() -> None:
    cases = make_cases(300)
    choice = fit_sure(cases, 0.15, Choice.default())
    untold = [choice.confidence(case.sure) for case in cases if not case.answerable]
    told = [choice.confidence(case.sure) for case in cases if case.answerable]
    assert np.mean(np.array(untold) > choice.threshold) <= 0.15
    assert np.mean(told) > np.mean(untold)
    assert np.array_equal(choice.point, Choice.default().point)


def test_confidence_is_a_probability() -> None:
    """Of the answers it is sure of by so much, as many are right."""
    cases = make_cases(3000)
    choice = fit_sure(cases, 0.2, Choice.default())
    sure = np.array([choice.confidence(case.sure) for case in cases])
    right = np.array([case.right for case in cases])
    for low in (0.0, 0.25, 0.5, 0.75):
        group = (low <= sure) & (sure < low + 0.25)
        assert sure[group].mean() == pytest.approx(right[group].mean(), abs=0.1)


def test_what_comes_along_is_whole() -> None:
    choice = Choice.default()
    assert choice.weights.shape == (len(SIGNS),)
    assert choice.point.shape == (len(POINT_SIGNS),)
    assert choice.sure.shape == (len(SURE),)
    assert 0 < choice.threshold < 1


def test_saved_and_opened(tmp_path: Path) -> None:
    choice = fit_sure(make_cases(60), 0.2, Choice.default())
    choice.save(tmp_path / "choice.json")
    again = Choice.open(tmp_path / "choice.json")
    assert np.array_equal(choice.weights, again.weights)
    assert np.array_equal(choice.point, again.point)
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
