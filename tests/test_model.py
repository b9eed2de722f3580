"""The network against transformers' Qwen3, the reference for its shape."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import random_model

from shuoshu.errors import UserError
from shuoshu.generate.engine import Engine
from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.stage import save_model

SHAPES = [
    {},
    {"num_key_value_heads": 4, "head_dim": 16},
    {"num_key_value_heads": 1, "head_dim": 32, "tie_word_embeddings": False},
]


@pytest.mark.parametrize("shape", SHAPES, ids=["grouped heads", "full heads", "one kv head, untied"])
def test_transformers_reads_the_folder_and_agrees(shape: dict, tokenizer: Tokenizer, novella: str, tmp_path: Path):
    from transformers import AutoModelForCausalLM

    model = random_model(tokenizer, **shape)
    save_model(model, tokenizer, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(theirs).__name__ == "Qwen3ForCausalLM"
    ids = torch.tensor([tokenizer.encode(novella[1000:1200])])
    with torch.no_grad():
        difference = (model(ids) - theirs(ids).logits).abs().max().item()
    assert difference < 1e-4
    assert sum(weight.numel() for weight in theirs.parameters()) == model.config.parameters()


def test_greedy_text_is_that_of_transformers(tokenizer: Tokenizer, tmp_path: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = random_model(tokenizer)
    save_model(model, tokenizer, tmp_path)
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    their_tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    questions = ["谁？", "《澹江七灯录》里，虞照川的师父是谁？", "沉灯之夜死了多少人，为什么会死？请说说前因后果。"]
    prompts = [tokenizer.chat([{"role": "user", "content": question}]) for question in questions]
    results = Engine(model, tokenizer).generate(prompts, Sampling(max_new_tokens=40))
    for question, prompt, result in zip(questions, prompts, results, strict=True):
        conversation = [{"role": "user", "content": question}]
        inputs = their_tokenizer.apply_chat_template(conversation, add_generation_prompt=True, return_tensors="pt")
        assert inputs["input_ids"][0].tolist() == prompt
        out = theirs.generate(**inputs, max_new_tokens=40, do_sample=False)[0, len(prompt) :]
        assert their_tokenizer.decode(out, skip_special_tokens=True) == tokenizer.decode(result.ids)


def test_texts_that_begin_alike_may_share_a_row(tokenizer: Tokenizer):
    model = random_model(tokenizer)
    start, first, second = [5, 6, 7, 8], [9, 10, 11], [12, 13]
    row = torch.tensor([start + first + second])
    places = torch.tensor([0, 1, 2, 3, 4, 5, 6, 4, 5])
    seen = torch.ones(9, 9, dtype=torch.bool).tril()
    seen[7:, 4:7] = False
    with torch.no_grad():
        shared = model.model(row, places, seen)[0]
        apart = [model.model(torch.tensor([start + rest]))[0] for rest in (first, second)]
    torch.testing.assert_close(shared[:7], apart[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(shared[7:], apart[1][4:], atol=1e-5, rtol=1e-4)


def test_weights_survive_saving(tokenizer: Tokenizer, tmp_path: Path):
    model = random_model(tokenizer)
    save_model(model, tokenizer, tmp_path)
    again = MiniGLM.load(tmp_path)
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_foreign_and_broken_folders_are_told(tokenizer: Tokenizer, tmp_path: Path):
    with pytest.raises(UserError, match=r"no config\.json"):
        MiniGLM.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match="model_type is 'llama'"):
        MiniGLM.load(tmp_path)
    save_model(random_model(tokenizer), tokenizer, tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="not a readable safetensors file"):
        MiniGLM.load(tmp_path)
    save_model(random_model(tokenizer, hidden_size=128), tokenizer, tmp_path / "other")
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match="do not fit"):
        MiniGLM.load(tmp_path)


def test_heads_that_cannot_be_shared_are_told():
    with pytest.raises(UserError, match=r"model\.kv_heads"):
        GLMConfig(vocab_size=100, num_attention_heads=4, num_key_value_heads=3)
