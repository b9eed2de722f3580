"""Columns of files in, columns of chapters out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shuoshu.books.batch import NAMES, read_files

ROOT = Path(__file__).resolve().parents[2]


def test_files_to_chapters(tmp_path: Path) -> None:
    (tmp_path / "雨.txt").write_text("第一章 甲\n他来了。\n第二章 乙\n他走了。\n", encoding="utf-8")
    (tmp_path / "空.txt").write_bytes(b"")
    files = [str(tmp_path / "雨.txt"), str(tmp_path / "空.txt")]
    columns = read_files({"path": files, "format": ["text", "text"], "member": ["", ""]})
    assert tuple(columns) == NAMES
    assert columns["number"] == [1, 2, -1]
    assert columns["text"] == ["第一章 甲\n他来了。\n", "第二章 乙\n他走了。\n", ""]
    assert "empty" in columns["reason"][2]


def test_datasets_maps_it_on_two_workers(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "books"
    folder.mkdir()
    for name in "甲乙丙":
        (folder / f"{name}.txt").write_text(f"第一章 {name}\n他来了。\n第二章 乙\n他走了。\n", encoding="utf-8")
    (folder / "空.txt").write_bytes(b"")
    command = [sys.executable, str(ROOT / "benchmarks/books_datasets.py"), str(folder), str(tmp_path / "out.parquet")]
    environment = os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_DATASETS_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--workers", "2"], env=environment, capture_output=True, text=True, check=True)
    assert "4 files, 6 chapters, 1 files left aside" in done.stdout
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert sorted(row["book"] for row in rows) == sorted(["", *"甲甲乙乙丙丙"])
