"""Prompts in, texts out: prefill once, then a token a step for every prompt of the batch, streaming.

Prompts of different lengths run together, each at its own position; a finished one leaves the batch at once, so that
the others go faster. The text of a prompt does not depend on what stands beside it (up to the rounding of the chosen
arithmetic).
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from shuoshu.errors import UserError
from shuoshu.generate.cache import CachedModel
from shuoshu.generate.sampling import choose
from shuoshu.model import MiniGLM
from shuoshu.recipe import Precision, Sampling
from shuoshu.tokenizer import TextStream, Tokenizer

BATCH_TOKENS = 16_384
"""Cache positions of one batch: enough to fill a CPU or a GPU with a small model, little enough for any memory."""


@dataclass(kw_only=True)
class Generation:
    """What came out for one prompt."""

    text: str = ""
    ids: list[int] = field(default_factory=list)
    """New tokens, the stop token not counted."""
    finished: Literal["stop", "length"] = "length"
    """stop: the model ended its text; length: it was cut at max_new_tokens or at the end of the context."""
    broken: int = 0
    """Bytes that made no character."""
    seconds: float = 0.0
    """From the start of its batch to its last token."""


class Engine:
    """A model and its tokenizer, ready to generate.

    `precision` fp32 gives the very text of transformers' greedy decoding; bf16 reads half the bytes a token, int8 (for
    a few texts at a time on a CPU) a quarter.
    """

    def __init__(self, model: MiniGLM, tokenizer: Tokenizer, precision: Precision = "fp32") -> None:
        self.tokenizer = tokenizer
        self.model = CachedModel(model, precision)

    def generate(self, prompts: Sequence[list[int]], sampling: Sampling) -> list[Generation]:
        """Generate for many prompts (token ids); results in the order of the prompts."""
        results = [Generation() for _ in prompts]
        # Neighbours of like length waste no room in the cache.
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        for chosen in self._batches([len(prompts[i]) for i in order], sampling):
            rows = [order[i] for i in chosen]
            for _ in self._run([prompts[i] for i in rows], sampling, [results[i] for i in rows]):
                pass
        return results

    def stream(self, prompt: list[int], sampling: Sampling) -> Iterator[tuple[str, Generation]]:
        """Yield (new characters, the generation so far) as they come; the characters may be empty."""
        result = Generation()
        for _, piece in self._run([prompt], sampling, [result]):
            yield piece, result

    def _batches(self, lengths: list[int], sampling: Sampling) -> Iterator[list[int]]:
        """Groups of consecutive prompts (sorted by length) that fit into BATCH_TOKENS cache positions."""
        group: list[int] = []
        for i, length in enumerate(lengths):
            if group and (len(group) + 1) * self._room(length, sampling) > BATCH_TOKENS:
                yield group
                group = []
            group.append(i)
        if group:
            yield group

    def _room(self, prompt: int, sampling: Sampling) -> int:
        return min(prompt + sampling.max_new_tokens, self.model.length)

    @torch.inference_mode()
    def _run(
        self, prompts: list[list[int]], sampling: Sampling, results: list[Generation]
    ) -> Iterator[tuple[int, str]]:
        """Run one batch to its end, filling `results`; yields (row, new characters) token by token."""
        began = time.perf_counter()
        device, limit = self.model.device, self.model.length
        for prompt in prompts:
            if not prompt:
                raise UserError("The prompt is empty; give at least one character to go on from.")
            if len(prompt) >= limit:
                raise UserError(f"The prompt has {len(prompt)} tokens; this model sees {limit} at most. Shorten it.")
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        longest = int(lengths.max())
        padded = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts], device=device)
        cache = self.model.new_cache(len(prompts), self._room(longest, sampling))
        generators = [torch.Generator(device).manual_seed(sampling.seed) for _ in prompts]
        streams = [TextStream(self.tokenizer) for _ in prompts]
        stops = set(self.tokenizer.stop_ids)

        hidden = self.model.forward(padded, torch.zeros_like(lengths), cache)
        last = hidden[torch.arange(len(prompts), device=device), lengths - 1]
        active = list(range(len(prompts)))
        while active:
            tokens = choose(self.model.logits(last), sampling, [generators[i] for i in active])
            staying = []
            for place, (i, token) in enumerate(zip(active, tokens.tolist(), strict=True)):
                result = results[i]
                result.seconds = time.perf_counter() - began
                ended = token in stops
                if ended:
                    result.finished = "stop"
                else:
                    result.ids.append(token)
                piece = "" if ended else streams[i].step(token)
                full = len(result.ids) >= sampling.max_new_tokens or len(prompts[i]) + len(result.ids) >= limit
                if ended or full:
                    piece += streams[i].end()
                    result.broken = streams[i].broken
                else:
                    staying.append(place)
                result.text += piece
                yield i, piece
            if not staying:
                return
            if len(staying) < len(active):
                keep = torch.tensor(staying, device=device)
                cache = [(keys[keep], values[keep]) for keys, values in cache]
                tokens, lengths = tokens[keep], lengths[keep]
                active = [active[place] for place in staying]
            last = self.model.forward(tokens[:, None], lengths, cache)[:, 0]
            lengths = lengths + 1
