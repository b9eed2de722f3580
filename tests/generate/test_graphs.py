"""What a GPU records, run on the CPU without recording, against the plain network."""

from collections.abc import Sequence

import pytest
import torch
from test_fast import SHAPES
from tiny import random_model

from shuoshu.generate.batch import Batch
from shuoshu.generate.engine import Engine
from shuoshu.generate.graphs import GraphRunner
from shuoshu.generate.network import Segment, TorchNetwork
from shuoshu.generate.request import Request
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer


class Unrecorded(GraphRunner):
    """Runs what would be recorded, and counts it."""

    steps = 0

    def run(self, inputs: torch.Tensor, end: int) -> torch.Tensor:
        self.steps += 1
        return self.step(inputs, end)


class Network(TorchNetwork):
    """Opens such runners."""

    def runner(self, rows: int, length: int) -> Unrecorded:
        self.made = Unrecorded(self, rows, length)
        return self.made


@pytest.mark.parametrize("shape", SHAPES[:2], ids=["grouped heads", "eight heads on one"])
def test_texts_that_join_and_leave_are_their_solo_texts(shape: dict, tokenizer: Tokenizer, novella: str):
    model = random_model(tokenizer, **shape)
    prompts = [tokenizer.encode(novella[place : place + 20 + place % 70]) for place in range(0, 3000, 300)]
    sampling = Sampling(max_new_tokens=30)
    expected = Engine(model, tokenizer).generate(prompts, sampling)
    network = Network(model, "fp32")
    batch, waiting = Batch(network, 5, 256), list(enumerate(prompts))
    requests, results = {}, {}
    while len(results) < len(prompts):
        if waiting and batch.free:
            number, prompt = waiting.pop(0)
            request = Request(prompt, sampling, tokenizer, network.length)
            requests[request] = number
            batch.join(request)
        for request, event in batch.step():
            if event.finish:
                results[requests[request]] = request.ids
    assert [results[i] for i in range(len(prompts))] == [result.ids for result in expected]
    assert network.made.steps > 60


def test_logits_come_in_the_order_of_the_segments(tokenizer: Tokenizer):
    model = random_model(tokenizer)
    plain, recorded = TorchNetwork(model, "fp32").runner(4, 256), Network(model, "fp32").runner(4, 256)
    script: list[Sequence[Segment]] = [
        [Segment(2, 0, [1, 2, 3], True), Segment(0, 0, [4] * 150, False)],
        [Segment(0, 150, [5], True), Segment(1, 0, [6, 7], True), Segment(2, 3, [8], True), Segment(3, 0, [9], True)],
        [Segment(2, 4, [8], True)],
        [Segment(3, 1, [8], True), Segment(0, 151, [5, 5], True)],
    ]
    for segments in script:
        expected, found = plain.forward(segments), recorded.forward(segments)
        assert (expected - found).norm() <= 1e-5 * expected.norm()
