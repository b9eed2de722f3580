"""`shuoshu serve`: the page and the API in one server.

request → Guard (name, origin, key, number, size) → the API's routes, and for all other paths the Gradio page
"""

import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shuoshu.answer.ask import Storyteller
from shuoshu.errors import UserError
from shuoshu.files import reason
from shuoshu.serve.guard.keys import VARIABLE, Keys, chosen_keys, new_key
from shuoshu.serve.options import ServeOptions
from shuoshu.terminal import say

if TYPE_CHECKING:
    from fastapi import FastAPI

    from shuoshu.serve.gate import Gate
    from shuoshu.serve.guard.headers import App
    from shuoshu.serve.narrator import Narrator


def serve_runs(runs: Sequence[Path], host: str, port: int, options: ServeOptions | None = None) -> None:
    """Serve these run or model folders, as a page and an API, until Ctrl-C or SIGTERM.

    Raises UserError where a folder is no run, the address cannot be listened on, or needs a key and has none, before
    anything is loaded.
    """
    options = options or ServeOptions()
    if not runs:
        raise UserError("Give at least one run to serve: shuoshu serve runs/NAME.")
    storytellers = [Storyteller(path, options.precision) for path in runs]
    keys = chosen_keys(options.api_key)
    need_packages(options.page)
    check_options(options, keys)
    with listen(host, port) as listener:
        check_address(listener, host, keys)
        from shuoshu.serve.narrator import narrators
        from shuoshu.serve.server import Server

        say("Loading …")
        logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
        logging.getLogger("shuoshu.serve").setLevel(logging.INFO)
        served = narrators(storytellers, options.slots, options.queue)
        for each in served:
            each.load()
        gate = make_gate(served, options)
        app = build_app(served, gate, options, keys, names_of(listener, options))
        say(f"说书 Shuoshu: {address(listener)}  (Ctrl-C closes it)")
        say(f"API: {address(listener)}/v1  models: {', '.join(each.name for each in served)}")
        try:
            Server(app, gate, served, options.drain_seconds).run(sockets=[listener])
        finally:
            for each in served:
                each.close()
        say("Closed.")


def build_app(
    narrators: Sequence["Narrator"],
    gate: "Gate",
    options: ServeOptions,
    keys: Keys,
    names: frozenset[str] | None = None,
) -> "App":
    """Everything that answers requests (ASGI). `names` are the host names it may be called by; None for any."""
    from shuoshu.serve.api.routes import build_api
    from shuoshu.serve.guard.door import Guard
    from shuoshu.serve.ledger import Ledger

    ledger = Ledger(narrators, gate, options.log_prompts)
    api = build_api(narrators, gate, ledger, options, bool(keys))
    page = build_page_app(narrators, gate, options) if options.page else None
    if page is not None:
        api.router.lifespan_context = lambda _: page.router.lifespan_context(page)  # type: ignore[assignment]
        api.router.default = _page_or(page, api.router.default)
    app: App = Guard(api, gate, ledger, keys, names, options.cors)  # type: ignore[arg-type]
    if options.cors:
        from starlette.middleware.cors import CORSMiddleware

        app = CORSMiddleware(app, options.cors, allow_methods=["GET", "POST"], allow_headers=["*"])  # type: ignore[arg-type]
    if options.proxy:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        app = ProxyHeadersMiddleware(app, options.proxy)  # type: ignore[arg-type]
    return app


def _page_or(page: "App", unknown: "App") -> "App":
    """What answers for all that is no route of the API."""

    async def otherwise(scope: Any, receive: Any, send: Any) -> None:
        await (unknown if scope["path"].startswith("/v1/") else page)(scope, receive, send)

    return otherwise


def build_page_app(narrators: Sequence["Narrator"], gate: "Gate", options: ServeOptions) -> "FastAPI":
    """The page as an application of its own. Raises UserError where the file of --questions is broken."""
    from shuoshu.serve.page.document import build_page

    return build_page(narrators, gate, options.votes, options.questions)


def make_gate(narrators: Sequence["Narrator"], options: ServeOptions) -> "Gate":
    """As many inside as the models together have slots and places in line."""
    from shuoshu.serve.gate import Gate

    return Gate(len(narrators) * (options.slots + options.queue), options.per_client)


def check_page(host: str, port: int) -> None:
    """Raises UserError where the page's packages are not installed or the address cannot be listened on."""
    need_packages()
    listen(host, port).close()


def need_packages(page: bool = True) -> None:
    """Raises UserError where the packages of the server are not installed."""
    for name in ("fastapi", "uvicorn", "prometheus_client", *(["gradio"] if page else [])):
        if find_spec(name) is None:
            raise UserError("The server needs more packages; install them with: pip install 'shuoshu[serve]'.")


def check_options(options: ServeOptions, keys: Keys) -> None:
    """Raises UserError for numbers that are none, and for a door open to every web page."""
    for name in ("slots", "per_client", "max_prompt_tokens", "max_new_tokens", "seconds"):
        if not getattr(options, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} is {getattr(options, name)}; give more than 0.")
    for name in ("queue", "drain_seconds"):
        if not getattr(options, name) >= 0:
            raise UserError(f"--{name.replace('_', '-')} is {getattr(options, name)}; give 0 or more.")
    if options.votes is not None and options.votes.is_dir():
        raise UserError(f"--votes {options.votes} is a folder; name a file in it, {options.votes / 'votes.jsonl'}.")
    if options.questions is not None and not options.questions.is_file():
        raise UserError(f"--questions {options.questions} is no file; give a question file.")
    if not options.page and (options.votes or options.questions):
        raise UserError("--votes and --questions are for the page; leave --no-page out.")
    if "*" in options.cors and not keys:
        raise UserError(f"--cors '*' lets every web page use the models; set a key in {VARIABLE} first.")


def check_address(listener: socket.socket, host: str, keys: Keys) -> None:
    """Raises UserError where others than this machine can reach the server, and there is no key."""
    if not _is_local(listener) and not keys:
        raise UserError(
            f"--host {host} can be reached from other machines, so a key is needed: set {VARIABLE} or give --api-key, "
            f"for instance {new_key()}."
        )


def names_of(listener: socket.socket, options: ServeOptions) -> frozenset[str] | None:
    """The host names requests may be addressed to, so that no other site's name can be turned on this machine.

    Where others may reach the server it is the key that keeps strangers out, and any name will do unless --name says.
    """
    from shuoshu.serve.guard.door import LOCAL

    if not options.name and not _is_local(listener):
        return None
    return frozenset({*LOCAL, str(listener.getsockname()[0]), *(name.lower().rstrip(".") for name in options.name)})


def _is_local(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


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
