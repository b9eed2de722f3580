"""A model folder as one GGUF file, the format of llama.cpp and of what is built on it.

The shape is Qwen3's, which llama.cpp knows: export is a renaming of tensors, a change of their number format, and the
tokenizer beside them. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from shuoshu.errors import UserError
from shuoshu.export.vocabulary import SPLIT_NAME, Vocabulary, read_vocabulary
from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.tokenizer import Tokenizer
from shuoshu.weights import load_tensors

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

Type = Literal["f16", "q8_0"]
"""Number format of the matrices; norms stay in float32."""

LARGEST_F16 = 65504.0


def write_gguf(folder: Path, path: Path, type_: Type, name: str) -> GLMConfig:
    """Write the Hugging Face model folder `folder` to `path` under the name people will see; returns its shape.

    Raises UserError for a folder of another shape, another kind of tokenizer or weights that do not fit, and OSError
    where `path` cannot be written.
    """
    try:
        import gguf
    except ImportError as error:
        raise UserError('Export needs the package gguf; get it with `pip install "shuoshu[export]"`.') from error

    config, tokenizer = GLMConfig.load(folder), Tokenizer.load(folder)
    vocabulary = read_vocabulary(tokenizer, config.vocab_size, folder)
    weights = _load_weights(folder, config)
    formats = {key: _format(weight, type_) for key, weight in weights.items()}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config.num_hidden_layers)

    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[gguf.MODEL_ARCH.QWEN3])
    _describe_shape(writer, config, type_, name)
    _describe_tokenizer(writer, tokenizer, vocabulary)
    for key, weight in weights.items():
        block, size = gguf.GGML_QUANT_SIZES[formats[key]]
        theirs = names.get_name(key, try_suffixes=(".weight",))
        assert theirs is not None, key
        writer.add_tensor_info(theirs, weight.shape, np.dtype(np.float32), weight.numel() // block * size, formats[key])
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for key, weight in weights.items():  # one at a time: they may be larger than memory
            writer.write_tensor_data(gguf.quants.quantize(_numbers(weight, folder, key), formats[key]))
    except OSError as error:
        # numpy tells that it wrote less than it should, not why; it is a full disk that cuts a write short.
        raise OSError(error.errno or errno.ENOSPC, str(error)) from error
    finally:
        writer.close()
    return config


def _describe_shape(writer: "GGUFWriter", config: GLMConfig, type_: Type, name: str) -> None:
    import gguf

    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{type_.upper()}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    # llama.cpp would draw at 0.8 where a person sets nothing; a small model answers best with its likeliest token.
    writer.add_sampling_temp(0.0)


def _describe_tokenizer(writer: "GGUFWriter", tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")  # llama.cpp's word for byte-level BPE
    writer.add_tokenizer_pre(SPLIT_NAME)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(vocabulary.merges)
    # Two marks end an answer and the format names one; the other, <|endoftext|>, llama.cpp knows by its spelling.
    writer.add_eos_token_id(tokenizer.chat_end)
    writer.add_eot_token_id(tokenizer.chat_end)
    writer.add_pad_token_id(tokenizer.end_of_text)
    writer.add_bos_token_id(tokenizer.end_of_text)  # unset, llama.cpp takes token 11
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)


def _load_weights(folder: Path, config: GLMConfig) -> dict[str, Tensor]:
    """The weights by name in the model's own order, from one file or several; they stay on disk until used."""
    found: dict[str, Tensor] = {}
    for part in sorted(folder.glob("model-*-of-*.safetensors")) or [folder / "model.safetensors"]:
        found |= load_tensors(part)
    with torch.device("meta"):
        wanted = {name: weight.shape for name, weight in MiniGLM(config).state_dict().items()}
    if config.tie_word_embeddings:  # llama.cpp ties where there is no output layer
        del wanted["lm_head.weight"]
        found.pop("lm_head.weight", None)
    if {name: weight.shape for name, weight in found.items()} != wanted:
        raise UserError(f"{folder}: the weights do not fit config.json beside them.")
    return {name: found[name] for name in wanted}


def _format(weight: Tensor, type_: Type) -> "GGMLQuantizationType":
    """Norms in float32; matrices as asked, or in f16 where rows are no whole blocks of 32, as llama.cpp itself does."""
    import gguf

    if weight.dim() == 1:
        return gguf.GGMLQuantizationType.F32
    if type_ == "q8_0" and weight.shape[-1] % gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType.Q8_0][0] == 0:
        return gguf.GGMLQuantizationType.Q8_0
    return gguf.GGMLQuantizationType.F16


def _numbers(weight: Tensor, folder: Path, name: str) -> np.ndarray:
    values = weight.float().numpy()
    if not np.abs(values).max() <= LARGEST_F16:  # also true of NaN
        raise UserError(f"{folder}: {name} has numbers beyond {LARGEST_F16:.0f} or none at all; train the model again.")
    return values
