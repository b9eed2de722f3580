"""The verb `shuoshu export`. Nothing heavy is imported until it runs."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from shuoshu.flags import Json
from shuoshu.terminal import finish

Type = Annotated[Literal["f16", "q8_0"], Parameter(name="--type")]


def export(run: Path, /, *, to: Literal["gguf", "ollama"], out: Path, type_: Type = "f16", json: Json = False) -> None:
    """Write the model of a run for llama.cpp (and all that is built on it) or for Ollama.

    Parameters
    ----------
    run:
        A run folder, or any Hugging Face folder of the shape qwen3.
    to:
        gguf writes model.gguf; ollama writes a Modelfile and a README beside it.
    out:
        The folder to write; new or empty.
    type_:
        f16 keeps the weights; q8_0 is half as large and faster.
    json:
        End with one JSON line.
    """
    from shuoshu.export.stage import export_run

    finish(export_run(run, to, out, type_), json)
