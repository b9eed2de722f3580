"""The model folder as vLLM and transformers read it. Logits and greedy text are compared in test_model.py."""

import json
from pathlib import Path
from typing import Any

from tiny import random_model

from shuoshu.model import GLMConfig
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.stage import save_model


def test_the_folder_says_all_that_other_engines_ask(tokenizer: Tokenizer, tmp_path: Path):
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig, Qwen3Config

    model = random_model(tokenizer, num_key_value_heads=1, head_dim=32, rope_theta=50_000)
    save_model(model, tokenizer, tmp_path)
    theirs: Any = AutoConfig.from_pretrained(tmp_path)
    assert type(theirs) is Qwen3Config
    assert theirs.architectures == ["Qwen3ForCausalLM"]  # the name vLLM finds its own code by
    for name in GLMConfig.__dataclass_fields__:
        if name != "rope_theta":
            assert getattr(theirs, name) == getattr(model.config, name), name
    assert theirs.rope_parameters == {"rope_type": "default", "rope_theta": 50_000}
    assert json.loads((tmp_path / "config.json").read_text())["rope_theta"] == 50_000  # where older engines look
    assert (theirs.hidden_act, theirs.attention_bias, theirs.sliding_window) == ("silu", False, None)

    assert GenerationConfig.from_pretrained(tmp_path).eos_token_id == tokenizer.stop_ids
    their_tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert their_tokenizer.chat_template == tokenizer.chat_template
    assert their_tokenizer("灯")["input_ids"] == tokenizer.encode("灯")  # nothing put before or after
    assert max(their_tokenizer.get_vocab().values()) < theirs.vocab_size
