"""The engine against the network run plainly, token by token, without a cache."""

import platform
import sys
from pathlib import Path

import pytest
import torch
from tiny import random_model

from shuoshu.errors import UserError
from shuoshu.generate.engine import Engine
from shuoshu.generate.network import Segment, TorchNetwork
from shuoshu.model import MiniGLM
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> MiniGLM:
    return random_model(tokenizer)


@pytest.fixture(scope="module")
def prompts(tokenizer: Tokenizer, novella: str) -> list[list[int]]:
    return [tokenizer.encode(novella[start : start + length]) for start, length in ((0, 90), (400, 1), (900, 30))]


def _plainly(model: MiniGLM, prompt: list[int], new: int, stops: list[int]) -> list[int]:
    ids = list(prompt)
    with torch.no_grad():
        while len(ids) < len(prompt) + new:
            token = int(model(torch.tensor([ids]))[0, -1].argmax())
            if token in stops:
                break
            ids.append(token)
    return ids[len(prompt) :]


def test_a_batch_of_different_prompts_is_each_prompt_alone(model, tokenizer, prompts):
    results = Engine(model, tokenizer).generate(prompts, Sampling(max_new_tokens=30))
    for prompt, result in zip(prompts, results, strict=True):
        assert result.ids == _plainly(model, prompt, 30, tokenizer.stop_ids)


def test_a_stream_is_the_same_text_in_pieces(model, tokenizer, prompts):
    engine = Engine(model, tokenizer)
    for sampling in (Sampling(max_new_tokens=25), Sampling(max_new_tokens=25, temperature=1.0, top_k=40, seed=5)):
        alone = engine.generate(prompts[:1], sampling)[0]
        pieces = [piece for piece, _ in engine.stream(prompts[0], sampling)]
        assert "".join(pieces) == alone.text
        assert len(pieces) == 25
        together = engine.generate(prompts, sampling)[0]
        assert together.ids == alone.ids


def test_the_stop_mark_ends_a_text_and_is_not_part_of_it(model, tokenizer, prompts):
    token = _plainly(model, prompts[0], 1, [])[0]
    mark = tokenizer.chat_end
    tokenizer.chat_end = token
    try:
        results = Engine(model, tokenizer).generate(prompts, Sampling(max_new_tokens=12))
    finally:
        tokenizer.chat_end = mark
    assert results[0].finished == "stop"
    assert results[0].ids == []
    assert results[0].text == ""
    assert all(token not in result.ids for result in results)


def test_a_text_ends_where_the_context_does(model, tokenizer, prompts):
    length = model.config.max_position_embeddings
    long = (prompts[0] * 10)[: length - 5]
    result = Engine(model, tokenizer).generate([long], Sampling(max_new_tokens=50))[0]
    assert (len(result.ids), result.finished) == (5, "length")
    with pytest.raises(UserError, match=f"sees {length} at most"):
        Engine(model, tokenizer).generate([[*long, 1, 2, 3, 4, 5]], Sampling())
    with pytest.raises(UserError, match="prompt is empty"):
        Engine(model, tokenizer).generate([[]], Sampling())


def test_many_prompts_come_back_in_their_order(model, tokenizer, prompts):
    many = [prompts[i % 3] for i in range(150)]
    results = Engine(model, tokenizer).generate(many, Sampling(max_new_tokens=8))
    expected = [_plainly(model, prompt, 8, tokenizer.stop_ids) for prompt in prompts]
    assert [result.ids for result in results] == [expected[i % 3] for i in range(150)]


def test_auto_is_bf16_where_the_machine_multiplies_it_and_else_exact(model, tokenizer, monkeypatch):
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    from shuoshu.generate.fast import FastNetwork

    network = Engine(model, tokenizer, "auto").network
    assert isinstance(network, FastNetwork)
    flags = Path("/proc/cpuinfo")
    if flags.is_file() and platform.machine() == "x86_64":
        assert network.precision == ("bf16" if "avx512_bf16" in flags.read_text().split() else "fp32")
    monkeypatch.setitem(sys.modules, "shuoshu.generate.fast", None)  # as without numba
    network = Engine(model, tokenizer, "auto").network
    assert isinstance(network, TorchNetwork)
    assert network.head.whole.dtype == torch.float32


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_fewer_bits_follow_fp32_closely(precision, model, tokenizer, prompts):
    logits = []
    for chosen in ("fp32", precision):
        network = Engine(model, tokenizer, chosen).network
        runner, last = network.runner(1, 128), torch.empty(0)
        for place, token in enumerate(prompts[0][:40]):  # token by token: only few rows are multiplied in int8
            last = runner.forward([Segment(0, place, [token], True)])
        logits.append(last.clone())
    assert 0 < (logits[0] - logits[1]).norm() / logits[0].norm() < 0.05
