"""Checkpoints: whole or absent, the last good one found, a full disk told and nothing lost."""

import os
import subprocess
from pathlib import Path

import pytest
import torch

from shuoshu.errors import UserError
from shuoshu.train.checkpoint import find_checkpoint, read_checkpoint, save_checkpoint


def _save(folder: Path, step: int, size: int = 10) -> None:
    save_checkpoint(folder, step, {"model/w": torch.full((size,), float(step))}, {"loss": step / 2})


def test_the_newest_comes_back_and_two_are_kept(tmp_path: Path):
    assert find_checkpoint(tmp_path) is None
    for step in (1, 2, 3):
        _save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]
    found = find_checkpoint(tmp_path)
    assert found is not None
    state, checkpoint = found
    assert (state["step"], state["loss"]) == (3, 1.5)
    weight = torch.zeros(10)
    read_checkpoint(checkpoint, {"model/w": weight})
    assert torch.equal(weight, torch.full((10,), 3.0))


@pytest.mark.parametrize("damage", ["cut", "flip", "no state", "no weights"])
def test_a_damaged_newest_one_is_passed_over(damage: str, tmp_path: Path):
    _save(tmp_path, 1)
    _save(tmp_path, 2)
    newest = tmp_path / "step-00000002"
    weights = newest / "tensors.safetensors"
    data = bytearray(weights.read_bytes())
    if damage == "cut":
        weights.write_bytes(data[:-3])
    elif damage == "flip":
        data[-1] ^= 1
        weights.write_bytes(data)
    else:
        (newest / "state.json" if damage == "no state" else weights).unlink()
    found = find_checkpoint(tmp_path)
    assert found is not None
    assert found[0]["step"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        _save(disk / "state", 1)
        with pytest.raises(UserError, match="the disk is full"):
            _save(disk / "state", 2, size=200_000)
        assert [path.name for path in (disk / "state").iterdir()] == ["step-00000001"]
        found = find_checkpoint(disk / "state")
        assert found is not None
        assert found[0]["step"] == 1
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
