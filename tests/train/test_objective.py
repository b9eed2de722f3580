"""The loss in pieces, against the plain one; and teachers, against autograd."""

import pytest
import torch
import torch.nn.functional as F
from tiny import random_model

from shuoshu.tokenizer import Tokenizer
from shuoshu.train import objective
from shuoshu.train.objective import Objective


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(objective.CHUNK, "cpu", 7)


def _batch(tokenizer: Tokenizer, rows: int = 3, length: int = 11) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(0, tokenizer.vocab_size, (rows, length), generator=random)
    targets = torch.randint(0, tokenizer.vocab_size, (rows, length), generator=random)
    targets[torch.rand(targets.shape, generator=random) < 0.3] = -100
    return ids, targets, (targets >= 0).sum()


def _gradients(module: torch.nn.Module) -> list[torch.Tensor]:
    return [weight.grad.clone() for weight in module.parameters() if weight.grad is not None]


@pytest.mark.parametrize("tied", [True, False])
def test_pieces_give_the_loss_and_gradients_of_the_whole(tied: bool, tokenizer: Tokenizer):
    model = random_model(tokenizer, tie_word_embeddings=tied)
    ids, targets, count = _batch(tokenizer)
    whole = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), ignore_index=-100)
    whole.backward()
    expected = _gradients(model)
    model.zero_grad()
    pieces = Objective(model)(ids, targets, count)
    (3 * pieces).backward()
    assert pieces.item() == pytest.approx(whole.item(), rel=1e-5)
    for mine, theirs in zip(_gradients(model), expected, strict=True):
        torch.testing.assert_close(mine / 3, theirs, rtol=1e-4, atol=1e-6)


def test_teachers_opinions_are_mixed_in(tokenizer: Tokenizer):
    model, one, two = (random_model(tokenizer, seed=seed) for seed in range(3))
    ids, targets, count = _batch(tokenizer)
    share, temperature = 0.4, 1.5
    logits, known = model(ids).flatten(0, 1), (targets.flatten() >= 0).float()
    with torch.no_grad():
        opinion = sum(F.softmax(each(ids).flatten(0, 1) / temperature, -1) for each in (one, two)) / 2
    far = -(opinion * F.log_softmax(logits / temperature, -1)).sum(-1)
    near = F.cross_entropy(logits, targets.flatten(), ignore_index=-100, reduction="sum")
    expected_loss = ((1 - share) * near + share * temperature**2 * (far * known).sum()) / count
    expected_loss.backward()
    expected = _gradients(model)
    model.zero_grad()
    loss = Objective(model, teachers=(one, two), share=share, temperature=temperature)(ids, targets, count)
    loss.backward()
    assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-5)
    for mine, theirs in zip(_gradients(model), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    assert not any(weight.grad is not None for weight in one.parameters())


def test_noise_is_for_training_alone(tokenizer: Tokenizer):
    batch = _batch(tokenizer)
    noisy = Objective(random_model(tokenizer), noise=0.5)
    plain = Objective(random_model(tokenizer))(*batch)
    assert noisy.eval()(*batch).item() == plain.item()
    assert noisy.train()(*batch).item() != plain.item()
