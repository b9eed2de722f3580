"""Curves read back as they were noted, and several runs in one picture."""

import json
import shutil
from pathlib import Path

import pytest

from shuoshu.cli import main
from shuoshu.errors import UserError
from shuoshu.train.plot import compare_runs, read_curves

RECORDS = [
    {"step": 10, "bits_per_char": 8.0, "tokens": 100, "seconds": 6.0},
    {"step": 10, "valid_bits_per_char": 8.5, "seconds": 6.6},
    {"step": 20, "bits_per_char": 7.0, "tokens": 200, "seconds": 12.0},
    {"step": 20, "valid_bits_per_char": 7.5, "seconds": 12.0},
]


def test_curves_run_over_what_is_asked(tmp_path: Path):
    metrics = tmp_path / "metrics.jsonl"
    # The last line is cut, as a kill leaves it.
    metrics.write_text("".join(json.dumps(record) + "\n" for record in RECORDS) + '{"step": 30, "bits')
    assert read_curves(metrics) == ([(10, 8.0), (20, 7.0)], [(10, 8.5), (20, 7.5)])
    assert read_curves(metrics, "tokens") == ([(100, 8.0), (200, 7.0)], [(100, 8.5), (200, 7.5)])
    assert read_curves(metrics, "minutes") == ([(0.1, 8.0), (0.2, 7.0)], [(0.11, 8.5), (0.2, 7.5)])


def test_runs_are_compared_in_one_picture(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other, out = tmp_path / "other", tmp_path / "curves.png"
    shutil.copytree(tiny_run, other)
    main(["compare", str(tiny_run), str(other), "--out", str(out), "--json"])
    best = json.loads(capsys.readouterr().out.splitlines()[-1])["best"]
    held = read_curves(tiny_run / "pretrain" / "metrics.jsonl")[1]
    assert best == {"tiny": min(bits for _, bits in held), "other": min(bits for _, bits in held)}
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_run_without_a_curve_is_told(tiny_run: Path, tmp_path: Path):
    with pytest.raises(UserError, match="train it first"):
        compare_runs([tiny_run, tmp_path], tmp_path / "out.png", "minutes", "pretrain")
    assert not (tmp_path / "out.png").exists()
