"""Which weights get which optimiser, the learning rate over a run, and state that loads back to the same steps."""

import pytest
import torch
import torch.nn.functional as F
from tiny import random_model
from torch import nn

from shuoshu.tokenizer import Tokenizer
from shuoshu.train.muon import Muon
from shuoshu.train.optimiser import Optimiser, learning_rate


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 2001])
def test_the_rate_rises_stays_and_ends_at_zero(steps: int):
    rates = [learning_rate(step, steps, 1.0, 0.1, 0.4) for step in range(steps + 1)]
    assert rates[-1] == 0
    assert all(rate > 0 for rate in rates[:-1])
    assert max(rates) <= 1
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_muon_takes_the_matrices_of_the_blocks_only(tokenizer: Tokenizer):
    model = random_model(tokenizer, tie_word_embeddings=False)
    muon, adamw = Optimiser(model, "muon", 1e-3, 0.1).parts
    names = {id(weight): name for name, weight in model.named_parameters()}
    by_muon = {names[id(weight)] for group in muon.param_groups for weight in group["params"]}
    by_adamw = {names[id(weight)] for group in adamw.param_groups for weight in group["params"]}
    assert by_muon | by_adamw == set(names.values())
    assert not by_muon & by_adamw
    assert by_muon == {name for name in names.values() if name.endswith("_proj.weight")}


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_muon_moves_weights_as_torchs_own_does(precision: str, monkeypatch: pytest.MonkeyPatch):
    """With as many Newton-Schulz steps: tall, wide and square matrices, those of one shape in one batch."""
    monkeypatch.setattr("shuoshu.train.muon.fast_precision", lambda device: precision)
    random = torch.Generator().manual_seed(3)
    shapes = [(64, 64), (64, 160), (160, 64), (64, 64), (64, 160)]
    mine = [nn.Parameter(torch.randn(shape, generator=random) * 0.02) for shape in shapes]
    theirs = [nn.Parameter(weight.detach().clone()) for weight in mine]
    began = [weight.detach().clone() for weight in mine]
    ours = Muon(mine, lr=0.01, weight_decay=0.1, steps=5)
    torchs = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        for one, other in zip(mine, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=random)
            other.grad = one.grad.clone()
        ours.step()
        torchs.step()
    for one, other, start in zip(mine, theirs, began, strict=True):
        moved = (other - start).norm()
        assert moved > 0.01
        assert (one - other).norm() < 0.02 * moved  # torch's works in bf16, of eight bits


def test_muon_multiplies_in_what_the_machine_is_fast_at(monkeypatch: pytest.MonkeyPatch):
    """bf16 where the hardware has none of it takes sixty times as long as fp32."""
    used: list[torch.dtype] = []
    real = torch.baddbmm

    def watch(*given: torch.Tensor, **named: float) -> torch.Tensor:
        used.append(given[0].dtype)
        return real(*given, **named)

    monkeypatch.setattr(torch, "baddbmm", watch)
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        monkeypatch.setattr("shuoshu.train.muon.fast_precision", lambda device, precision=precision: precision)
        weight = nn.Parameter(torch.ones(8, 16))
        weight.grad = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))
        Muon([weight], lr=0.01, weight_decay=0.0).step()
        assert set(used) == {dtype}
        used.clear()


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_loaded_state_goes_on_as_the_saved_one(kind, tokenizer: Tokenizer):
    def steps(model, optimiser, seeds):
        for seed in seeds:
            ids = torch.randint(0, 4000, (2, 17), generator=torch.Generator().manual_seed(seed))
            F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).backward()
            optimiser.step(1e-2)

    one = random_model(tokenizer)
    first = Optimiser(one, kind, 1e-2, 0.1)
    steps(one, first, range(3))
    other = random_model(tokenizer, seed=9)
    other.load_state_dict(one.state_dict())
    second = Optimiser(other, kind, 1e-2, 0.1)
    second.prepare()
    assert second.state().keys() == first.state().keys()
    for name, value in second.state().items():
        value.copy_(first.state()[name])
    steps(one, first, range(3, 6))
    steps(other, second, range(3, 6))
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name]), name
