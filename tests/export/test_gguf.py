"""The GGUF file by its structure, read back with the format's own library: keys, tensors, numbers, tokens."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize
from safetensors.torch import load_file, save_file
from tiny import random_model

from shuoshu.errors import UserError
from shuoshu.export.gguf import Type, write_gguf
from shuoshu.export.stage import export_run
from shuoshu.model import MiniGLM
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.stage import save_model

# Our names beside llama.cpp's, written out from its documentation: not what the exporter itself uses.
THEIRS = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def their_name(name: str) -> str:
    """`model.layers.1.mlp.up_proj.weight` → `blk.1.ffn_up.weight`."""
    stem = name.removesuffix(".weight")
    if stem.startswith("model.layers."):
        layer, part = stem.removeprefix("model.layers.").split(".", 1)
        return f"blk.{layer}.{THEIRS[part]}.weight"
    return f"{THEIRS[stem]}.weight"


def written(folder: Path, out: Path, type_: Type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keys and tensors of the exported file."""
    write_gguf(folder, out, type_, "灯")
    reader = GGUFReader(out)
    return {key: field.contents() for key, field in reader.fields.items()}, {each.name: each for each in reader.tensors}


@pytest.mark.parametrize(
    "shape",
    [{}, {"num_key_value_heads": 1, "head_dim": 32, "tie_word_embeddings": False}],
    ids=["tied", "untied, one kv head"],
)
@pytest.mark.parametrize("type_", ["f16", "q8_0"])
def test_every_weight_is_there(type_: Type, shape: dict, tokenizer: Tokenizer, tmp_path: Path):
    save_model(random_model(tokenizer, **shape), tokenizer, tmp_path)
    ours = load_file(tmp_path / "model.safetensors")
    _, theirs = written(tmp_path, tmp_path / "model.gguf", type_)
    assert {their_name(name) for name in ours} == set(theirs)
    assert ("output.weight" in theirs) == ("tie_word_embeddings" in shape)
    for name, weight in ours.items():
        tensor = theirs[their_name(name)]
        assert list(tensor.shape) == list(reversed(weight.shape))  # the format counts from the inside
        values = dequantize(tensor.data, tensor.tensor_type).reshape(weight.shape)
        if weight.dim() == 1:
            assert tensor.tensor_type == GGMLQuantizationType.F32
            assert np.array_equal(values, weight.numpy())
        elif type_ == "f16":
            assert tensor.tensor_type == GGMLQuantizationType.F16
            assert np.array_equal(values, weight.half().float().numpy())
        else:
            assert tensor.tensor_type == GGMLQuantizationType.Q8_0
            # Blocks of 32 share a scale, the largest / 127 in half precision: half a step, and the scale's own error.
            blocks = weight.reshape(-1, 32)
            allowed = blocks.abs().amax(1, keepdim=True) / 127 * (0.5 + 127 * 2**-11) + 1e-7
            assert bool(((torch.from_numpy(values.copy()).reshape(-1, 32) - blocks).abs() <= allowed).all())


def test_the_shape_and_the_marks_are_told(tokenizer: Tokenizer, tmp_path: Path):
    config = replace(random_model(tokenizer).config, rope_theta=1e6, rms_norm_eps=1e-5)
    save_model(MiniGLM(config), tokenizer, tmp_path)
    keys, _ = written(tmp_path, tmp_path / "model.gguf", "q8_0")
    expected = {
        "general.architecture": "qwen3",
        "general.name": "灯",
        "general.file_type": 7,
        "qwen3.block_count": config.num_hidden_layers,
        "qwen3.context_length": config.max_position_embeddings,
        "qwen3.embedding_length": config.hidden_size,
        "qwen3.feed_forward_length": config.intermediate_size,
        "qwen3.attention.head_count": config.num_attention_heads,
        "qwen3.attention.head_count_kv": config.num_key_value_heads,
        "qwen3.attention.key_length": config.head_dim,
        "qwen3.attention.value_length": config.head_dim,
        "qwen3.rope.freq_base": 1e6,
        "qwen3.attention.layer_norm_rms_epsilon": pytest.approx(1e-5),
        "qwen3.vocab_size": config.vocab_size,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.eos_token_id": tokenizer.chat_end,
        "tokenizer.ggml.eot_token_id": tokenizer.chat_end,
        "tokenizer.ggml.padding_token_id": tokenizer.end_of_text,
        "tokenizer.chat_template": tokenizer.chat_template,
    }
    assert {key: keys.get(key) for key in expected} == expected
    tokens, kinds = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]
    assert [tokenizer.fast.id_to_token(i) for i in range(config.vocab_size)] == tokens
    assert [i for i, kind in enumerate(kinds) if kind == 3] == sorted([*tokenizer.stop_ids, tokenizer.chat_start])
    assert set(kinds) == {1, 3}


