import math

import pytest

from shuoshu.recipe import Sampling
from shuoshu.serve.controls import LAST_SEED, MOST_K, MOST_TOKENS, chosen_sampling


def test_the_controls_in_their_order() -> None:
    chosen = Sampling(temperature=0.8, max_new_tokens=64, top_k=40, top_p=0.9, seed=7)
    assert chosen_sampling(0.8, 64, 40, 0.9, 7) == chosen


def test_an_empty_control_is_the_default() -> None:
    assert chosen_sampling(None, None, None, None, None) == Sampling()


def test_a_retry_takes_the_next_seed() -> None:
    assert [chosen_sampling(1, 64, 0, 1, 7, tries=tries).seed for tries in range(3)] == [7, 8, 9]


@pytest.mark.parametrize("value", [-1e30, 1e30, math.nan, math.inf, -math.inf])
def test_whatever_a_browser_sends_stays_within_bounds(value: float) -> None:
    chosen = chosen_sampling(value, value, value, value, value)
    assert 0 <= chosen.temperature <= 2
    assert 1 <= chosen.max_new_tokens <= MOST_TOKENS
    assert 0 <= chosen.top_k <= MOST_K
    assert 0 < chosen.top_p <= 1
    assert 0 <= chosen.seed <= LAST_SEED
