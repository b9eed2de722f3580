"""Tensors in safetensors files, with the errors of the operating system and of bad files told apart."""

import re
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shuoshu.errors import UserError


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors to `path`. Raises OSError as other writing does (the library hides it in an error of its own)."""
    try:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, {"format": "pt"}
        )
    except SafetensorError as error:
        found = re.search(r"\(os error (\d+)\)", str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), str(error)) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors. Raises UserError for a file that is missing, cut or none of this kind."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error}).") from error
