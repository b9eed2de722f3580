"""The soak of benchmarks/serve.py in 30 seconds: its counts must hold anywhere, its times are for the benchmark."""

import json
import os
import subprocess
import sys
from pathlib import Path

from page_runs import make_run
from tiny import random_model

from shuoshu.tokenizer import Tokenizer

SOAK = Path(__file__).resolve().parents[2] / "benchmarks" / "serve.py"


def test_many_clients_for_half_a_minute_then_a_crowd(tokenizer: Tokenizer, tmp_path: Path) -> None:
    make_run(tmp_path / "run", tokenizer, random_model(tokenizer, max_position_embeddings=512))
    options = [
        "--seconds",
        "30",
        "--clients",
        "64",
        "--pause",
        "4",
        "--crowd",
        "300",
        "--tokens",
        "32",
        "--threads",
        "1",
    ]
    command = [sys.executable, str(SOAK), str(tmp_path / "run"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["answers"] >= 128
    assert figures["errors"] == 0, figures["error_kinds"]
    assert figures["mixed_up"] == 0
    assert figures["memory_growth"] < 0.05
    outcomes = figures["crowd"]["outcomes"]
    assert set(outcomes) <= {"200", "429"}
    assert outcomes["200"] >= 144, "as many as there are slots and places in line"
    assert figures["crowd"]["recovered"]
