"""The network as the engine runs it, and how it does so in torch: joined matrices, a key-value cache of fixed size.

The weights are those of `MiniGLM`; queries, keys and values are one matrix product, gate and up another, and queries
and keys are normed and turned together. That halves the number of operations a token, which is what a small model's
speed on a CPU hangs on. With bf16 only the matrices are bf16: on a CPU attention over a bf16 cache takes four times as
long as over an fp32 one (281 µs against 47 µs a layer at 350 positions, 2-core EPYC), and everything else is small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from shuoshu.model import MiniGLM, rotary_table, rotate
from shuoshu.recipe import Arithmetic

FEW_ROWS = 4
"""Up to so many rows the int8 product is the faster one; with 16 it takes twice as long as the bf16 one."""


class Segment(NamedTuple):
    """New tokens of one text, at positions start, start + 1, … of a row of the cache."""

    row: int
    start: int
    ids: list[int]
    wanted: bool
    """Whether the logits after the last of them are asked for."""


class Runner(Protocol):
    """Texts under way in a network, each in a row of its cache."""

    def forward(self, segments: Sequence[Segment]) -> Tensor:
        """Run new tokens, each seeing what its row holds before it, and keep their keys and values there.

        Logits (W, V) in float32 after the last token of each segment that wants them; good until the next call.
        """
        ...

    def copy(self, source: int, target: int, length: int) -> None:
        """Give row `target` the first `length` positions of row `source`."""
        ...


class Network(Protocol):
    """A model ready to run, in some arithmetic on some device."""

    device: torch.device
    length: int
    """The longest text it sees, in tokens."""

    def runner(self, rows: int, length: int) -> Runner:
        """Room for `rows` texts of `length` tokens each."""
        ...


@dataclass(frozen=True)
class Matrix:
    """A weight matrix (out, in), and for int8 its rows in 8 bits with a scale each: `whole ≈ small * scale`."""

    whole: Tensor
    int8: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, weight: Tensor, precision: Arithmetic) -> "Matrix":
        """A float32 weight in this precision; int8 rounds each row to 127 steps either side of zero."""
        if precision == "fp32":
            return cls(weight.contiguous())
        whole = weight.to(torch.bfloat16).contiguous()
        if precision == "bf16" or weight.device.type != "cpu":
            return cls(whole)
        scale = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
        small = (weight / scale[:, None]).round().to(torch.int8).contiguous()
        return cls(whole, (small, scale.to(torch.bfloat16)))

    def multiply(self, x: Tensor) -> Tensor:
        """x (…, in) times the matrix: (…, out), in the type of x."""
        if self.int8 is not None and x.numel() <= FEW_ROWS * x.shape[-1]:
            rows = x.reshape(-1, x.shape[-1]).to(torch.bfloat16)
            product = torch.ops.aten._weight_int8pack_mm(rows, *self.int8)
            return product.view(*x.shape[:-1], -1).to(x.dtype)
        return F.linear(x.to(self.whole.dtype), self.whole).to(x.dtype)


@dataclass(frozen=True)
class Layer:
    """One block's weights as `TorchNetwork` takes them."""

    norm: Tensor
    qkv: Matrix
    gains: Tensor
    """(H + K, E): the gains of the norms of queries and keys."""
    out: Matrix
    norm2: Tensor
    gate_up: Matrix
    down: Matrix


