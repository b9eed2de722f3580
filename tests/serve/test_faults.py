"""What goes wrong, and must harm nobody else: one test a promise, against a real server with real sockets."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from page_runs import ENDLESS, make_run, reciting_model
from served import KEY, Running, events, question, running
from torch import Tensor

from shuoshu.answer.ask import Answer, Storyteller
from shuoshu.errors import UserError
from shuoshu.generate.engine import Engine
from shuoshu.generate.network import Network, Runner, Segment
from shuoshu.model import MiniGLM
from shuoshu.serve.app import serve_runs
from shuoshu.serve.guard import door as guard
from shuoshu.serve.guard.keys import COOKIE, Keys
from shuoshu.serve.options import ServeOptions
from shuoshu.serve.server import Connection
from shuoshu.tokenizer import Tokenizer

pytestmark = pytest.mark.xdist_group("faults")
CHAT = "/v1/chat/completions"


@dataclass
class SlowRunner:
    """Texts on a machine that takes its time, so that a test finds an answer still on its way."""

    runner: Runner

    def forward(self, segments: Sequence[Segment]) -> Tensor:
        """As the runner's, not before so many milliseconds."""
        time.sleep(0.004)
        return self.runner.forward(segments)

    def copy(self, source: int, target: int, length: int) -> None:
        """As the runner's."""
        self.runner.copy(source, target, length)


@dataclass
class SlowNetwork:
    """A network with such runners."""

    network: Network

    def __post_init__(self) -> None:
        self.device, self.length = self.network.device, self.network.length

    def runner(self, rows: int, length: int) -> Runner:
        """As the network's."""
        return SlowRunner(self.network.runner(rows, length))


class Slow(Storyteller):
    """A run with such a network."""

    @cached_property
    def engine(self) -> Engine:
        """The model, slowed down."""
        folder = self.run.model()
        engine = Engine(MiniGLM.load(folder), Tokenizer.load(folder))
        engine.network = SlowNetwork(engine.network)
        return engine


