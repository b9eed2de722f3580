"""MiniGLM: a decoder of the Qwen3 shape, the ground floor of the house.

One block is attention and a feed-forward layer, each behind a norm and each added to the residual stream:

    x = x + attention(norm(x));  x = x + ffn(norm(x))

with RMSNorm (arXiv:1910.07467), rotary positions (RoPE, arXiv:2104.09864), normed queries and keys (QK-norm,
arXiv:2010.04245), grouped key-value heads (GQA, arXiv:2305.13245) and SwiGLU (arXiv:2002.05202). Parameter names and
`config.json` are those of Qwen3 in transformers, so the weights load there, in vLLM and in llama.cpp unchanged.

Shapes below: B sequences, T tokens, D width, H heads, K key-value heads, E head width, V vocabulary.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shuoshu.errors import UserError
from shuoshu.files import read_json, write_aside, write_json
from shuoshu.weights import load_folder, load_tensors, save_tensors


@dataclass(kw_only=True)
class GLMConfig:
    """The shape of a network, in the names of transformers' Qwen3Config."""

    vocab_size: int
    hidden_size: int = 256
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 4
    head_dim: int = 64
    intermediate_size: int = 704
    max_position_embeddings: int = 512
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        if self.num_attention_heads % self.num_key_value_heads:
            raise UserError(
                f"{self.num_attention_heads} heads cannot share {self.num_key_value_heads} key-value heads evenly; "
                "choose model.kv_heads so that it divides model.heads."
            )
        if self.head_dim % 2:
            raise UserError(f"A head is {self.head_dim} wide; rotary positions need an even width.")

    def parameters(self) -> int:
        """Number of weights, a tied embedding counted once."""
        attention = 2 * self.hidden_size * self.head_dim * (self.num_attention_heads + self.num_key_value_heads)
        norms = 2 * self.hidden_size + 2 * self.head_dim
        block = attention + 3 * self.hidden_size * self.intermediate_size + norms
        embeddings = (1 if self.tie_word_embeddings else 2) * self.vocab_size * self.hidden_size
        return self.num_hidden_layers * block + embeddings + self.hidden_size

    def save(self, folder: Path, eos_token_id: list[int], pad_token_id: int) -> None:
        """Write `config.json` and `generation_config.json` as transformers reads them."""
        config: dict[str, Any] = {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "hidden_act": "silu",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "use_cache": True,
            "use_sliding_window": False,
            "dtype": "float32",
            "eos_token_id": eos_token_id[0],
            "pad_token_id": pad_token_id,
            **asdict(self),
            # transformers 5 reads rope_parameters; vLLM, llama.cpp's converter and transformers 4 read rope_theta.
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
        }
        write_json(folder / "config.json", config)
        write_json(folder / "generation_config.json", {"eos_token_id": eos_token_id, "pad_token_id": pad_token_id})

    @classmethod
    def load(cls, folder: Path) -> "GLMConfig":
        """Read a `config.json`. Raises UserError for a missing file or an architecture that is not Qwen3."""
        path = folder / "config.json"
        if not path.is_file():
            raise UserError(f"{folder} is not a model folder: it has no config.json.")
        config = read_json(path)
        if not isinstance(config, dict) or config.get("model_type") != "qwen3":
            kind = config.get("model_type") if isinstance(config, dict) else None
            raise UserError(f"{path}: model_type is {kind!r}; Shuoshu runs models of the shape qwen3.")
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if rope.get("rope_type", "default") != "default" or config.get("attention_bias"):
            raise UserError(f"{path}: scaled rotary positions and attention biases are not supported.")
        known = {name: config[name] for name in cls.__dataclass_fields__ if name in config}
        known["rope_theta"] = float(rope.get("rope_theta", config.get("rope_theta", 10000.0)))
        try:
            return cls(**known)
        except TypeError as error:
            raise UserError(f"{path}: {error}; the file is incomplete.") from error


class RMSNorm(nn.Module):
    """Scale each vector to root-mean-square 1, then by a learned weight a channel."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


def rotary_table(config: GLMConfig, length: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotation at positions 0…length-1, each (length, E), in float32."""
    half = torch.arange(0, config.head_dim, 2, device=device, dtype=torch.float32) / config.head_dim
    angle = torch.outer(torch.arange(length, device=device, dtype=torch.float32), config.rope_theta**-half)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (x[i], x[i + E/2]) by the angle of their position; `cos`, `sin` broadcast against x (…, E)."""
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin


SHORT = 512
"""Tokens up to which a CPU learns faster with all weights of attention at once than with torch's fused kernel."""


