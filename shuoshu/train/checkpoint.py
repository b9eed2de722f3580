"""Checkpoints that survive anything: whole or absent, checksummed, the last good one found.

A checkpoint is a folder `step-00001234/` of safetensors (weights, moments, random state) and `state.json` with the
numbers and the checksum of every file. It is written aside and renamed; the two newest are kept, so that a damaged one
still leaves another.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shuoshu.files import folder_aside, hash_file, read_json, write_json
from shuoshu.terminal import say
from shuoshu.weights import load_tensors, save_tensors

KEEP = 2


def save_checkpoint(folder: Path, step: int, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
    """Write checkpoint `step` under `folder`, whole or not at all; older ones but the last are removed.

    `tensors` maps a file's stem to its tensors. Raises UserError when the disk is full; what was saved before stays.
    """
    with folder_aside(folder / f"step-{step:08d}") as aside:
        sums = {}
        for stem, group in tensors.items():
            path = aside / f"{stem}.safetensors"
            save_tensors(path, group)
            sums[path.name] = hash_file(path)
        write_json(aside / "state.json", {**state, "step": step, "sha256": sums})
    for old in _checkpoints(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]] | None:
    """The newest whole checkpoint under `folder` as (state, tensors), or None where there is none."""
    for checkpoint in reversed(_checkpoints(folder)):
        try:
            state = read_json(checkpoint / "state.json")
            tensors = {}
            for name, checksum in state["sha256"].items():
                if hash_file(checkpoint / name) != checksum:
                    raise ValueError(f"{name} does not match its checksum")
                tensors[Path(name).stem] = load_tensors(checkpoint / name)
            return state, tensors
        except Exception as error:  # whatever is wrong with this one, an older one may be whole
            say(f"{checkpoint} is damaged ({error}); trying the one before it.")
    return None


def random_state(device: torch.device) -> dict[str, Tensor]:
    """State of torch's random generators, which dropout draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Take over what `random_state` gave."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def _checkpoints(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if re.fullmatch(r"step-\d{8}", path.name))
