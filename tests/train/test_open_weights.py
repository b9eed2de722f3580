"""Trainings that start from a Qwen3 folder of transformers: whole or by adapters, gone on with after a kill."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from shuoshu.cli import main
from shuoshu.errors import UserError
from shuoshu.model import MiniGLM
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.adapters import adapt, merge
from shuoshu.weights import find_model

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def qwen(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub gives: Qwen3 with grouped heads, more rows than tokens, bf16 weights in several files."""
    folder = tmp_path_factory.mktemp("hub") / "Qwen3-tiny"
    config = transformers.Qwen3Config(
        vocab_size=tokenizer.vocab_size + 40, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, intermediate_size=128, max_position_embeddings=4096,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Qwen3ForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="200KB")
    tokenizer.save(folder)
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


def _logits(folder: Path) -> torch.Tensor:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return model(torch.arange(20, 60)[None]).logits


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy, ignore=shutil.ignore_patterns("pretrain", "finetune", "tokenizer"))
    return copy


@pytest.mark.parametrize("options", [[], ["--train.lora", "4"]], ids=["whole", "adapters"])
def test_both_trainings_go_on_from_open_weights(options: list[str], qwen: Path, run: Path):
    start = ["--model.init-from", str(qwen), "--model.context", "128"]
    main(["tokenizer", str(run), *start])
    assert (run / "tokenizer" / "tokenizer.json").read_bytes() == (qwen / "tokenizer.json").read_bytes()
    main(["pretrain", str(run), *start, *options, "--pretrain.steps", "4", "--train.lr", "1e-3"])
    base = run / "pretrain" / "model"
    config = json.loads((base / "config.json").read_text())
    assert (config["vocab_size"], config["head_dim"], config["rope_theta"]) == (json.loads(
        (qwen / "config.json").read_text())["vocab_size"], 32, 1e6)  # fmt: skip
    assert not torch.equal(_logits(base), _logits(qwen))
    assert set(MiniGLM.load(base).state_dict()) == set(MiniGLM.load(qwen).state_dict()), "a plain folder again"

    main(["finetune", str(run), *options, "--finetune.steps", "3", "--train.lr", "1e-3"])
    assert not torch.equal(_logits(run / "finetune" / "model"), _logits(base))


def test_no_step_leaves_open_weights_as_they_are(qwen: Path, tmp_path: Path):
    """Shards, bf16 and names are read right: our logits are those of transformers."""
    ids = torch.arange(20, 60)[None]
    with torch.no_grad():
        torch.testing.assert_close(MiniGLM.load(qwen)(ids), _logits(qwen), rtol=1e-4, atol=1e-4)


def test_adapters_learn_alone_and_merge_to_what_they_computed(qwen: Path):
    model = MiniGLM.load(qwen)
    ids = torch.arange(20, 60)[None]
    adapted = adapt(model, 4)
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.1)
        expected = model(ids)
        merged = merge(adapted)
        torch.testing.assert_close(merged(ids), expected, rtol=1e-4, atol=1e-4)
    assert set(merged.state_dict()) == set(MiniGLM.load(qwen).state_dict())


def test_what_is_neither_folder_nor_hub_name_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="nobody/nothing is no folder here, and the Hugging Face hub did not give it"):
        find_model("nobody/nothing")
