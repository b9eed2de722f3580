"""What many tests share: the bundled book, its tokenizer, and one tiny run walked from end to end."""

import os
from importlib.resources import files
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from tiny import tiny_recipe

from shuoshu.folder import RunFolder
from shuoshu.run import walk
from shuoshu.tokenizer import Tokenizer, train_tokenizer


@pytest.fixture(scope="session")
def novella() -> str:
    """The bundled book."""
    return (files("shuoshu.demo") / "澹江七灯录.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def tokenizer(novella: str) -> Tokenizer:
    """A tokenizer fitted to the bundled book."""
    return train_tokenizer(novella.splitlines(keepends=True), 4096)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with every stage done."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    walk(RunFolder(folder), tiny_recipe())
    return folder
