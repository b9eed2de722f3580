"""What a run decides by itself on a CPU, and what it says of it."""

from typing import Any

import pytest
import torch

from shuoshu.recipe import PretrainOptions, TrainOptions, shared_options
from shuoshu.train.regime import FORGET, MANY_EPOCHS, MOST_DECAY, Plan, choose_settings, reasons

CPU = torch.device("cpu")


def plan(epochs: float, pass_steps: int = 150, **given: Any) -> tuple[Plan, dict[str, Any]]:
    options = {**shared_options(PretrainOptions(), TrainOptions()), **given}
    settings = choose_settings(options, "pretrain", epochs, CPU, pass_steps)
    others = {name: options[name] for name in ("evaluate_times", "save_minutes", "patience", "seed")}
    return Plan(steps=100, minutes=options["minutes"], **settings, **others), options


def test_text_read_often_is_held_back_from_being_learned_by_heart() -> None:
    few, _ = plan(MANY_EPOCHS - 1)
    many, _ = plan(MANY_EPOCHS + 1)
    assert few.weight_decay < many.weight_decay
    assert few.dropout == few.noise == 0 < min(many.dropout, many.noise)
    assert plan(MANY_EPOCHS + 1, weight_decay=0.02)[0].weight_decay == 0.02  # what was given stands


def test_decay_forgets_in_passes_whatever_the_batch_and_the_rate() -> None:
    for pass_steps, lr in ((150, 3e-3), (75, 3e-3), (150, 6e-3)):
        chosen, _ = plan(20, pass_steps, lr=lr)
        assert 1 / (chosen.lr * chosen.weight_decay) == pytest.approx(FORGET * pass_steps, rel=0.02)
    assert plan(20, pass_steps=2)[0].weight_decay == MOST_DECAY
    assert plan(20, pass_steps=1_000_000)[0].weight_decay == plan(1)[0].weight_decay > 0


def test_open_weights_are_not_pulled_down() -> None:
    chosen, _ = plan(20, init_from="Qwen/Qwen3-0.6B-Base")
    assert (chosen.weight_decay, chosen.dropout, chosen.noise) == (0.01, 0.0, 0.0)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_only_what_is_used_is_named(dropout: float) -> None:
    chosen, options = plan(20, dropout=dropout)
    words = reasons(chosen, "pretrain", 20, options)
    assert "20 passes" in words
    assert ("Against that: weight decay, dropout, noise" in words) == (dropout > 0)
    assert ("Against that: weight decay, noise" in words) == (dropout == 0)
    assert f"dropout {dropout}" in words  # told by the person


def test_a_few_passes_are_not_hindered() -> None:
    chosen, options = plan(2)
    words = reasons(chosen, "pretrain", 2, options)
    assert "2.0 passes" in words
    assert "nothing hinders" in words
    assert "As told" not in words