class TorchNetwork:
    """MiniGLM for inference, its weights in the arithmetic of `precision`."""

    def __init__(self, model: MiniGLM, precision: Arithmetic) -> None:
        config = self.config = model.config
        weights = {name: weight.detach().float() for name, weight in model.state_dict().items()}
        self.device = weights["model.norm.weight"].device
        self.dtype = torch.float32 if precision == "fp32" or self.device.type == "cpu" else torch.bfloat16
        self.embedding = weights["model.embed_tokens.weight"].to(self.dtype)
        self.head = Matrix.of(weights["lm_head.weight"], precision)
        self.norm = weights["model.norm.weight"].to(self.dtype)
        self.length = config.max_position_embeddings
        self.cos, self.sin = (part.to(self.dtype) for part in rotary_table(config, self.length, self.device))
        self.layers = [self._layer(weights, f"model.layers.{i}.", precision) for i in range(config.num_hidden_layers)]

    def _layer(self, weights: dict[str, Tensor], name: str, precision: Arithmetic) -> Layer:
        w = {key.removeprefix(name): weight for key, weight in weights.items() if key.startswith(name)}
        gains = [
            w["self_attn.q_norm.weight"].expand(self.config.num_attention_heads, -1),
            w["self_attn.k_norm.weight"].expand(self.config.num_key_value_heads, -1),
        ]
        return Layer(
            norm=w["input_layernorm.weight"].to(self.dtype),
            qkv=Matrix.of(torch.cat([w[f"self_attn.{part}_proj.weight"] for part in "qkv"]), precision),
            gains=torch.cat(gains).to(self.dtype),
            out=Matrix.of(w["self_attn.o_proj.weight"], precision),
            norm2=w["post_attention_layernorm.weight"].to(self.dtype),
            gate_up=Matrix.of(torch.cat([w["mlp.gate_proj.weight"], w["mlp.up_proj.weight"]]), precision),
            down=Matrix.of(w["mlp.down_proj.weight"], precision),
        )

    def runner(self, rows: int, length: int) -> "TorchRunner":
        """Room for `rows` texts of `length` tokens each."""
        if self.device.type == "cuda":
            from shuoshu.generate.graphs import GraphRunner

            return GraphRunner(self, rows, length)
        return TorchRunner(self, rows, length)

    def turned(self, layer: Layer, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys (N, H + K, E), normed and turned, and values (N, K, E), of the residual stream (N, D)."""
        heads, kv_heads = self.config.num_attention_heads, self.config.num_key_value_heads
        mixed = layer.qkv.multiply(F.rms_norm(x, layer.norm.shape, layer.norm, self.config.rms_norm_eps))
        mixed = mixed.view(-1, heads + 2 * kv_heads, self.config.head_dim)
        normed = F.rms_norm(mixed[:, : heads + kv_heads], (self.config.head_dim,), None, self.config.rms_norm_eps)
        return rotate(normed * layer.gains, cos, sin), mixed[:, heads + kv_heads :]

    def added(self, layer: Layer, x: Tensor, seen: Tensor) -> Tensor:
        """The residual stream (N, D) after a block whose attention saw `seen` (N, H, E)."""
        x = x + layer.out.multiply(seen.reshape(x.shape[0], -1))
        hidden = F.rms_norm(x, layer.norm2.shape, layer.norm2, self.config.rms_norm_eps)
        gate, up = layer.gate_up.multiply(hidden).chunk(2, dim=-1)
        return x + layer.down.multiply(F.silu(gate) * up)

    def logits(self, x: Tensor) -> Tensor:
        """Logits (N, V) in float32 of the residual stream (N, D) after the last block."""
        return self.head.multiply(F.rms_norm(x, self.norm.shape, self.norm, self.config.rms_norm_eps)).float()


class TorchRunner:
    """Texts under way: keys and values of `rows` texts, for each layer (rows, K, length, E)."""

    def __init__(self, network: TorchNetwork, rows: int, length: int) -> None:
        self.network, self.rows, self.length = network, rows, length
        shape = (rows, network.config.num_key_value_heads, length, network.config.head_dim)
        self.layers = [
            tuple(torch.zeros(shape, dtype=network.dtype, device=network.device) for _ in "kv") for _ in network.layers
        ]

    @torch.inference_mode()
    def forward(self, segments: Sequence[Segment]) -> Tensor:
        """As `Runner.forward`. Text by text on plain slices: no padding, and each text's attention is its own."""
        network, device = self.network, self.network.device
        positions = torch.tensor([p for s in segments for p in range(s.start, s.start + len(s.ids))], device=device)
        cos, sin = network.cos[positions][:, None], network.sin[positions][:, None]  # (N, 1, E)
        x = F.embedding(torch.tensor([i for s in segments for i in s.ids], device=device), network.embedding)
        for layer, (keys, values) in zip(network.layers, self.layers, strict=True):
            turned, new = network.turned(layer, x, cos, sin)
            x = network.added(layer, x, _attend(segments, turned, new, keys, values))
        last, end = [], 0
        for segment in segments:
            end += len(segment.ids)
            if segment.wanted:
                last.append(end - 1)
        return network.logits(x[last])

    @torch.inference_mode()
    def copy(self, source: int, target: int, length: int) -> None:
        """As `Runner.copy`."""
        for pair in self.layers:
            for part in pair:
                part[target, :, :length] = part[source, :, :length]


def _attend(segments: Sequence[Segment], turned: Tensor, new_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention (N, H, E) of the new tokens: turned queries and keys (N, H + K, E), values (N, K, E)."""
    kv_heads = new_values.shape[1]
    heads = turned.shape[1] - kv_heads
    seen, offset = [], 0
    for row, start, ids, _ in segments:
        end, new = start + len(ids), slice(offset, offset + len(ids))
        keys[row, :, start:end] = turned[new, heads:].transpose(0, 1)
        values[row, :, start:end] = new_values[new].transpose(0, 1)
        mask = None
        if start and len(ids) > 1:
            place = torch.arange(end, device=keys.device)
            mask = place <= place[start:, None]  # (T, end)
        y = F.scaled_dot_product_attention(
            turned[new, :heads].transpose(0, 1)[None], keys[None, row, :, :end], values[None, row, :, :end],
            attn_mask=mask, is_causal=not start and len(ids) > 1, enable_gqa=heads != kv_heads,
        )  # fmt: skip
        seen.append(y[0].transpose(0, 1))
        offset += len(ids)
    return seen[0] if len(seen) == 1 else torch.cat(seen)