def test_a_folder_as_open_models_come(tokenizer: Tokenizer, tmp_path: Path):
    """Weights in bfloat16 and several files, a tied layer written out, a table larger than the tokenizer."""
    model = MiniGLM(replace(random_model(tokenizer).config, vocab_size=tokenizer.vocab_size + 60))
    model.initialise(torch.Generator().manual_seed(0))
    save_model(model, tokenizer, tmp_path)
    weights = {name: weight.bfloat16() for name, weight in load_file(tmp_path / "model.safetensors").items()}
    (tmp_path / "model.safetensors").unlink()
    names = sorted(weights)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    for part, few in enumerate((names[:9], [*names[9:], "lm_head.weight"]), 1):
        save_file({name: weights[name] for name in few}, tmp_path / f"model-0000{part}-of-00002.safetensors")
    keys, tensors = written(tmp_path, tmp_path / "model.gguf", "f16")
    assert set(tensors) == {their_name(name) for name in names}
    for name in names:
        values = np.asarray(tensors[their_name(name)].data, dtype=np.float32).reshape(weights[name].shape)
        assert np.array_equal(values, weights[name].float().half().float().numpy())
    assert keys["tokenizer.ggml.token_type"][-60:] == [5] * 60
    assert len(set(keys["tokenizer.ggml.tokens"])) == model.config.vocab_size


def test_rows_of_no_whole_blocks_stay_in_f16(tokenizer: Tokenizer, tmp_path: Path):
    save_model(random_model(tokenizer, intermediate_size=100), tokenizer, tmp_path)
    _, tensors = written(tmp_path, tmp_path / "model.gguf", "q8_0")
    assert tensors["blk.0.ffn_down.weight"].tensor_type == GGMLQuantizationType.F16
    assert tensors["blk.0.ffn_up.weight"].tensor_type == GGMLQuantizationType.Q8_0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e5])
def test_weights_beyond_half_precision_are_told(bad: float, tokenizer: Tokenizer, tmp_path: Path):
    model = random_model(tokenizer)
    with torch.no_grad():
        model.model.embed_tokens.weight[3, 4] = bad
    save_model(model, tokenizer, tmp_path)
    with pytest.raises(UserError, match=r"model\.embed_tokens\.weight has numbers beyond 65504"):
        write_gguf(tmp_path, tmp_path / "model.gguf", "f16", "x")


def test_weights_of_another_shape_are_told(tokenizer: Tokenizer, tmp_path: Path):
    save_model(random_model(tokenizer), tokenizer, tmp_path)
    save_model(random_model(tokenizer, num_hidden_layers=3), tokenizer, tmp_path / "other")
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match="do not fit"):
        write_gguf(tmp_path, tmp_path / "model.gguf", "f16", "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_leaves_nothing(tokenizer: Tokenizer, tmp_path: Path):
    save_model(random_model(tokenizer), tokenizer, tmp_path / "model")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        with pytest.raises(UserError, match="the disk is full"):
            export_run(tmp_path / "model", "ollama", disk / "out", "f16")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
