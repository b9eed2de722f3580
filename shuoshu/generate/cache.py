"""The network as the engine runs it: joined matrices and a key-value cache of fixed size.

The weights are those of `MiniGLM`; queries, keys and values are one matrix product, gate and up another, and queries
and keys are normed and turned together. That halves the number of operations a token, which is what a small model's
speed on a CPU hangs on. With bf16 only the matrices are bf16: on a CPU attention over a bf16 cache takes four times as
long as over an fp32 one (281 µs against 47 µs a layer at 350 positions, 2-core EPYC), and everything else is small.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from shuoshu.model import MiniGLM, rotary_table, rotate


class CachedModel:
    """MiniGLM for inference with `slots` texts of at most `length` tokens each in the cache."""

    def __init__(self, model: MiniGLM, dtype: torch.dtype) -> None:
        config = self.config = model.config
        self.embedding = model.model.embed_tokens.weight.detach()
        self.device, self.matrices = self.embedding.device, dtype
        self.dtype = torch.float32 if self.device.type == "cpu" else dtype
        weights = {
            name: weight.detach().to(self.dtype if "norm" in name else self.matrices)
            for name, weight in model.state_dict().items()
        }
        self.embedding = self.embedding.to(self.dtype)
        self.head, self.norm = weights["lm_head.weight"], weights["model.norm.weight"]
        self.length = config.max_position_embeddings
        self.cos, self.sin = (part.to(self.dtype) for part in rotary_table(config, self.length, self.device))
        self.layers = [self._join(weights, f"model.layers.{i}.") for i in range(config.num_hidden_layers)]

    def _join(self, weights: dict[str, Tensor], layer: str) -> tuple[Tensor, ...]:
        """The weights of one block as `forward` takes them, made contiguous."""
        w = {name.removeprefix(layer): weight for name, weight in weights.items() if name.startswith(layer)}
        gains = [
            w["self_attn.q_norm.weight"].expand(self.config.num_attention_heads, -1),
            w["self_attn.k_norm.weight"].expand(self.config.num_key_value_heads, -1),
        ]
        joined = (
            w["input_layernorm.weight"],
            torch.cat([w[f"self_attn.{name}_proj.weight"] for name in "qkv"]),
            torch.cat(gains),
            w["self_attn.o_proj.weight"],
            w["post_attention_layernorm.weight"],
            torch.cat([w["mlp.gate_proj.weight"], w["mlp.up_proj.weight"]]),
            w["mlp.down_proj.weight"],
        )
        return tuple(part.contiguous() for part in joined)

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
        for (norm, qkv, gains, out, norm2, gate_up, down), (keys, values) in zip(self.layers, cache, strict=True):
            mixed = self._multiply(F.rms_norm(x, norm.shape, norm, config.rms_norm_eps), qkv)
            mixed = mixed.view(b, t, heads + 2 * kv_heads, width)
            turned = F.rms_norm(mixed[:, :, : heads + kv_heads], (width,), None, config.rms_norm_eps) * gains
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
            x = x + self._multiply(seen.transpose(1, 2).reshape(b, t, heads * width), out)
            gate, up = self._multiply(F.rms_norm(x, norm2.shape, norm2, config.rms_norm_eps), gate_up).chunk(2, dim=-1)
            x = x + self._multiply(F.silu(gate) * up, down)
        return F.rms_norm(x, self.norm.shape, self.norm, config.rms_norm_eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) in float32 of hidden states (…, D)."""
        return self._multiply(hidden, self.head).float()

    def _multiply(self, x: Tensor, matrix: Tensor) -> Tensor:
        return F.linear(x.to(self.matrices), matrix).to(self.dtype)
