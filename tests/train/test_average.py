"""The running mean of the weights, against the sum written out."""

import torch
from torch import nn

from shuoshu.train.average import Average


def test_the_mean_is_what_its_definition_says():
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average, expected = Average(model, 0.9), 0.0
    for step, value in enumerate([4.0, 2.0, 8.0, 6.0, *[1.0] * 100], 1):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert model.weight.item() == 1.0
    with average.in_place():
        torch.testing.assert_close(model.weight.item(), expected, rtol=1e-5, atol=0)
    assert model.weight.item() == 1.0
    average.settle()
    torch.testing.assert_close(model.weight.item(), expected, rtol=1e-5, atol=0)


def test_decay_zero_keeps_nothing():
    model = nn.Linear(2, 2)
    average = Average(model, 0.0)
    average.update(1)
    assert average.state() == {}
    before = model.weight.clone()
    with average.in_place():
        assert torch.equal(model.weight, before)
    average.settle()
    assert torch.equal(model.weight, before)
