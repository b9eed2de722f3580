"""The tokenizer as llama.cpp takes it: a list of tokens, their kinds, the merges, and the name of the split.

llama.cpp has no way to carry a rule for splitting text: a GGUF file only names one of those built into it. Ours is
letter by letter the one it calls `qwen2`, so a tokenizer is let through exactly when it splits as ours does.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shuoshu.errors import UserError
from shuoshu.tokenizer import SPLIT, Tokenizer

SPLIT_NAME = "qwen2"
"""What `tokenizer.ggml.pre` is set to."""

# Kinds of tokens, as `enum llama_token_type` numbers them.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id (bytes written in GPT-2's letters), the kind of each, and the merges in order."""

    tokens: list[str]
    kinds: list[int]
    merges: list[str]


def read_vocabulary(tokenizer: Tokenizer, size: int, folder: Path) -> Vocabulary:
    """The vocabulary of `tokenizer`, filled up to the `size` of the model's table.

    `folder` is named in errors. Raises UserError for a tokenizer that llama.cpp would read with other ids, or one
    larger than the table.
    """
    description = json.loads(tokenizer.fast.to_str())
    model = description["model"]
    if not _splits_as_ours(description.get("pre_tokenizer")) or not _is_plain_bpe(model):
        raise UserError(
            f"{folder}: llama.cpp has no name for this tokenizer's way of splitting; "
            "export takes byte-level BPE with the split of Qwen2, as `shuoshu tokenizer` makes it."
        )
    if tokenizer.vocab_size > size:
        raise UserError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens but the model only {size}; "
            "they are not of the same training."
        )
    tokens = [f"[unused{i}]" for i in range(size)]  # open models round their tables up
    kinds = [UNUSED] * size
    for token, i in model["vocab"].items():
        tokens[i], kinds[i] = token, NORMAL
    for added in description["added_tokens"]:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    return Vocabulary(tokens, kinds, [" ".join(pair) for pair in model["merges"]])


def _splits_as_ours(rule: dict[str, Any] | None) -> bool:
    """Whether a pre-tokenizer cuts by `SPLIT` and then writes bytes, and nothing else."""
    if rule is None or rule["type"] != "Sequence" or len(rule["pretokenizers"]) != 2:
        return False
    cut, spell = rule["pretokenizers"]
    return (
        cut["type"] == "Split"
        and cut["pattern"] == {"Regex": SPLIT}
        and (cut["behavior"], cut["invert"]) == ("Isolated", False)
        and spell["type"] == "ByteLevel"
        and (spell["add_prefix_space"], spell.get("use_regex", True)) == (False, False)
    )


def _is_plain_bpe(model: dict[str, Any]) -> bool:
    odd = ("byte_fallback", "ignore_merges", "continuing_subword_prefix", "end_of_word_suffix")
    return model["type"] == "BPE" and not any(model.get(name) for name in odd)
