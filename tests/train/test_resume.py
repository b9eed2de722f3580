"""kill -9 at random moments of a training, then the same command again: the weights of an unbroken run, bit for bit."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from shuoshu.folder import RunFolder

SLOW = ["--train.save-minutes", "0", "--train.evaluate-times", "6", "--train.seed", "4"]
OPTIONS = {
    "pretrain": ["--pretrain.steps", "60", "--pretrain.dropout", "0.1", *SLOW],
    "finetune": ["--finetune.steps", "60", "--finetune.dropout", "0.1", *SLOW],
}


def _command(stage: str, run: Path) -> list[str]:
    return [sys.executable, "-m", "shuoshu", stage, str(run), *OPTIONS[stage], "--json"]


def _steps_done(folder: Path) -> int:
    metrics = folder / "metrics.jsonl"
    lines = metrics.read_text().splitlines() if metrics.is_file() else []
    return max((json.loads(line)["step"] for line in lines if line.endswith("}")), default=0)


def _kill(folder: Path, command: list[str], steps: int, delay: float) -> None:
    """Start a training, let it write so many steps more than there were, wait a moment, and kill it."""
    aim = _steps_done(folder) + steps
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and _steps_done(folder) < aim:
        time.sleep(0.005)
    time.sleep(delay)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_killed_training_reaches_the_same_weights(stage: str, tiny_run: Path, tmp_path: Path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    shutil.copytree(tiny_run, whole)
    shutil.copytree(tiny_run, killed)
    shutil.rmtree(killed / stage)
    unbroken = subprocess.run(_command(stage, whole), capture_output=True, text=True)
    assert unbroken.returncode == 0, unbroken.stderr

    moments = random.Random(stage)
    for _ in range(3):
        _kill(killed / stage, _command(stage, killed), moments.randint(3, 14), moments.random() * 0.05)
    resumed = subprocess.run(_command(stage, killed), capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr

    weights = "model/model.safetensors"
    assert (whole / stage / weights).read_bytes() == (killed / stage / weights).read_bytes()
    curves = [
        [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in path.read_text().splitlines()]
        for path in (whole / stage / "metrics.jsonl", killed / stage / "metrics.jsonl")
    ]
    assert curves[0] == curves[1]
    figures = [json.loads(out.stdout.splitlines()[-1]) for out in (unbroken, resumed)]
    assert figures[0]["steps"] == figures[1]["steps"] == 60
    assert figures[0]["bits_per_char"] == figures[1]["bits_per_char"]


def test_a_changed_option_begins_anew(tiny_run: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    before = (run / "pretrain" / "model" / "model.safetensors").read_bytes()
    command = [sys.executable, "-m", "shuoshu", "pretrain", str(run), "--pretrain.steps", "5", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["steps"] == 5
    assert (run / "pretrain" / "model" / "model.safetensors").read_bytes() != before
    assert yaml.safe_load(RunFolder(run).recipe.read_text())["pretrain"]["steps"] == 5
