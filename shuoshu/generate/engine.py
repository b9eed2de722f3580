"""Prompts in, texts out: the offline face of the engine. The one for many clients at once is `scheduler.Scheduler`.

Prompts of different lengths run together, each at its own position; when one ends, the next takes its place. The text
of a prompt does not depend on what stands beside it (up to the rounding of the chosen arithmetic).
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from shuoshu.generate.batch import CHUNK_ALONE, Batch
from shuoshu.generate.network import Network, TorchNetwork
from shuoshu.generate.request import Request, TokenLogprob
from shuoshu.model import MiniGLM
from shuoshu.recipe import Arithmetic, Precision, Sampling
from shuoshu.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

ROWS_CPU, ROWS_GPU = 16, 512
"""Texts written together: enough to fill the machine with a small model."""
BATCH_TOKENS = 16_384
"""Cache positions of a batch on a CPU, little enough for any memory."""


@dataclass(kw_only=True)
class Generation:
    """What came out for one prompt."""

    text: str = ""
    ids: list[int] = field(default_factory=list)
    """New tokens, the stop token not counted."""
    finished: Literal["stop", "length"] = "length"
    """stop: the model ended its text, or a stop string came; length: cut at max_new_tokens or at the context."""
    broken: int = 0
    """Bytes that made no character."""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    """One for each of `ids` where the sampling asks for them."""
    seconds: float = 0.0
    """From joining its batch to its last token."""


def make_network(model: MiniGLM, precision: Precision) -> Network:
    """The fastest there is for the model's device: on a CPU with numba the compiled one, else torch.

    `auto` is bf16 where that multiplies it in hardware: 2.6 times the tokens a second of fp32 for one text, 1.7 times
    for sixteen (benchmarks/2026-11-22-generate.md). Else it is fp32, torch on a CPU included.
    """
    device = model.lm_head.weight.device
    if device.type == "cpu":
        try:
            from shuoshu.generate.fast import PAIRS, FastNetwork

            return FastNetwork(model, _settled(precision, PAIRS))
        except ImportError as error:  # numba is missing, or refuses the numpy that is there
            logger.info("answering with torch, which is slower: %s", error)
    return TorchNetwork(model, _settled(precision, device.type == "cuda" and torch.cuda.is_bf16_supported()))


def _settled(precision: Precision, bf16: bool) -> Arithmetic:
    return precision if precision != "auto" else "bf16" if bf16 else "fp32"


class Engine:
    """A model and its tokenizer, ready to generate.

    `precision` fp32 gives the very text of transformers' greedy decoding; bf16 reads half the bytes a token, int8 (for
    a few texts at a time on a CPU) a quarter; auto is what `make_network` finds best.
    """

    def __init__(self, model: MiniGLM, tokenizer: Tokenizer, precision: Precision = "fp32") -> None:
        self.tokenizer = tokenizer
        self.network = make_network(model, precision)

    def request(self, prompt: list[int], sampling: Sampling) -> Request:
        """A request to join a batch with. Raises UserError for a prompt or sampling that cannot be."""
        return Request(prompt, sampling, self.tokenizer, self.network.length)

    def generate(self, prompts: Sequence[list[int]], sampling: Sampling) -> list[Generation]:
        """Generate for many prompts (token ids); results in the order of the prompts."""
        requests = [self.request(prompt, sampling) for prompt in prompts]
        results: dict[Request, Generation] = {}
        for request, _, result in self._run(requests):
            results[request] = result
        return [results[request] for request in requests]

    def stream(self, prompt: list[int], sampling: Sampling) -> Iterator[tuple[str, Generation]]:
        """Yield (new characters, the generation so far) as they come; the characters may be empty."""
        for _, piece, result in self._run([self.request(prompt, sampling)]):
            yield piece, result

    def _run(self, requests: list[Request]) -> Iterator[tuple[Request, str, Generation]]:
        """Run requests to their ends; yields (request, new characters, its generation so far) token by token."""
        if not requests:
            return
        length = min(max(len(r.prompt) + r.sampling.max_new_tokens for r in requests), self.network.length)
        most = ROWS_GPU if self.network.device.type == "cuda" else min(ROWS_CPU, max(1, BATCH_TOKENS // length))
        batch = Batch(self.network, min(len(requests), most), length, CHUNK_ALONE)
        waiting = iter(requests)
        began: dict[Request, float] = {}
        results = {request: Generation() for request in requests}
        left = len(requests)
        while left:
            for request in (next(waiting, None) for _ in range(batch.free)):
                if request:
                    batch.join(request)
                    began[request] = time.perf_counter()
            for request, event in batch.step():
                result = results[request]
                result.text, result.ids, result.broken = request.text, request.ids, request.broken
                result.logprobs += event.logprobs
                result.seconds = time.perf_counter() - began[request]
                if event.finish:
                    if event.finish.reason == "error":
                        raise RuntimeError(event.finish.error)
                    result.finished = "stop" if event.finish.reason == "stop" else "length"
                    left -= 1
                yield request, event.text, result
