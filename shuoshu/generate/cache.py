"""The network as the engine runs it: joined matrices and a key-value cache of fixed size.

The weights are those of `MiniGLM`; queries, keys and values are one matrix product, gate and up another, and queries
and keys are normed and turned together. That halves the number of operations a token, which is what a small model's
speed on a CPU hangs on. With bf16 only the matrices are bf16: on a CPU attention over a bf16 cache takes four times as
long as over an fp32 one (281 µs against 47 µs a layer at 350 positions, 2-core EPYC), and everything else is small.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from shuoshu.model import MiniGLM, rotary_table, rotate
from shuoshu.recipe import Precision

FEW_ROWS = 4
"""Up to so many rows the int8 product is the faster one; with 16 it takes twice as long as the bf16 one."""


@dataclass(frozen=True)
class Matrix:
    """A weight matrix (out, in), and for int8 its rows in 8 bits with a scale each: `whole ≈ small * scale`."""

    whole: Tensor
    int8: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, weight: Tensor, precision: Precision) -> "Matrix":
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
    """One block's weights as `CachedModel.forward` takes them."""

    norm: Tensor
    qkv: Matrix
    gains: Tensor
    """(H + K, E): the gains of the norms of queries and keys."""
    out: Matrix
    norm2: Tensor
    gate_up: Matrix
    down: Matrix


class CachedModel:
    """MiniGLM for inference with `slots` texts of at most `length` tokens each in the cache."""

    def __init__(self, model: MiniGLM, precision: Precision) -> None:
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

    def _layer(self, weights: dict[str, Tensor], name: str, precision: Precision) -> Layer:
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

    def new_cache(self, slots: int, length: int) -> list[tuple[Tensor, Tensor]]:
        """Empty keys and values of each layer: (slots, K, length, E)."""
        shape = (slots, self.config.num_key_value_heads, length, self.config.head_dim)
        return [
            (torch.zeros(shape, dtype=self.dtype, device=self.device),
             torch.zeros(shape, dtype=self.dtype, device=self.device))
            for _ in self.layers
        ]  # fmt: skip

    def forward(self, ids: Tensor, starts: Tensor, cache: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Hidden states (B, T, D) after the last norm for new tokens `ids` (B, T), written into the cache.

        Row b's tokens stand at positions starts[b], starts[b]+1, …; each sees what its row's cache holds before it.
        Rows padded on the right only write places that the row's own later tokens overwrite.
        """
        config = self.config
        b, t = ids.shape
        heads, kv_heads, width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        positions = starts[:, None] + torch.arange(t, device=ids.device)  # (B, T)
        cos, sin = self.cos[positions][:, :, None], self.sin[positions][:, :, None]  # (B, T, 1, E)
        end = int(positions.max()) + 1
        one = b == 1 and t == 1
        mask = None if one else (torch.arange(end, device=ids.device) <= positions[:, :, None])[:, None]  # (B,1,T,end)
        rows = torch.arange(b, device=ids.device)[:, None].expand(b, t)
        x = F.embedding(ids, self.embedding)
        for layer, (keys, values) in zip(self.layers, cache, strict=True):
            mixed = layer.qkv.multiply(F.rms_norm(x, layer.norm.shape, layer.norm, config.rms_norm_eps))
            mixed = mixed.view(b, t, heads + 2 * kv_heads, width)
            turned = F.rms_norm(mixed[:, :, : heads + kv_heads], (width,), None, config.rms_norm_eps) * layer.gains
            turned = rotate(turned, cos, sin)
            if one:  # plain slices: an indexed write costs as much as a small matrix product
                keys[:, :, end - 1] = turned[:, 0, heads:]
                values[:, :, end - 1] = mixed[:, 0, heads + kv_heads :]
            else:
                keys[rows, :, positions] = turned[:, :, heads:]
                values[rows, :, positions] = mixed[:, :, heads + kv_heads :]
            seen = F.scaled_dot_product_attention(
                turned[:, :, :heads].transpose(1, 2), keys[:, :, :end], values[:, :, :end],
                attn_mask=mask, enable_gqa=heads != kv_heads,
            )  # fmt: skip
            x = x + layer.out.multiply(seen.transpose(1, 2).reshape(b, t, heads * width))
            hidden = F.rms_norm(x, layer.norm2.shape, layer.norm2, config.rms_norm_eps)
            gate, up = layer.gate_up.multiply(hidden).chunk(2, dim=-1)
            x = x + layer.down.multiply(F.silu(gate) * up)
        return F.rms_norm(x, self.norm.shape, self.norm, config.rms_norm_eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) in float32 of hidden states (…, D)."""
        return self.head.multiply(hidden).float()
