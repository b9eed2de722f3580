"""The verb `shuoshu serve`. Nothing heavy is imported until it runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from shuoshu.serve.options import ServeOptions


def serve(
    runs: list[Path], /, *, host: str = "127.0.0.1", port: int = 7860,
    options: Annotated[ServeOptions | None, Parameter(name="*")] = None,
) -> None:  # fmt: skip
    """Serve one or more models: a chat page, and an API that programs for OpenAI's can use.

    Parameters
    ----------
    runs:
        Run or model folders.
    host:
        Address to listen on. Any other than this machine's own needs a key.
    port:
        Port to listen on; 0 for any that is free.
    """
    from shuoshu.serve.app import serve_runs

    serve_runs(runs, host, port, options)
