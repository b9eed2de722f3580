"""What `shuoshu export` does: find the model of a run and write it, whole or not at all, into a new folder."""

import re
import time
from pathlib import Path
from typing import Any, Literal

from shuoshu.errors import UserError
from shuoshu.export.gguf import Type, write_gguf
from shuoshu.export.ollama import modelfile, readme
from shuoshu.files import folder_aside
from shuoshu.folder import RunFolder
from shuoshu.terminal import say


def export_run(run: Path, to: Literal["gguf", "ollama"], out: Path, type_: Type) -> dict[str, Any]:
    """Write `out/model.gguf` and, for Ollama, Modelfile and README.md beside it.

    Returns {"file", "type", "parameters", "bytes", "seconds"}. Raises UserError for a run without a model, a model of
    another shape, an `out` that holds something already, or a full disk.
    """
    began = time.monotonic()
    folder = RunFolder.open(run)
    model = folder.model()
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out} is there already and not an empty folder; name a new one.")
    with folder_aside(out) as aside:
        config = write_gguf(model, aside / "model.gguf", type_, folder.name)
        if to == "ollama":
            (aside / "Modelfile").write_text(modelfile(config), encoding="utf-8", newline="\n")
            (aside / "README.md").write_text(readme(_ollama_name(folder.name)), encoding="utf-8", newline="\n")
    file = out / "model.gguf"
    size = file.stat().st_size
    say(f"{file}: {config.parameters() / 1e6:.1f}M parameters in {type_}, {size / 1e6:.1f} MB.")
    if to == "ollama":
        say(f"Next, in {out}: ollama create {_ollama_name(folder.name)} -f Modelfile")
    return {
        "file": str(file),
        "type": type_,
        "parameters": config.parameters(),
        "bytes": size,
        "seconds": round(time.monotonic() - began, 2),
    }


def _ollama_name(name: str) -> str:
    """A name Ollama accepts: lower-case letters, digits and `-`, `_`, `.`, beginning with a letter or digit."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "shuoshu"
