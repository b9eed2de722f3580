"""What several tests of training begin with."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    """A run whose books are read and whose tokenizer is made, to be pretrained."""
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy)
    shutil.rmtree(copy / "pretrain")
    return copy
