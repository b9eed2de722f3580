"""How tokens are chosen, against plain loops over the probabilities."""

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.generate.request import Request
from shuoshu.generate.sampling import choose, draw_many, draw_one, logprobs_of
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer

VALUES = st.lists(st.floats(-5, 5), min_size=2, max_size=400)


@pytest.fixture(scope="module")
def request_of(tokenizer: Tokenizer):
    """Makes a request with these options of sampling."""
    return lambda **options: Request([1, 2], Sampling(**options), tokenizer, 100)


def _allowed(logits: torch.Tensor, sampling: Sampling) -> dict[int, float]:
    """Tokens that may be drawn and their probabilities, one by one."""
    p = (logits.double() / sampling.temperature).softmax(-1).tolist()
    order = sorted(range(len(p)), key=lambda i: -p[i])
    if sampling.top_k:
        order = order[: sampling.top_k]
    whole, kept, before = sum(p[i] for i in order), {}, 0.0
    for i in order:
        if before < sampling.top_p * whole and p[i] >= sampling.min_p * p[order[0]]:
            kept[i] = p[i]
        before += p[i]
    total = sum(kept.values())
    return {i: value / total for i, value in kept.items()}


def _one_by_one(logits: torch.Tensor, chosen: list[Sampling], draws: list[float]) -> list[int]:
    """`draw_one` for many rows."""
    return [draw_one(row.numpy(), sampling, u) for row, sampling, u in zip(logits, chosen, draws, strict=True)]


@pytest.mark.parametrize("draw", [_one_by_one, draw_many])
@given(
    values=VALUES, top_k=st.integers(0, 420), top_p=st.floats(0.01, 1), min_p=st.floats(0, 0.9),
    temperature=st.floats(0.2, 3), seed=st.integers(0, 1000),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_only_allowed_tokens_are_drawn(values, top_k, top_p, min_p, temperature, seed, draw):
    logits = torch.tensor(values)
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    # Borders moved by a hair, for what float32 rounds; of equal tokens any may be the last that is kept.
    wide = replace(sampling, top_p=min(1.0, top_p + 1e-4), min_p=max(0.0, min_p - 1e-4))
    weakest = min(logits[i] for i in _allowed(logits, wide)) - 1e-4
    chosen = random.Random(seed)
    tokens = draw(logits.expand(5, -1), [sampling] * 5, [chosen.random() for _ in range(5)])
    assert all(logits[token] >= weakest for token in tokens)


@pytest.mark.parametrize("draw", [_one_by_one, draw_many])
@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 2.0}, {"top_k": 3}, {"top_p": 0.9}, {"min_p": 0.2}, {"top_k": 3, "top_p": 0.8}],
    ids=str,
)
def test_draws_have_the_models_own_probabilities(options, draw):
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    sampling = Sampling(**{"temperature": 1.0, **options})
    drawn = draw(logits.expand(4000, -1), [sampling] * 4000, [(i + 0.5) / 4000 for i in range(4000)])
    share = torch.bincount(torch.tensor(drawn), minlength=4) / 4000
    expected = _allowed(logits, sampling)
    assert share.tolist() == pytest.approx([expected.get(i, 0.0) for i in range(4)], abs=0.001)


@pytest.mark.parametrize("draw", [_one_by_one, draw_many])
def test_a_wide_top_p_takes_all_that_are_alike(draw):
    sampling, draws = Sampling(temperature=1.0, top_p=0.9), [(i + 0.5) / 400 for i in range(400)]
    assert len(set(draw(torch.zeros(400, 1000), [sampling] * 400, draws))) == 400


def test_a_row_does_not_depend_on_its_neighbours(request_of):
    logits = torch.randn(6, 3000, generator=torch.Generator().manual_seed(1))
    requests = [
        request_of(),
        request_of(temperature=0.7, top_p=0.5),
        request_of(temperature=3.0, top_p=0.99),
        request_of(temperature=1.0),
        request_of(temperature=1.0, top_k=5, repetition_penalty=1.5),
        request_of(repetition_penalty=2.0),
    ]
    draws = [0.1, 0.99, 0.5, 0.7, 0.3, 0.2]
    together = choose(logits, requests, draws)
    assert together == [choose(logits[i : i + 1], [requests[i]], [draws[i]])[0] for i in range(6)]


def test_temperature_zero_is_greedy(request_of):
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    assert choose(logits, [request_of()], [0.5]) == [int(logits.argmax())]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("temperature", [1e-3, 1e-4, 1e-6, 1e-30, 5e-324])
@pytest.mark.parametrize("options", [{}, {"top_k": 5}, {"top_p": 0.5}, {"min_p": 0.1, "top_p": 0.9}], ids=str)
def test_a_temperature_near_zero_is_greedy(temperature, options, request_of):
    logits = 20 * torch.randn(8, 300, generator=torch.Generator().manual_seed(0))
    requests = [request_of(temperature=temperature, **options)] * 8
    assert choose(logits, requests, [i / 8 for i in range(8)]) == logits.argmax(-1).tolist()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "options", [{"temperature": 1e30}, {"repetition_penalty": 1e-40}, {"repetition_penalty": 1e40}]
)
def test_no_option_makes_numbers_that_are_none(options, request_of):
    logits = torch.tensor([[-1.0, 2.0, 3.0, -4.0]])
    request = request_of(**{"temperature": 1.0, **options})
    drawn = [choose(logits, [request], [i / 40])[0] for i in range(40)]
    if "temperature" in options:
        assert sorted(drawn) == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10, "all alike"
    elif options["repetition_penalty"] > 1:  # seen are 1, now next to nothing, and 2, likewise: e⁰ each
        assert set(drawn) == {0, 1, 2}
    else:
        assert set(drawn) == {1, 2}, "what was seen is beyond all others, and alike"


def test_repetition_penalty_is_that_of_transformers(request_of):
    from transformers import RepetitionPenaltyLogitsProcessor

    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0)) * 3
    for penalty in (1.3, 0.7):
        request = request_of(repetition_penalty=penalty)
        request.ids = [7, int(logits.argmax()), 7, 30]
        ids = torch.tensor([request.prompt + request.ids])
        theirs = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits)  # type: ignore[arg-type]
        assert choose(logits, [request], [0.5]) == [int(theirs.argmax())]


def test_logprobs_are_the_models_own():
    logits = torch.randn(50, generator=torch.Generator().manual_seed(0))
    expected = logits.double().softmax(-1).log()
    found = logprobs_of(logits, 9, 5)
    assert found.logprob == pytest.approx(expected[9].item(), abs=1e-5)
    order = expected.sort(descending=True)
    assert [i for i, _ in found.top] == order.indices[:5].tolist()
    assert [value for _, value in found.top] == pytest.approx(order.values[:5].tolist(), abs=1e-5)
    assert logprobs_of(logits, 9, 0).top == ()