@pytest.fixture(scope="module")
def endless_model(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a model that never ends by itself."""
    folder = tmp_path_factory.mktemp("faults") / "slow"
    make_run(folder, tokenizer, reciting_model(tokenizer, ENDLESS, context=2048))
    return folder


@pytest.fixture(scope="module")
def slow(endless_model: Path) -> Storyteller:
    """It takes eight seconds at least to write all it can."""
    return Slow(endless_model)


@pytest.fixture(scope="module")
def server(slow: Storyteller) -> Iterator[Running]:
    """One slot and one place in line, so that the third request at once is one too many."""
    options: Any = {"slots": 1, "queue": 1, "max_new_tokens": 1900, "max_prompt_tokens": 100}
    with running([slow], **options) as server:
        yield server


class Endless:
    """A stream that is open, and has begun."""

    def __init__(self, server: Running, **fields: Any) -> None:
        self._client = server.client()
        body = question(**{"model": "slow", "stream": True, "max_tokens": 1900, **fields})
        self._reply = self._client.stream("POST", CHAT, json=body)

    def __enter__(self) -> Iterator[str]:
        reply = self._reply.__enter__()
        assert reply.status_code == 200
        lines = (line for line in reply.iter_lines() if line)
        next(lines)
        self._lines = lines  # else they would be closed, and the stream with them, if nobody keeps them
        return lines

    def __exit__(self, *_: object) -> None:
        self._client.close()


def refused(reply: httpx.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


def raw(server: Running, head: str = "", body: bytes = b"", **headers: str) -> socket.socket:
    """A connection on which a request was sent, byte for byte."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(20)
    lines = [head, *(f"{name}: {value}" for name, value in headers.items())]
    if head:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connection


def posted(server: Running, **fields: Any) -> socket.socket:
    """A connection on which a question was asked, and nothing read yet."""
    body = json.dumps(question(**{"model": "slow", "max_tokens": 1900, **fields})).encode()
    headers = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    return raw(server, f"POST {CHAT} HTTP/1.1", body, **headers)


def is_cut(connection: socket.socket) -> bool:
    """Whether the server ends the connection, instead of saying something."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def wait_for(so: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


# Who may come in


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_others_can_reach_needs_a_key(endless: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHUOSHU_API_KEY", raising=False)
    with pytest.raises(UserError, match="a key is needed: set SHUOSHU_API_KEY"):
        serve_runs([endless], host, 0)


@pytest.mark.parametrize("key", ["short", "with a space in it!", "键" * 20, ""])
def test_a_key_that_is_none_is_told(endless: Path, key: str) -> None:
    with pytest.raises(UserError, match="16 characters or more"):
        serve_runs([endless], "127.0.0.1", 0, ServeOptions(api_key=[key]))


def test_the_door_is_not_opened_to_every_web_page_without_a_key(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHUOSHU_API_KEY", raising=False)
    with pytest.raises(UserError, match="--cors"):
        serve_runs([endless], "127.0.0.1", 0, ServeOptions(cors=["*"]))


@pytest.fixture(scope="module")
def locked(slow: Storyteller) -> Iterator[Running]:
    """A server with two keys."""
    with running([slow], keys=["another-key-for-the-tests", KEY], max_new_tokens=4) as server:
        yield server


@pytest.mark.parametrize(
    "given", ["", KEY, f"Basic {KEY}", "Bearer", f"Bearer {KEY[:-1]}", f"Bearer {KEY}x", "Bearer 键"]
)
def test_without_the_key_nothing_is_answered(locked: Running, given: str) -> None:
    headers: Any = {"Authorization": given.encode()} if given else {}
    for path in ("/v1/models", "/metrics", "/openapi.json", "/gradio_api/x"):
        reply = locked.client().get(path, headers=headers)
        refused(reply, 401, "invalid_api_key")
        assert reply.headers["www-authenticate"] == "Bearer"
    refused(locked.client().post(CHAT, json=question(model="slow"), headers=headers), 401, "invalid_api_key")


@pytest.mark.parametrize("key", [KEY, "another-key-for-the-tests"])
def test_with_the_key_all_is_answered(locked: Running, key: str) -> None:
    client = locked.client(headers={"Authorization": f"Bearer {key}"})
    assert client.post(CHAT, json=question(model="slow")).status_code == 200
    assert client.get("/metrics").status_code == 200


def test_health_needs_no_key(locked: Running) -> None:
    assert locked.client().get("/healthz").json() == {"status": "ok"}
    assert locked.client().get("/readyz").status_code == 200


def test_a_browser_shows_its_key_once(locked: Running) -> None:
    browser = locked.client(headers={"Accept": "text/html"})
    sent = browser.get("/")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    form = browser.get("/login")
    assert 'type="password"' in form.text
    assert browser.post("/login", data={"key": "a-wrong-key-for-the-test"}).status_code == 403
    assert not browser.cookies
    let_in = browser.post("/login", data={"key": KEY})
    assert (let_in.status_code, let_in.headers["location"]) == (303, "/")
    cookie = let_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert KEY not in cookie
    assert browser.get("/v1/models").status_code == 200


def test_a_link_with_the_key_is_exchanged_for_a_cookie(locked: Running) -> None:
    browser = locked.client()
    reply = browser.get("//evil.example/", params={"key": KEY})
    assert (reply.status_code, reply.headers["location"]) == (303, "/"), "and leads nowhere else"
    assert browser.get("/v1/models").status_code == 200
    assert locked.client().get("/", params={"key": "wrong"}).status_code == 403


@pytest.mark.parametrize("forged", ["", "x", "99999999999.", "99999999999.00", "²².x", "0.x", '"', "键"])
def test_a_forged_cookie_opens_nothing(locked: Running, forged: str) -> None:
    headers: Any = {"Cookie": f"{COOKIE}={forged}".encode()}
    assert locked.client().get("/v1/models", headers=headers).status_code == 401


def test_a_cookie_ends_with_its_time_and_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = Keys([KEY]).cookie(KEY, secure=True).partition(";")[0]
    assert Keys(["another", KEY]).admits({"cookie": f"a=b; {cookie}"})
    assert not Keys(["another"]).admits({"cookie": cookie})
    later = time.time() + 31 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert not Keys([KEY]).admits({"cookie": cookie})


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[", "a@evil.example"]
)
def test_a_name_that_is_not_ours_is_refused(server: Running, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name has come to mean 127.0.0.1, is to learn nothing."""
    for method, path in (("GET", "/v1/models"), ("GET", "/healthz"), ("POST", CHAT)):
        refused(server.client().request(method, path, headers={"Host": host}), 403, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860"])
def test_our_own_names_are_known(server: Running, host: str) -> None:
    assert server.client().get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_others_may_send_nothing(server: Running, headers: dict[str, str]) -> None:
    refused(
        server.client().post(CHAT, json=question(model="slow", max_tokens=1), headers=headers), 403, "foreign_origin"
    )
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    reply = server.client().options(CHAT, headers=preflight)
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_our_own_page_and_those_that_are_named_may(server: Running, slow: Storyteller) -> None:
    body = question(model="slow", max_tokens=1)
    assert server.client().post(CHAT, json=body, headers={"Origin": server.url}).status_code == 200
    with running([slow], cors=["https://friend.example"], name=["books.example"]) as friendly:
        client = friendly.client(headers={"Origin": "https://friend.example", "Host": "books.example"})
        reply = client.post(CHAT, json=body)
        assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, "https://friend.example")
        assert friendly.client().post(CHAT, json=body, headers={"Origin": "https://evil.example"}).status_code == 403


# How much


def test_a_body_may_have_a_mebibyte(server: Running) -> None:
    refused(server.client().post(CHAT, content=b" " * (guard.BODY + 1)), 413, "request_too_large")
    reply = server.client().post(CHAT, content=b" " * guard.BODY)
    assert reply.status_code == 415, "so many bytes are read"


def test_a_body_without_a_length_is_counted_too(server: Running) -> None:
    refused(server.client().post(CHAT, content=(b" " * 65536 for _ in range(100))), 413, "request_too_large")


def test_a_body_that_does_not_come_is_not_waited_for(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    head = f"POST {CHAT} HTTP/1.1"
    with raw(
        server, head, b"{", Host="127.0.0.1", **{"Content-Type": "application/json", "Content-Length": "100"}
    ) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    assert server.idle(1)


def test_a_head_that_does_not_come_is_not_waited_for(slow: Storyteller) -> None:
    class Hasty(Connection):
        ASK_SECONDS = 0.3

    with running([slow], connection=Hasty) as server:
        for beginning in (b"", b"GET /healthz HTTP/1.1\r\nHost: 127"):
            with raw(server) as connection:
                connection.sendall(beginning)
                assert is_cut(connection)
        with raw(server, "GET /healthz HTTP/1.1", Host="127.0.0.1") as connection:
            said = b""
            while not said.endswith(b"}"):  # head and body may come one after the other
                said += connection.recv(1000)
            assert b" 200 " in said
            connection.sendall(b"GET /heal")
            assert is_cut(connection)


def test_prompts_answers_and_choices_have_their_limits(server: Running) -> None:
    client = server.client()
    refused(client.post(CHAT, json=question("灯" * 200, model="slow")), 400, "context_length_exceeded")
    refused(client.post(CHAT, json=question("灯" * 200_000, model="slow")), 400, "context_length_exceeded")
    refused(client.post(CHAT, json=question(model="slow", max_tokens=1901)), 400, "invalid_value")
    refused(client.post(CHAT, json=question(model="slow", max_completion_tokens=1901)), 400, "invalid_value")
    refused(client.post(CHAT, json=question(model="slow", n=100)), 400, "invalid_value")
    text = {"model": "slow", "prompt": ["灯"] * 100}
    refused(client.post("/v1/completions", json=text), 400, "invalid_value")
    refused(client.post("/v1/completions", json={**text, "prompt": [10**6]}), 400, "invalid_value")


def test_beyond_the_line_are_sent_away_and_told_when_to_come_back(server: Running) -> None:
    with Endless(server) as lines, posted(server):
        wait_for(lambda: server.gate.inside == 2)
        reply = server.client().post(CHAT, json=question(model="slow"))
        refused(reply, 429, "queue_full")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert next(lines), "who is inside goes on"
    assert server.idle()
    assert server.client().post(CHAT, json=question(model="slow", max_tokens=1)).status_code == 200


def test_more_texts_than_places_are_refused_whole(server: Running) -> None:
    refused(server.client().post(CHAT, json=question(model="slow", n=3, max_tokens=1900)), 429, "queue_full")
    assert server.idle(), "none of the three is being written"


def test_one_client_does_not_take_all(slow: Storyteller) -> None:
    with running([slow], per_client=1, max_new_tokens=1900, proxy=["127.0.0.1"]) as server, Endless(server):
        refused(server.client().post(CHAT, json=question(model="slow")), 429, "too_many_requests")
        other = server.client(headers={"X-Forwarded-For": "192.0.2.7"})
        assert other.post(CHAT, json=question(model="slow", max_tokens=1)).status_code == 200


def test_nobody_is_taken_at_his_word_on_who_he_is(slow: Storyteller) -> None:
    with running([slow], per_client=1, max_new_tokens=1900) as server, Endless(server):
        other = server.client(headers={"X-Forwarded-For": "192.0.2.7"})
        refused(other.post(CHAT, json=question(model="slow")), 429, "too_many_requests")


def test_a_request_has_its_time(slow: Storyteller) -> None:
    with running([slow], seconds=0.3, max_new_tokens=1900) as server:
        reply = server.client().post(CHAT, json=question(model="slow", max_tokens=1900))
        refused(reply, 504, "time_limit")
        assert reply.headers["x-should-retry"] == "false"
        assert server.idle(1)
        said = server.client().post(CHAT, json=question(model="slow", max_tokens=1900, stream=True)).text
        assert json.loads(said.strip().splitlines()[-1].removeprefix("data: "))["error"]["code"] == "time_limit"
        assert "[DONE]" not in said
        assert server.idle(1)


# Who leaves, and who does not listen


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_vanishes_frees_its_slot(server: Running, stream: bool) -> None:
    connection = posted(server, stream=stream)
    wait_for(lambda: server.narrators[0].busy == 1)
    connection.close()
    assert server.idle(2)


def test_a_client_that_vanishes_in_line_frees_its_place(server: Running) -> None:
    with Endless(server):
        connection = posted(server)
        wait_for(lambda: server.narrators[0].busy == 2)
        connection.close()
        wait_for(lambda: server.narrators[0].busy == 1)
    assert server.idle()


def test_a_client_that_does_not_read_holds_nobody_up(slow: Storyteller) -> None:
    class Hasty(Connection):
        LISTEN_SECONDS = 1.0

    options: dict[str, Any] = {"slots": 4, "max_new_tokens": 1900, "connection": Hasty, "send_buffer": 4096}
    with running([slow], **options) as server:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", server.port))
        body = question(model="slow", max_tokens=1900, stream=True, logprobs=True, top_logprobs=20, n=2)
        coded = json.dumps(body).encode()
        deaf.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n".encode())
        deaf.sendall(f"Content-Length: {len(coded)}\r\n\r\n".encode() + coded)
        wait_for(lambda: server.gate.inside == 1)
        reply = server.client().post(CHAT, json=question(model="slow", max_tokens=20))
        assert reply.status_code == 200, "others are answered meanwhile"
        assert server.idle(20), "and the connection is cut after a while, with all that it held"
        deaf.close()


# What breaks


class Fragile(Storyteller):
    """A run that breaks on one question."""

    def ask(self, questions: Sequence[str], *rest: Any, **options: Any) -> list[Answer]:
        """Answer, or break."""
        if "碎" in questions[0]:
            raise RuntimeError(f"broken by {questions[0]}")
        return super().ask(questions, *rest, **options)


def test_a_request_that_breaks_harms_no_other(
    recites: Path, slow: Storyteller, caplog: pytest.LogCaptureFixture
) -> None:
    with running([Fragile(recites), slow], max_new_tokens=1900) as server, Endless(server) as lines:
        reply = server.client().post(CHAT, json=question("碎？", model="灯录"))
        refused(reply, 500, "internal_error")
        assert "RuntimeError" not in reply.text
        wait_for(lambda: "RuntimeError" in caplog.text)  # the log has it
        assert next(lines)
        assert server.client().post(CHAT, json=question(model="灯录")).status_code == 200


def test_a_log_holds_no_words_unless_asked(slow: Storyteller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running([slow], max_new_tokens=5) as server:
        said = server.client().post(CHAT, json=question("秘密的问题？", model="slow")).json()
        server.client().post(CHAT, json=question("秘密" * 5000, model="slow"))
        server.client().post(CHAT, json={"model": "slow", "messages": "秘密"})
    assert "POST /v1/chat/completions 200 slow:closed" in caplog.text
    assert "秘密" not in caplog.text
    assert said["choices"][0]["message"]["content"].strip() not in caplog.text
    with running([slow], max_new_tokens=5, log_prompts=True) as server:
        server.client().post(CHAT, json=question("秘密的\n问题？", model="slow"))
    assert r'"question": "秘密的\n问题？"' in caplog.text, "on one line, whatever people write"


def test_headers_keep_browsers_from_harm(server: Running) -> None:
    for reply in (server.client().get("/v1/models"), server.client().post(CHAT, json={}), server.client().get("/x")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert "uvicorn" not in str(reply.headers).lower()


# How it ends


Process = tuple[subprocess.Popen[bytes], Running, Path]


@pytest.fixture
def process(endless_model: Path, tmp_path: Path) -> Iterator[Callable[[float], Process]]:
    """`shuoshu serve` as a process of its own."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(drain: float) -> Process:
        code = (
            "from pathlib import Path; from shuoshu.serve.app import serve_runs; "
            "from shuoshu.serve.options import ServeOptions; "
            f"options = ServeOptions(page=False, drain_seconds={drain}, max_new_tokens=1900); "
            f"serve_runs([Path({str(endless_model)!r})], '127.0.0.1', 0, options)"
        )
        log = tmp_path / "log.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with log.open("w") as stderr:
            child = subprocess.Popen([sys.executable, "-c", code], stderr=stderr, env=environment)
        begun.append(child)
        wait_for(lambda: "API: http" in log.read_text(encoding="utf-8"), 180)
        found = re.search(r"http://127.0.0.1:(\d+)", log.read_text(encoding="utf-8"))
        assert found
        server = Running(found[0], int(found[1]), [], None, None)  # type: ignore[arg-type]
        wait_for(lambda: server.client().get("/readyz").status_code == 200)
        return child, server, log

    yield begin
    for child in begun:
        child.kill()
        child.wait()


def test_at_the_end_running_answers_are_finished_and_new_ones_refused(process: Any) -> None:
    child, server, log = process(120)
    client, health = server.client(), server.client()
    body = question(model="slow", stream=True, max_tokens=1900, n=3)
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.append(client.post(CHAT, json=body).text))
    listener.start()
    wait_for(lambda: server.figure("shuoshu_running") > 0)
    child.send_signal(signal.SIGTERM)
    wait_for(lambda: health.get("/readyz").status_code == 503)
    assert health.get("/healthz").status_code == 200
    late = health.post(CHAT, json=question(model="slow"))
    refused(late, 503, "closing")
    assert late.headers["retry-after"]
    listener.join(150)
    assert events(said[0])[-1]["choices"][0]["finish_reason"] == "length"
    assert child.wait(30) == 0
    assert "Closed." in log.read_text(encoding="utf-8")
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_at_the_end_answers_that_take_too_long_are_cut_and_told_so(process: Any) -> None:
    child, server, log = process(0.2)
    with Endless(server, n=8) as lines:
        child.send_signal(signal.SIGINT)
        *_, last = lines
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "closing"
    assert child.wait(30) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")
