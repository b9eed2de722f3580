"""Tensors in safetensors files, with the errors of the operating system and of bad files told apart."""

import re
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shuoshu.errors import UserError
from shuoshu.files import read_json


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


def load_folder(folder: Path) -> dict[str, Tensor]:
    """The tensors of a model folder, in one file or in several with an index. Raises UserError as `load_tensors`."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return load_tensors(folder / "model.safetensors")
    names = sorted(set(read_json(index).get("weight_map", {}).values()))
    return {name: tensor for part in names for name, tensor in load_tensors(folder / Path(part).name).items()}


def find_model(name: str) -> Path:
    """The folder of a model: that folder itself, or what the Hugging Face hub has under `OWNER/NAME`, downloaded once.

    Nothing but numbers, tokenizer and settings is taken. Raises UserError where there is neither.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors"]))
    except Exception as error:  # the library has a dozen kinds, from a bad name to a network that is down
        raise UserError(
            f"model.init_from: {name} is no folder here, and the Hugging Face hub did not give it "
            f"({type(error).__name__}); download the model folder and name it."
        ) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors. Raises UserError for a file that is missing, cut or none of this kind."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error}).") from error
