"""The compiled network against the plain one, and each text against itself in other company."""

import gc
import random
import subprocess
import sys
import threading

import pytest
import torch
from tiny import random_model

from shuoshu.generate.network import Segment, TorchNetwork
from shuoshu.model import MiniGLM
from shuoshu.tokenizer import Tokenizer

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from shuoshu.generate.fast import FastNetwork, FastRunner

SHAPES = [
    {},
    {"num_key_value_heads": 1, "num_attention_heads": 8, "head_dim": 8, "tie_word_embeddings": False},
    {"num_key_value_heads": 3, "num_attention_heads": 3, "head_dim": 80, "hidden_size": 96, "intermediate_size": 200},
]
IDS = ["grouped heads", "eight heads on one, untied", "odd sizes, heads wider than a block"]
PRECISIONS = ["fp32", "bf16", "int8"]


def _script(runner, seed: int, vocabulary: int) -> list[torch.Tensor]:
    """Logits of three texts that are read in pieces and go on side by side, and of a copy of one of them."""
    chosen, ends, found = random.Random(seed), [0, 0, 0, 0], []
    for step in range(14):
        segments = []
        for row in range(3):
            count = chosen.choice((0, 1, 1, 3, 17))
            ids = [chosen.randrange(vocabulary) for _ in range(count)]
            if count:
                segments.append(Segment(row, ends[row], ids, chosen.random() < 0.7))
                ends[row] += count
        if step == 8:
            runner.copy(0, 3, ends[0] - 1)
            segments.append(Segment(3, ends[0] - 1, [5, 6], True))
        if segments:
            found.append(runner.forward(segments).clone())
    return found


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_it_computes_what_the_plain_network_computes(shape: dict, threads: int, tokenizer: Tokenizer):
    model = random_model(tokenizer, **shape)
    vocabulary = tokenizer.vocab_size
    expected = _script(TorchNetwork(model, "fp32").runner(4, 256), 1, vocabulary)
    found = _script(FastNetwork(model, "fp32", threads).runner(4, 256), 1, vocabulary)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape
        assert (mine - theirs).norm() <= 1e-5 * theirs.norm()


def test_without_a_folder_to_write_to_it_is_compiled_all_the_same():
    """A service on a read-only disk: numba has no place for what it compiled, and says so with an error."""
    code = (
        "from numba.core.caching import CacheImpl; CacheImpl._locator_classes = []; "
        "from shuoshu.generate import kernel; print(kernel.run.stats.cache_path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "None"), done.stderr


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_rounded_weights_are_computed_with_exactly(precision, tokenizer: Tokenizer):
    """Against the plain network on the rounded weights; what is left is the rounding of keys and values to halves.

    Where the CPU multiplies pairs of bf16, what is multiplied is rounded too, to 8 bits.
    """
    model = random_model(tokenizer, **SHAPES[2])
    rounded = MiniGLM(model.config)
    rounded.load_state_dict({name: _rounded(name, weight, precision) for name, weight in model.state_dict().items()})
    rounded.model.embed_tokens.weight = model.model.embed_tokens.weight  # looked up, not multiplied
    vocabulary = tokenizer.vocab_size
    expected = _script(TorchNetwork(rounded, "fp32").runner(4, 256), 2, vocabulary)
    network = FastNetwork(model, precision, 2)
    allowed = 1e-2 if network.paired else 3e-3
    for mine, theirs in zip(_script(network.runner(4, 256), 2, vocabulary), expected, strict=True):
        assert (mine - theirs).norm() <= allowed * theirs.norm()


def _rounded(name: str, weight: torch.Tensor, precision: str) -> torch.Tensor:
    if weight.dim() == 1:
        return weight
    if precision == "bf16":
        return weight.bfloat16().float()
    scale = weight.abs().amax(1, keepdim=True) / 127
    return (weight / scale).round() * scale


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_text_is_the_same_to_the_last_bit_in_any_company(precision, tokenizer: Tokenizer, novella: str):
    network = FastNetwork(random_model(tokenizer), precision, 2)
    ids = tokenizer.encode(novella[:200])[:90]
    alone, crowd = network.runner(1, 128), network.runner(9, 128)
    expected = [alone.forward([Segment(0, place, [token], True)])[0].clone() for place, token in enumerate(ids)]
    others = [Segment(row, 0, ids[row : row + 5 * row], True) for row in range(9) if row not in (0, 4)]
    read = crowd.forward([*others[:3], Segment(4, 0, ids[:60], True), *others[3:]])[3]
    assert torch.equal(read, expected[59])  # read in one piece, among others
    for place in range(60, 90):
        crowd.copy(4, 0, place)
        segments = [Segment(row, 50, [row + place], row % 2 == 0) for row in range(8) if row not in (0, 4)]
        both = crowd.forward([Segment(0, place, [ids[place]], True), *segments, Segment(4, place, [ids[place]], True)])
        assert torch.equal(both[0], expected[place])
        assert torch.equal(both[-1], expected[place])


def test_helpers_go_home_with_their_runner(tokenizer: Tokenizer):
    before = set(threading.enumerate())
    runner = FastRunner(FastNetwork(random_model(tokenizer), "fp32", 3), 1, 64)
    runner.forward([Segment(0, 0, [1, 2, 3], True)])
    helpers = set(threading.enumerate()) - before
    assert len(helpers) == 2
    del runner
    gc.collect()
    assert not helpers & set(threading.enumerate())


AT_EXIT = """
import atexit, threading, time
atexit.register(lambda: print([thread.name for thread in threading.enumerate()]))  # registered first, called last
from shuoshu.generate import kernel
from shuoshu.generate.fast import FastNetwork
from shuoshu.generate.network import Segment
from shuoshu.model import GLMConfig, MiniGLM
runner = FastNetwork(MiniGLM(GLMConfig(vocab_size=300, max_position_embeddings=64)), "fp32", 4).runner(1, 64)
run = kernel.run
kernel.run = lambda number, *rest: (run(number, *rest), time.sleep(0.3 * (number > 0)))  # slow to come back
runner.forward([Segment(0, 0, [1, 2, 3], True)])
print(len(threading.enumerate()))
"""


def test_helpers_go_home_before_python_ends():
    ended = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("4\n['MainThread']\n", "", 0)
