"""`shuoshu serve`: the page and its server.

One FastAPI application holds everything; the Gradio page is mounted at its root, behind the routes named here.
"""

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shuoshu.answer.ask import Storyteller
from shuoshu.errors import UserError
from shuoshu.files import reason
from shuoshu.terminal import say

if TYPE_CHECKING:
    from fastapi import FastAPI

DRAIN_SECONDS = 2
"""How long an open page may hold up the end: its connection never closes by itself."""


def build_app(storytellers: Sequence[Storyteller]) -> "FastAPI":
    """The application for these models: `/healthz`, and the page at `/`.

    Raises UserError where a run can neither search its books nor remember them, or its question files are broken.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr
    from fastapi import FastAPI

    from shuoshu.serve.desk import Desk
    from shuoshu.serve.looks import page_looks
    from shuoshu.serve.page import build_page, names

    desks = [Desk(storyteller) for storyteller in storytellers]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desks[0].warm()
        yield
        for desk in desks:
            desk.close()

    # FastAPI's own documentation page loads its scripts from another host.
    app = FastAPI(title="Shuoshu", lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        """That the server is there, and which models it holds."""
        return {"status": "ok", "models": names(desks)}

    return gr.mount_gradio_app(
        app,
        build_page(desks),
        path="/",
        ssr_mode=False,
        show_error=False,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        max_file_size="1kb",  # nothing is uploaded, but the route for it is always there
        **page_looks(),
    )


def serve_runs(runs: Sequence[Path], host: str, port: int) -> None:
    """Open the chat page for these run or model folders, and stay until Ctrl-C.

    Raises UserError where a folder is no run, or the address cannot be listened on, before anything is loaded.
    """
    if not runs:
        raise UserError("Give at least one run to serve: shuoshu serve runs/NAME.")
    storytellers = [Storyteller(path) for path in runs]
    need_packages()
    with listen(host, port) as listener:
        say("Loading the page …")
        import uvicorn

        app = build_app(storytellers)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=DRAIN_SECONDS)
        say(f"说书 Shuoshu: {address(listener)}  (Ctrl-C closes it)")
        with suppress(KeyboardInterrupt):  # the server closes its connections, then passes the signal on
            uvicorn.Server(config).run(sockets=[listener])
        say("Closed.")


def check_page(host: str, port: int) -> None:
    """Raises UserError where the page's packages are not installed or the address cannot be listened on."""
    need_packages()
    listen(host, port).close()


def need_packages() -> None:
    """Raises UserError where the page's packages are not installed."""
    if find_spec("gradio") is None:
        raise UserError("The page needs more packages; install them with: pip install 'shuoshu[serve]'.")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on this address. Raises UserError that says why there can be none."""
    if not 0 <= port <= 65535:
        raise UserError(f"--port is {port}; give one from 1024 to 65535, or 0 for any that is free.")
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UserError(f"--host {host!r} is no address of a machine; 127.0.0.1 is this one.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # else the port stays taken for a minute after the last server
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except PermissionError as error:
        listener.close()
        raise UserError(f"Port {port} belongs to the system; give another with --port, from 1024 up.") from error
    except OSError as error:
        listener.close()
        raise UserError(f"{host}, port {port}: {reason(error)}; give another with --port or --host.") from error
    return listener


def address(listener: socket.socket) -> str:
    """Where a browser on this machine finds the page."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