def causal_attention(q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None = None) -> Tensor:
    """What each position of `q` (B, H, T, E) reads from those before it in `k` and `v` (B, K, T, E).

    `seen` (T, T) tells which positions each reads from in place of all before it; for reading, not for learning.

    torch's fused kernel, but for learning on a CPU, where plain products take half its time: 8.5 and 17.9 ms forward
    and backward for 8 rows of 256 tokens and 4 heads (2 cores, bf16).
    """
    heads, length, width = q.shape[1:]
    grouped = heads != k.shape[1]
    if seen is not None:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=grouped)
    if q.device.type != "cpu" or length > SHORT or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
    if grouped:
        k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
    scores = (q * width**-0.5) @ k.transpose(-1, -2)
    later = torch.full((length, length), -math.inf, dtype=scores.dtype).triu_(1)
    return F.softmax(scores + later, dim=-1, dtype=scores.dtype) @ v


class Attention(nn.Module):
    """Causal self-attention with grouped key-value heads and normed queries and keys."""

    def __init__(self, config: GLMConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        self.q_proj = nn.Linear(config.hidden_size, self.heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, self.kv_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, self.kv_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.head_dim, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(self.head_dim, config.rms_norm_eps)
        self.k_norm = RMSNorm(self.head_dim, config.rms_norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, seen: Tensor | None = None) -> Tensor:
        b, t, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(b, t, self.heads, self.head_dim)).transpose(1, 2)  # (B, H, T, E)
        k = self.k_norm(self.k_proj(x).view(b, t, self.kv_heads, self.head_dim)).transpose(1, 2)  # (B, K, T, E)
        v = self.v_proj(x).view(b, t, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = causal_attention(q, k, v, seen)  # (B, H, T, E)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, config: GLMConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One layer: attention, then feed-forward, each normed before and added after."""

    def __init__(self, config: GLMConfig, dropout: float) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, seen: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), cos, sin, seen))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class Decoder(nn.Module):
    """Embedding, blocks and the last norm: token ids (B, T) to hidden states (B, T, D).

    Texts that begin alike may stand in one row, their beginning once: `places` (T,) then tells where in its own text
    each token stands, and `seen` (T, T) which tokens belong to that text before it.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, config: GLMConfig, dropout: float) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config, dropout) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.dropout = nn.Dropout(dropout)
        cos, sin = rotary_table(config, config.max_position_embeddings)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor, places: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        x = self.dropout(self.embed_tokens(ids))
        if torch.is_autocast_enabled(ids.device.type):
            x = x.to(torch.get_autocast_dtype(ids.device.type))  # the residual stream too: half the memory traffic
        at = slice(ids.shape[1]) if places is None else places
        cos, sin = self.cos[at].to(x.dtype), self.sin[at].to(x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, seen)
        return self.norm(x)


class MiniGLM(nn.Module):
    """The language model. `forward` gives logits (B, T, V).

    Dropout (on embeddings and both residual branches) acts in training only and is no part of the saved shape.
    """

    def __init__(self, config: GLMConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config, dropout)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights: normal with deviation 0.02, output projections scaled down by √(2·layers) (GPT-2)."""
        residual = 0.02 / math.sqrt(2 * self.config.num_hidden_layers)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 2:
                    scale = residual if name.endswith(("o_proj.weight", "down_proj.weight")) else 0.02
                    weight.normal_(0.0, scale, generator=generator)

    def forward(self, ids: Tensor) -> Tensor:
        return self.lm_head(self.model(ids))

    def save_weights(self, path: Path) -> None:
        """Write the weights as safetensors, in float32; a tied output layer is left out, as transformers does."""
        weights = {name: weight.float() for name, weight in self.state_dict().items()}
        if self.config.tie_word_embeddings:
            del weights["lm_head.weight"]
        with write_aside(path) as aside:
            save_tensors(aside, weights)

    def load_weights(self, path: Path) -> None:
        """Load weights that `save_weights` or transformers wrote, from one file or from a model folder.

        Raises UserError for broken or foreign ones.
        """
        weights = load_folder(path) if path.is_dir() else load_tensors(path)
        if self.config.tie_word_embeddings:
            weights["lm_head.weight"] = weights.get("model.embed_tokens.weight", torch.empty(0))
        try:
            self.load_state_dict(weights)
        except RuntimeError as error:
            raise UserError(f"{path}: the weights do not fit config.json beside them.") from error

    @classmethod
    def load(cls, folder: Path, context: int | None = None) -> "MiniGLM":
        """Read a Hugging Face model folder of the Qwen3 shape; `context` takes another longest text than its own."""
        config = GLMConfig.load(folder)
        model = cls(replace(config, max_position_embeddings=context or config.max_position_embeddings))
        model.load_weights(folder)
        return model.eval()


def describe(config: GLMConfig) -> str:
    """`4.3M parameters, 6 layers × 256, 4 heads, vocabulary 4096, context 512`."""
    return (
        f"{config.parameters() / 1e6:.1f}M parameters, {config.num_hidden_layers} layers × {config.hidden_size}, "
        f"{config.num_attention_heads} heads, vocabulary {config.vocab_size}, context {config.max_position_embeddings}"
    )
