"""The same network as `TorchNetwork`, its step compiled into one function (kernel.py): several times as fast on a CPU.

It needs numba (the extra `fast`). The first use on a machine compiles for some seconds; the result is kept on disk.
"""

import threading
import weakref
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shuoshu.generate import kernel
from shuoshu.generate.network import Segment
from shuoshu.generate.vectors import HALVES, LANES, PAIRS, TOKENS
from shuoshu.model import MiniGLM, rotary_table
from shuoshu.recipe import Arithmetic

MOST_THREADS = 8
"""More have too little to do between two meetings in a model of this size."""
STEP_TOKENS = 512
"""Room for tokens of prompts in a step, beside one token of each text."""
GOODBYE = 2.0
"""Seconds that a helper is given to go home. It needs a thousandth, unless somebody still takes steps at exit."""


class FastNetwork:
    """MiniGLM for inference on a CPU.

    fp32 gives the logits of `MiniGLM` up to rounding. bf16 and int8 round the weights (int8 each row to 127 steps
    either side of zero), add up in float32 and keep keys and values as halves; bf16 rounds what is multiplied as well,
    where that makes the CPU faster. In each a text's numbers are the same to the last bit, whatever stands beside it.
    """

    def __init__(self, model: MiniGLM, precision: Arithmetic, threads: int | None = None) -> None:
        config = self.config = model.config
        self.precision: Arithmetic = precision
        self.device = torch.device("cpu")
        self.length = config.max_position_embeddings
        self.threads = threads or min(torch.get_num_threads(), MOST_THREADS)
        widths = (config.hidden_size, config.num_attention_heads * config.head_dim, config.intermediate_size)
        self.paired = PAIRS and precision == "bf16" and not any(width % 2 for width in widths)
        """Whether what is multiplied is rounded to bf16 too, since the CPU then takes half the time."""
        w = {name: weight.detach().float().cpu() for name, weight in model.state_dict().items()}
        self.embedding = w["model.embed_tokens.weight"].numpy()
        cos, sin = (part[:, : config.head_dim // 2].contiguous() for part in rotary_table(config, self.length))

        def layers(name: str) -> list[Tensor]:
            return [w[f"model.layers.{i}.{name}.weight"] for i in range(config.num_hidden_layers)]

        def packed(matrices: Sequence[Tensor]) -> tuple[NDArray, NDArray]:
            parts = [_pack(matrix, precision, self.paired) for matrix in matrices]
            return torch.stack([part for part, _ in parts]).numpy(), torch.stack([scale for _, scale in parts]).numpy()

        def joined(*names: str) -> list[Tensor]:
            return [torch.cat(parts) for parts in zip(*(layers(name) for name in names), strict=True)]

        heads = [w.expand(config.num_attention_heads, -1) for w in layers("self_attn.q_norm")]
        kv_heads = [w.expand(config.num_key_value_heads, -1) for w in layers("self_attn.k_norm")]
        qkv = packed(joined("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"))
        out = packed(layers("self_attn.o_proj"))
        gate_up = packed([_mix(*pair) for pair in zip(layers("mlp.gate_proj"), layers("mlp.up_proj"), strict=True)])
        down = packed(layers("mlp.down_proj"))
        head, head_scale = packed([w["lm_head.weight"]])
        self.weights = kernel.Weights(
            norm=torch.stack(layers("input_layernorm")).numpy(),
            qkv=qkv[0], qkv_scale=qkv[1],
            gains=torch.stack([torch.cat(pair) for pair in zip(heads, kv_heads, strict=True)]).numpy(),
            out=out[0], out_scale=out[1],
            norm2=torch.stack(layers("post_attention_layernorm")).numpy(),
            gate_up=gate_up[0], gate_up_scale=gate_up[1],
            down=down[0], down_scale=down[1],
            last_norm=w["model.norm.weight"].numpy(),
            head=head[0], head_scale=head_scale[0],
            cos=cos.numpy(), sin=sin.numpy(),
            eps=np.float32(config.rms_norm_eps),
        )  # fmt: skip

    def runner(self, rows: int, length: int) -> "FastRunner":
        """Room for `rows` texts of `length` tokens each."""
        return FastRunner(self, rows, length)


class FastRunner:
    """Keys and values of `rows` texts, the space a step works in, and the threads that help with it."""

    def __init__(self, network: FastNetwork, rows: int, length: int) -> None:
        config, weights = network.config, network.weights
        layers, kv_heads, width = config.num_hidden_layers, config.num_key_value_heads, config.head_dim
        blocks, tokens, threads = -(-length // LANES), rows + STEP_TOKENS, network.threads
        widest = max(config.hidden_size, config.num_attention_heads * width, weights.gate_up_scale.shape[1] // 2)
        kept = np.int16 if HALVES and network.precision != "fp32" else np.float32
        self.work = kernel.Work(
            keys=_empty((layers, rows, kv_heads, blocks, width, LANES), kept),
            values=_empty((layers, rows, kv_heads, -(-width // LANES), length, LANES), kept),
            texts=np.zeros((rows + 1, 3), np.int64),
            wanted=np.zeros(rows, np.int64),
            sizes=np.zeros(3, np.int64),
            x=_empty((tokens, weights.out_scale.shape[1])),
            qkv=_empty((tokens, weights.qkv_scale.shape[1])),
            seen=_empty((tokens, config.num_attention_heads * width)),
            hidden=_empty((tokens, weights.gate_up_scale.shape[1] // 2)),
            logits=_empty((rows, weights.head_scale.shape[0])),
            inputs=_empty((threads, tokens, widest), np.uint16 if network.paired else np.float32),
            sums=_empty((threads, TOKENS, LANES)),
            scores=_empty((threads, TOKENS, blocks * LANES)),
            tally=np.zeros((kernel.PHASES * layers + 1, 8), np.int64),
        )
        self._network, self._steps = network, 0
        self._signs = np.zeros((kernel.AWAKE + threads, 8), np.int64)
        self._helpers = [Helper(number, weights, self.work, self._signs) for number in range(1, threads)]
        for helper in self._helpers:
            helper.start()
        weakref.finalize(self, _dismiss, self._helpers)

    def forward(self, segments: Sequence[Segment]) -> Tensor:
        """As `Runner.forward`."""
        work, config = self.work, self._network.config
        ids = [token for segment in segments for token in segment.ids]
        work.x[: len(ids), : config.hidden_size] = self._network.embedding[ids]
        texts, wanted, place = [], [], 0
        for row, start, new, asked in segments:
            texts.append((row, start, place))
            place += len(new)
            if asked:
                wanted.append(place - 1)
        work.texts[: len(texts) + 1] = [*texts, (0, 0, place)]
        work.wanted[: len(wanted)] = wanted
        work.sizes[:] = place, len(texts), len(wanted)
        self._run()
        return torch.from_numpy(work.logits[: len(wanted), : config.vocab_size])

    def _run(self) -> None:
        """Run the step that lies in `work`."""
        self._steps += 1
        self.work.tally[:] = 0
        self._signs[kernel.OPEN, 0] = self._steps
        for number, helper in enumerate(self._helpers, 1):
            if not self._signs[kernel.AWAKE + number, 0]:
                self._signs[kernel.AWAKE + number, 0] = 1
                helper.call.release()
        kernel.run(0, self._network.weights, self.work, self._signs)

    def copy(self, source: int, target: int, length: int) -> None:
        """As `Runner.copy`."""
        blocks = -(-length // LANES)
        self.work.keys[:, target, :, :blocks] = self.work.keys[:, source, :, :blocks]
        self.work.values[:, target, :, :, :length] = self.work.values[:, source, :, :, :length]


class Helper(threading.Thread):
    """A thread that takes part in each step, and sleeps where none comes for a while until it is called."""

    def __init__(self, number: int, weights: kernel.Weights, work: kernel.Work, signs: NDArray) -> None:
        super().__init__(name=f"engine-{number}", daemon=True)
        self.call = threading.Semaphore(0)
        self.dismissed = False
        self._place = (number, weights, work, signs)

    def run(self) -> None:
        """Until it is dismissed."""
        while True:
            self.call.acquire()
            if self.dismissed:
                return
            kernel.run(*self._place)


def _dismiss(helpers: list[Helper]) -> None:
    """Send them home and see them go: Python ends a thread that is still in compiled code at exit by breaking it off,
    and now and then that kills the process after its work is done."""
    for helper in helpers:
        helper.dismissed = True
        helper.call.release()
    for helper in helpers:
        if helper is not threading.current_thread():
            helper.join(GOODBYE)


def _empty(shape: tuple[int, ...], kind: type = np.float32) -> NDArray:
    """Zeros that begin with a line of the CPU's cache, and take memory only where they are written."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(kind).reshape(shape)


def _pack(matrix: Tensor, precision: Arithmetic, paired: bool) -> tuple[Tensor, Tensor]:
    """A matrix (out, in) as the kernel reads it, in blocks, and the scale of each output (blocks · LANES)."""
    outputs, inputs = matrix.shape
    blocks = -(-outputs // LANES)
    whole = torch.zeros(blocks * LANES, inputs)
    whole[:outputs] = matrix
    scale = torch.ones(blocks * LANES)
    if precision == "int8":
        scale = whole.abs().amax(dim=1).clamp(min=1e-8) / 127
        whole = (whole / scale[:, None]).round().to(torch.int8)
    elif precision == "bf16":
        whole = whole.to(torch.bfloat16).view(torch.uint16)
    size = 2 if paired else 1
    lines = whole.view(blocks, LANES, inputs // size, size).transpose(1, 2)
    return lines.reshape(blocks, inputs // size, LANES * size), scale


def _mix(gate: Tensor, up: Tensor) -> Tensor:
    """Rows of both matrices (F, D) in turns of half a block, so that a block holds what belongs together."""
    half = LANES // 2
    blocks = -(-gate.shape[0] // half)
    both = torch.zeros(blocks * half, 2, gate.shape[1])
    both[: gate.shape[0], 0], both[: gate.shape[0], 1] = gate, up
    return both.view(blocks, half, 2, -1).transpose(1, 2).reshape(blocks * LANES, -1)
