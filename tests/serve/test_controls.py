import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.recipe import Sampling
from shuoshu.serve.page.controls import BOUNDS, chosen_sampling, controls

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2)
)


def test_the_controls_begin_with_what_is_chosen_when_nothing_is() -> None:
    begun = {control["name"]: control["value"] for control in controls()}
    assert chosen_sampling(begun) == chosen_sampling({}) == Sampling()


def test_every_control_is_an_option_of_sampling() -> None:
    assert {control["name"] for control in controls()} <= {field.name for field in fields(Sampling)}
    for control in controls():
        assert control["least"] <= control["value"] <= control["most"]


def test_what_is_chosen_is_asked_for() -> None:
    chosen = Sampling(
        temperature=0.8, max_new_tokens=64, top_k=40, top_p=0.9, min_p=0.05, repetition_penalty=1.1, seed=7
    )
    assert chosen_sampling({name: getattr(chosen, name) for name in BOUNDS}) == chosen


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*BOUNDS, "stop", "logprobs", "x"]), ANYTHING))
def test_whatever_a_browser_sends_stays_within_bounds(asked: dict[str, object]) -> None:
    chosen = chosen_sampling(asked)
    for name, (least, most, _) in BOUNDS.items():
        value = getattr(chosen, name)
        assert type(value) is type(getattr(Sampling(), name))
        assert least <= value <= most
    assert (chosen.stop, chosen.logprobs) == ((), None)


@pytest.mark.parametrize("value", [-1e30, 1e30, math.nan, math.inf, -math.inf])
def test_wild_numbers_are_brought_home(value: float) -> None:
    chosen = chosen_sampling(dict.fromkeys(BOUNDS, value))
    assert all(least <= getattr(chosen, name) <= most for name, (least, most, _) in BOUNDS.items())
