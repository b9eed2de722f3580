"""A server of the API for tests: uvicorn on a socket of its own, in a thread, with the limits a test asks for."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shuoshu.answer.ask import Storyteller
from shuoshu.serve.app import build_app, listen, make_gate, names_of
from shuoshu.serve.gate import Gate
from shuoshu.serve.guard.keys import Keys
from shuoshu.serve.narrator import Narrator, narrators
from shuoshu.serve.options import ServeOptions
from shuoshu.serve.server import Connection, Server

KEY = "a-key-for-the-tests-only"


@dataclass
class Running:
    """A server that runs."""

    url: str
    port: int
    narrators: list[Narrator]
    gate: Gate
    server: Server

    def client(self, **options: object) -> httpx.Client:
        """A client of this server; it asks no proxy."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=60, **options)  # type: ignore[arg-type]

    def figure(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = self.client().get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def idle(self, seconds: float = 5.0) -> bool:
        """Whether, within so many seconds, nothing is being answered any more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.gate.inside and not any(narrator.busy for narrator in self.narrators):
                return True
            time.sleep(0.01)
        return False


@contextmanager
def running(
    runs: Sequence[Path | Storyteller],
    *,
    keys: Sequence[str] = (),
    connection: type[Connection] = Connection,
    send_buffer: int = 0,
    **options: object,
) -> Iterator[Running]:
    """Serve these runs, without the page unless `page=True`."""
    chosen = ServeOptions(**{"page": False, **options})  # type: ignore[arg-type]
    storytellers = [run if isinstance(run, Storyteller) else Storyteller(run) for run in runs]
    served = narrators(storytellers, chosen.slots, chosen.queue)
    for narrator in served:
        narrator.load()
    gate = make_gate(served, chosen)
    with listen("127.0.0.1", 0) as listener:
        if send_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        port = listener.getsockname()[1]
        app = build_app(served, gate, chosen, Keys(keys), names_of(listener, chosen))
        server = Server(app, gate, served, chosen.drain_seconds, connection)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Running(f"http://127.0.0.1:{port}", port, served, gate, server)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
            for narrator in served:
                narrator.close()


def question(text: str = "虞照川的师父是谁？", **fields: object) -> dict[str, Any]:
    """The body of a chat request."""
    return {"messages": [{"role": "user", "content": text}], **fields}


def events(text: str) -> list[dict[str, Any]]:
    """The objects of a stream; that it ends as streams do is checked."""
    said = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert said[-1] == "[DONE]"
    return [json.loads(each) for each in said[:-1]]
