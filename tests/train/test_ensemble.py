"""Members and chains: who learns from whom, killed in the third and gone on with, spread over two processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shuoshu.errors import UserError
from shuoshu.train.ensemble import Lesson, lessons

OPTIONS = ["--train.evaluate-times", "2", "--train.save-minutes", "0", "--train.dropout", "0.1", "--train.ema", "0.9"]
WEIGHTS = Path("model") / "model.safetensors"


def _command(run: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "shuoshu", "pretrain", str(run), *OPTIONS, *options, "--json"]


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy, ignore=shutil.ignore_patterns("pretrain"))
    return copy


def test_who_learns_from_whom():
    assert lessons(1, 1) == [Lesson(0)]
    assert lessons(2, 1) == [Lesson(0), Lesson(1), Lesson(2, (0, 1))]
    assert lessons(1, 3) == [Lesson(0), Lesson(1, (0,)), Lesson(2, (1,))]
    for wrong in ((2, 2), (0, 1), (1, -1)):
        with pytest.raises(UserError, match="only one of them more than 1"):
            lessons(*wrong)


def test_a_kill_in_the_third_member_changes_nothing(run: Path, tmp_path: Path):
    killed = tmp_path / "killed"
    shutil.copytree(run, killed)
    options = ["--pretrain.members", "3", "--pretrain.steps", "48"]
    done = subprocess.run(_command(run, *options), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["models"] == 4

    process = subprocess.Popen(_command(killed, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = killed / "pretrain" / "members" / "3" / "metrics.jsonl"
    while process.poll() is None and not (metrics.is_file() and metrics.stat().st_size > 500):
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(_command(killed, *options), check=True, capture_output=True)
    for part in (*(Path("members") / str(number) for number in (1, 2, 3)), Path()):
        whole, resumed = (each / "pretrain" / part / WEIGHTS for each in (run, killed))
        assert whole.read_bytes() == resumed.read_bytes(), part
    first, second = (run / "pretrain" / "members" / number / WEIGHTS for number in "12")
    assert first.read_bytes() != second.read_bytes()


def test_members_are_spread_over_processes(run: Path, tmp_path: Path):
    alone = tmp_path / "alone"
    shutil.copytree(run, alone)
    options = ["--pretrain.members", "2", "--pretrain.steps", "12"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(_command(alone, *options), check=True, capture_output=True, env=environment)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    done = subprocess.run([*torchrun, *_command(run, *options)[1:]], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    for member in "12":  # each was trained by one process alone, so to the bit
        mine, theirs = (each / "pretrain" / "members" / member / WEIGHTS for each in (run, alone))
        assert mine.read_bytes() == theirs.read_bytes()


def test_the_last_of_a_chain_learned_from_another(run: Path, tmp_path: Path):
    single = tmp_path / "single"
    shutil.copytree(run, single)
    subprocess.run(_command(run, "--pretrain.chain", "2", "--pretrain.steps", "12"), check=True, capture_output=True)
    taught = (run / "pretrain" / WEIGHTS).read_bytes()
    # The same seed and steps without a teacher.
    command = _command(single, "--pretrain.steps", "6", "--train.seed", "1")
    subprocess.run(command, check=True, capture_output=True)
    assert (single / "pretrain" / WEIGHTS).read_bytes() != taught
