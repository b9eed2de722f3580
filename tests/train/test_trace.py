"""A short training whose losses are on record: a change that should not alter results shows here if it does."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.train.data import TextSource
from shuoshu.train.loop import Hooks, Learner, train
from shuoshu.train.objective import Objective
from shuoshu.train.regime import Plan

TRACE = Path(__file__).with_name("trace.json")
STEPS = 24


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_losses_are_those_on_record(optimizer: Literal["muon", "adamw"], tmp_path: Path) -> None:
    """To put new ones on record after a change that should alter results: `python tests/train/test_trace.py`."""
    expected = json.loads(TRACE.read_text())[optimizer]
    # Another processor adds in another order, and Muon does so in bf16.
    assert losses(optimizer, tmp_path) == pytest.approx(expected, rel=1e-3 if optimizer == "muon" else 1e-4)


def losses(optimizer: Literal["muon", "adamw"], folder: Path) -> list[float]:
    """Every part of a step is in it: dropout, noise among the inputs, decay, clipping, warm-up, cooldown."""
    config = GLMConfig(
        vocab_size=300, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=16, intermediate_size=128, max_position_embeddings=32,
    )  # fmt: skip
    model = MiniGLM(config, dropout=0.1)
    model.initialise(torch.Generator().manual_seed(7))
    # A language with something to learn: each token is followed by one of three.
    random = np.random.default_rng(7)
    documents = []
    for _ in range(12):
        tokens = [int(random.integers(1, 300))]
        while len(tokens) < 120:
            tokens.append((tokens[-1] * 7 + int(random.integers(3))) % 299 + 1)
        documents.append(tokens)
    source = TextSource(documents, mark=0, characters=1440, context=32, batch=4, seed=7)
    plan = Plan(
        steps=STEPS, minutes=None, batch=4, optimizer=optimizer, lr=5e-3, weight_decay=0.1, dropout=0.1, warmup=0.1,
        cooldown=0.5, clip=1.0, ema=0.9, noise=0.05, precision="fp32", compile=False, evaluate_times=0,
        save_minutes=60, keep="last", patience=0, seed=7,
    )  # fmt: skip
    (folder / "state").mkdir(parents=True)
    train(Learner(model, source, Objective(model, plan.noise)), plan, folder, Hooks(score=None), "trace")
    points = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [point["loss"] for point in points]


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    found = {}
    for name in ("muon", "adamw"):
        with TemporaryDirectory() as temporary:
            found[name] = losses(name, Path(temporary))
    TRACE.write_text(json.dumps(found, indent=1) + "\n")
