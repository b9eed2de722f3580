"""The job files for clusters, run as they stand: stand-ins for the schedulers, processes for their machines."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
STEPS = ["--pretrain.steps", "6", "--train.evaluate-times", "1", "--train.no-compile"]
SRUN = """#!/bin/bash
# One process a node, as `#SBATCH --ntasks-per-node=1` says.
for ((node = 0; node < SLURM_NNODES; node++)); do SLURM_NODEID=$node "$@" & done
failed=0
for job in $(jobs -p); do wait "$job" || failed=1; done
exit $failed
"""
SCONTROL = """#!/bin/bash
[ "$1 $2 $3" = "show hostnames nodes[1-2]" ] && printf 'localhost\\nlocalhost\\n'
"""


def _environment(folder: Path, **more: str) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "OMP_NUM_THREADS": "1", "PATH": path, "PORT": str(port), **more}


def _trained(run: Path, command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "on 2 × cpu" in done.stderr
    assert done.stderr.count("pretrain took") == 1  # one team, not two that each trained alone
    assert (run / "pretrain" / "model" / "model.safetensors").is_file()


def test_slurm(run: Path, tmp_path: Path):
    for name, words in (("srun", SRUN), ("scontrol", SCONTROL)):
        (tmp_path / name).write_text(words)
        (tmp_path / name).chmod(0o755)
    node = {"SLURM_JOB_NODELIST": "nodes[1-2]", "SLURM_NNODES": "2", "SLURM_JOB_ID": "7", "SLURM_GPUS_ON_NODE": "1"}
    _trained(run, [str(DEPLOY / "slurm.sh"), str(run), *STEPS], _environment(tmp_path, **node))


def test_slurm_without_a_run_says_so(tmp_path: Path):
    done = subprocess.run([str(DEPLOY / "slurm.sh")], capture_output=True, text=True, env=_environment(tmp_path))
    assert done.returncode != 0
    assert "sbatch deploy/slurm.sh runs/NAME" in done.stderr


def test_skypilot(run: Path, tmp_path: Path):
    job = yaml.safe_load((DEPLOY / "skypilot.yaml").read_text(encoding="utf-8"))
    given = {name: str(value) for name, value in job["envs"].items()}
    given |= {"RUN": str(run), "OPTIONS": " ".join(STEPS), "SKYPILOT_NODE_IPS": "127.0.0.1"}
    node = {"SKYPILOT_NUM_NODES": "1", "SKYPILOT_NUM_GPUS_PER_NODE": "2", "SKYPILOT_TASK_ID": "sky-1"}
    _trained(run, ["bash", "-c", job["run"]], _environment(tmp_path, **given, **node))
