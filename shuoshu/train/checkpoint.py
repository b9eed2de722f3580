"""Checkpoints that survive anything: whole or absent, checksummed, the last good one found.

A checkpoint is a folder `step-00001234/` of safetensors (weights, moments, averages) and `state.json` with the numbers
and the checksum of every file. It is written aside and renamed; the two newest are kept, so that a damaged one still
leaves another. Weights that lie on several processes are written by all of them at once
(`torch.distributed.checkpoint`), and can be taken up by any other number of processes.
"""

import re
import shutil
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import Tensor

from shuoshu.files import folder_aside, hash_file, read_json, write_json
from shuoshu.terminal import say
from shuoshu.train.team import SOLO, Team
from shuoshu.weights import save_tensors

KEEP = 2


def save_checkpoint(
    folder: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any], team: Team = SOLO, sharded: bool = False
) -> None:
    """Write checkpoint `step` under `folder`, whole or not at all; older ones but the last are removed.

    All of the team call this. Raises UserError when the disk is full; what was saved before stays.
    """
    with folder_aside(folder / f"step-{step:08d}") if team.first else nullcontext() as aside:
        if sharded:
            from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
            from torch.distributed.checkpoint.state_dict_saver import save

            aside = team.agree(aside)
            save(tensors, storage_writer=HuggingFaceStorageWriter(str(aside), save_distributed=True))
            team.wait()
        elif aside is not None:
            save_tensors(aside / "tensors.safetensors", tensors)
        if team.first and aside is not None:
            sums = {path.name: hash_file(path) for path in sorted(aside.iterdir())}
            write_json(aside / "state.json", {**state, "step": step, "sha256": sums})
    if team.first:
        for old in _checkpoints(folder)[:-KEEP]:
            shutil.rmtree(old, ignore_errors=True)


def find_checkpoint(folder: Path) -> tuple[dict[str, Any], Path] | None:
    """The newest whole checkpoint under `folder` as (state, its folder), or None where there is none."""
    for checkpoint in reversed(_checkpoints(folder)):
        try:
            state = read_json(checkpoint / "state.json")
            for name, checksum in state.pop("sha256").items():
                if hash_file(checkpoint / name) != checksum:
                    raise ValueError(f"{name} does not match its checksum")
            return state, checkpoint
        except Exception as error:  # whatever is wrong with this one, an older one may be whole
            say(f"{checkpoint} is damaged ({error}); trying the one before it.")
    return None


def read_checkpoint(checkpoint: Path, tensors: dict[str, Tensor]) -> None:
    """Fill `tensors` (parts of tensors, where they are spread over processes) from a checkpoint, in place."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    with warnings.catch_warnings():  # that each process reads for itself is meant
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        load(tensors, storage_reader=HuggingFaceStorageReader(str(checkpoint)), no_dist=True)


def _checkpoints(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if re.fullmatch(r"step-\d{8}", path.name))
