"""How tokens are chosen, against plain loops over the probabilities."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.generate.sampling import choose
from shuoshu.recipe import Sampling


def _draw(logits: torch.Tensor, times: int = 1, **options: float) -> list[int]:
    sampling = Sampling(**{"temperature": 1.0, **options})  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(3)
    return [int(choose(logits[None], sampling, [generator])) for _ in range(times)]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.integers(1, 25))
@settings(deadline=None)
def test_top_k_keeps_to_the_likeliest(values: list[float], k: int):
    logits = torch.tensor(values)
    least = sorted(values, reverse=True)[: min(k, len(values))][-1]
    assert all(logits[i] >= torch.tensor(least) for i in _draw(logits, 10, top_k=k))


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.floats(0.01, 0.99))
@settings(deadline=None)
def test_top_p_keeps_to_the_smallest_set_of_that_probability(values: list[float], p: float):
    logits = torch.tensor(values)
    probabilities = logits.softmax(-1)
    allowed, reached = set(), 0.0
    for i in probabilities.sort(descending=True, stable=True).indices.tolist():
        if reached >= p + 1e-6:
            break
        allowed.add(round(probabilities[i].item(), 6))
        reached += probabilities[i].item()
    assert all(round(probabilities[i].item(), 6) in allowed for i in _draw(logits, 10, top_p=p))


def test_draws_have_the_models_own_probabilities():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    for temperature in (1.0, 2.0):
        expected = (logits / temperature).softmax(-1)
        drawn = torch.bincount(torch.tensor(_draw(logits, 4000, temperature=temperature)), minlength=4) / 4000
        assert (drawn - expected).abs().max() < 0.03


def test_temperature_zero_is_greedy_and_a_seed_repeats_itself():
    logits = torch.randn(50, generator=torch.Generator().manual_seed(0))
    assert _draw(logits, temperature=0) == [int(logits.argmax())]
    assert _draw(logits, 20) == _draw(logits, 20)
