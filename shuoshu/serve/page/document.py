"""The page: its document and files, which are our own, and Gradio, which carries its events.

A browser gets one HTML document, a style sheet or two and some scripts (`web/`), all from here. What it asks goes to
Gradio's queue, whose calls are mounted below `/gradio`; nothing else of Gradio can be reached.
"""

import hashlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shuoshu.serve.faults import ApiError
from shuoshu.serve.gate import Gate
from shuoshu.serve.narrator import Narrator
from shuoshu.serve.page.events import BUSY, Events, Said
from shuoshu.serve.page.languages import COOKIE, document, language

if TYPE_CHECKING:
    from fastapi import FastAPI

AT_ONCE, IN_LINE = 64, 64
"""Events of all visitors that are under way, and those that wait to be let in; more are told to come again."""
CALLS = "/gradio/gradio_api/call/"
"""Gradio's route for events. Its others, for uploads, files and proxies, stay shut."""
SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    # After every event Gradio sums up the last 10,000 for a dashboard that is not there.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**12),
}
Stream = Callable[[dict], AsyncGenerator[Said, None]]
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Web:
    """The files of the page, held in memory. `version` is a hash of them all: a new one is a new address."""

    version: str
    template: str
    labels: dict[str, tuple[str, str]]
    files: dict[str, bytes]
    """What browsers fetch, by name."""


@cache
def read_web() -> Web:
    """The folder `web` of the package."""
    found = {
        file.name: file.read_bytes() for file in files("shuoshu.serve.page").joinpath("web").iterdir() if file.is_file()
    }
    version = hashlib.sha256(b"".join(name.encode() + data for name, data in sorted(found.items()))).hexdigest()[:12]
    labels = {key: tuple(pair) for key, pair in json.loads(found.pop("labels.json")).items()}
    return Web(version, found.pop("index.html").decode(), labels, found)


def build_page(
    narrators: Sequence[Narrator], gate: Gate, votes: Path | None = None, review: Path | None = None
) -> "FastAPI":
    """The page for one or more models, as an application of its own, whose answers count at the gate.

    `votes` is the file of the arena's votes, beside the first run when not given; `review` a question file that the
    arena begins with. Raises UserError where a run's question files or `review` are broken.
    """
    from fastapi import FastAPI

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_web(app, read_web())
    add_events(app, Events(narrators, votes or beside(narrators), review), gate)
    return app


def beside(narrators: Sequence[Narrator]) -> Path:
    """Where votes go: `votes.jsonl` in the folder that holds the first run, so that all runs of it share one."""
    return narrators[0].storyteller.run.path.absolute().parent / "votes.jsonl"


def add_web(app: "FastAPI", web: Web) -> None:
    """The document at `/`, and the files it names."""
    from fastapi import Request, Response
    from fastapi.responses import HTMLResponse

    base = f"page/{web.version}"
    modules = sorted(name for name in web.files if name.endswith(".js") and name not in ("boot.js", "main.js"))

    @app.get("/")
    async def page(request: Request) -> Response:
        """The page in the visitor's language."""
        chosen = language(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
        html = document(web.template, web.labels, chosen, base, modules)
        return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"})

    @app.get("/page/{version}/{name}")
    async def part(version: str, name: str) -> Response:
        """A style sheet, a script or the seal."""
        data = web.files.get(name)
        if data is None:
            return Response(status_code=404)
        caching = FOR_EVER if version == web.version else "no-store"  # an old page may be open still
        return Response(data, media_type=TYPES[Path(name).suffix], headers={"Cache-Control": caching})

    @app.get("/favicon.ico")
    async def seal() -> Response:
        """For browsers that ask for it whatever the page says."""
        return Response(web.files["seal.svg"], media_type=TYPES[".svg"], headers={"Cache-Control": FOR_EVER})


def add_events(app: "FastAPI", events: Events, gate: Gate) -> None:
    """Gradio's queue at `/gradio`, with the events as its endpoints."""
    os.environ.update(SETTINGS)
    import gradio as gr
    from gradio.events import api

    def counted(event: Stream) -> Callable[..., AsyncIterator[dict]]:
        async def admitted(request: dict, sender: gr.Request) -> AsyncIterator[dict]:
            try:
                with gate.admit(sender.client.host if sender.client else "-"):
                    async with aclosing(event(request)) as said:
                        async for each in said:
                            yield each
            except ApiError:  # too many, or the server is closing
                yield BUSY

        return admitted

    with gr.Blocks(mode="server", analytics_enabled=False) as blocks:
        for stream in (events.ask, events.duel, events.answer_some):
            api(counted(stream), api_name=stream.__name__, concurrency_limit=AT_ONCE)
        for event in (events.about, events.vote, events.standings, events.chapter, events.read_file):
            api(event, api_name=event.__name__, concurrency_limit=None)
    blocks.queue(max_size=IN_LINE, default_concurrency_limit=AT_ONCE)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/gradio",
        ssr_mode=False,
        show_error=False,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        max_file_size=1,
    )
    mounted: Any = app.routes[-1]
    mounted.app = _only_calls(mounted.app)


def _only_calls(gradio: Any) -> Any:
    """Gradio without what the page does not use."""
    from fastapi import Response

    async def calls(scope: Any, receive: Any, send: Any) -> None:
        known = scope["type"] == "http" and scope["path"].startswith(CALLS)
        await (gradio if known else Response(status_code=404))(scope, receive, send)

    return calls
