"""The verb: what it writes for each target, and what it refuses in one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader
from safetensors.torch import load_file
from tiny import random_model

from shuoshu.errors import UserError
from shuoshu.export.stage import export_run
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.stage import save_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a base model and a fine-tuned one."""
    folder = tmp_path_factory.mktemp("runs") / "灯 Lamp.2"
    (folder / "books").mkdir(parents=True)
    for seed, stage in enumerate(("pretrain", "finetune")):
        save_model(random_model(tokenizer, seed), tokenizer, folder / stage / "model")
    return folder


def test_a_run_is_exported_with_the_model_that_answers(run: Path, tmp_path: Path):
    figures = export_run(run, "gguf", tmp_path / "a" / "out", "f16")
    assert [path.name for path in (tmp_path / "a" / "out").iterdir()] == ["model.gguf"]
    assert figures["bytes"] == (tmp_path / "a" / "out" / "model.gguf").stat().st_size
    exported = GGUFReader(tmp_path / "a" / "out" / "model.gguf")
    assert exported.fields["general.name"].contents() == "灯 Lamp.2"
    answering = load_file(run / "finetune" / "model" / "model.safetensors")["model.embed_tokens.weight"]
    embedding = next(tensor for tensor in exported.tensors if tensor.name == "token_embd.weight")
    assert np.array_equal(np.asarray(embedding.data), answering.half().numpy())


def test_ollama_gets_its_files_in_an_empty_folder(run: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    export_run(run, "ollama", out, "q8_0")
    assert sorted(path.name for path in out.iterdir()) == ["Modelfile", "README.md", "model.gguf"]
    assert "ollama create lamp.2 -f Modelfile" in (out / "README.md").read_text(encoding="utf-8")


def test_a_folder_in_use_is_left_alone(run: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UserError, match="not an empty folder"):
            export_run(run, "gguf", out, "f16")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_cannot_be_exported_is_told_and_leaves_nothing(tokenizer: Tokenizer, tmp_path: Path):
    (tmp_path / "young" / "books").mkdir(parents=True)
    with pytest.raises(UserError, match="holds no model yet"):
        export_run(tmp_path / "young", "gguf", tmp_path / "out", "f16")
    foreign = tmp_path / "llama"
    save_model(random_model(tokenizer), tokenizer, foreign)
    config = json.loads((foreign / "config.json").read_text())
    (foreign / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    with pytest.raises(UserError, match="model_type is 'llama'"):
        export_run(foreign, "gguf", tmp_path / "out", "f16")
    (foreign / "config.json").write_text(json.dumps(config))
    (foreign / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"no tokenizer\.json"):
        export_run(foreign, "gguf", tmp_path / "out", "f16")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["llama", "young"]


def test_the_package_is_named_where_it_is_missing(run: Path, tmp_path: Path):
    code = f"""
import sys
sys.modules["gguf"] = None  # as where the extra is not installed
from pathlib import Path
from shuoshu.export.stage import export_run
export_run(Path({str(run)!r}), "gguf", Path({str(tmp_path / "out")!r}), "f16")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "UserError: Export needs the package gguf" in done.stderr
    assert list(tmp_path.iterdir()) == []
