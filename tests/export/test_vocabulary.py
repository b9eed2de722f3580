"""Only tokenizers that llama.cpp reads with the same ids are let through."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as FastTokenizer

from shuoshu.errors import UserError
from shuoshu.export.vocabulary import read_vocabulary
from shuoshu.tokenizer import Tokenizer


def changed(tokenizer: Tokenizer, change: Callable[[dict[str, Any]], None]) -> Tokenizer:
    """A copy of a tokenizer with its description changed."""
    description = json.loads(tokenizer.fast.to_str())
    change(description)
    return Tokenizer(FastTokenizer.from_str(json.dumps(description)))


def test_ids_and_merges_keep_their_order(tokenizer: Tokenizer):
    vocabulary = read_vocabulary(tokenizer, tokenizer.vocab_size, Path("x"))
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    assert ids == tokenizer.fast.get_vocab(with_added_tokens=True)
    for merge in vocabulary.merges:
        left, right = merge.split(" ")
        assert {left, right, left + right} <= set(ids)


def words_of_three_digits(description: dict[str, Any]) -> None:
    cut = description["pre_tokenizer"]["pretokenizers"][0]
    cut["pattern"] = {"Regex": cut["pattern"]["Regex"].replace(r"\p{N}|", r"\p{N}{1,3}|")}


def prefix_space(description: dict[str, Any]) -> None:
    description["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = True


def no_rule(description: dict[str, Any]) -> None:
    description["pre_tokenizer"] = description["pre_tokenizer"]["pretokenizers"][1]


def whole_words(description: dict[str, Any]) -> None:
    description["model"]["ignore_merges"] = True


@pytest.mark.parametrize("change", [words_of_three_digits, prefix_space, no_rule, whole_words])
def test_other_splits_are_told(change: Callable[[dict[str, Any]], None], tokenizer: Tokenizer):
    with pytest.raises(UserError, match=r"lamp/model: llama\.cpp has no name for this tokenizer's way of splitting"):
        read_vocabulary(changed(tokenizer, change), tokenizer.vocab_size, Path("lamp/model"))


def test_a_tokenizer_of_another_model_is_told(tokenizer: Tokenizer):
    with pytest.raises(UserError, match=f"has {tokenizer.vocab_size} tokens but the model only 4000"):
        read_vocabulary(tokenizer, 4000, Path("x"))
