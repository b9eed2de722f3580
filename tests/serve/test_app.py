import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from page_runs import Served

from shuoshu.errors import UserError
from shuoshu.serve.app import address, listen, serve_runs
from shuoshu.serve.options import ServeOptions


def test_page_and_api_are_one_server(served: Served) -> None:
    assert httpx.get(f"{served.url}/healthz").json() == {"status": "ok"}
    names = [model["id"] for model in httpx.get(f"{served.url}/v1/models").json()["data"]]
    assert names == ["灯录", "灯录:closed", "endless", "endless:closed", "model"]
    assert httpx.get(served.url).headers["content-type"].startswith("text/html")


def test_the_page_may_run_its_own_scripts_and_no_others(served: Served) -> None:
    policy = httpx.get(served.url, headers={"Accept-Encoding": "gzip, br"}).headers["content-security-policy"]
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed["script-src"] == allowed["connect-src"] == "'self'"
    assert "unsafe" not in policy


def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    html = httpx.get(served.url).text
    loaded = re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="(?:https?:)?//([^/"]+)', html)
    assert set(loaded) <= {served.url.removeprefix("http://")}
    assert "fonts.googleapis.com" not in html + httpx.get(f"{served.url}/theme.css").text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"votes": Path()}, "is a folder; name a file in it"),
        ({"questions": Path("none.jsonl")}, "none.jsonl is no file"),
        ({"page": False, "votes": Path("votes.jsonl")}, "for the page"),
        ({"slots": 0}, "--slots is 0"),
    ],
)
def test_options_that_cannot_be_are_told(endless: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        serve_runs([endless], "127.0.0.1", 0, ServeOptions(**options))


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_pages_that_load_scripts_from_elsewhere_are_not_there(served: Served, path: str) -> None:
    assert "swagger" not in httpx.get(served.url + path).text.lower()
    assert "cdn." not in httpx.get(served.url + path).text.lower()


@pytest.mark.parametrize("base", ["", "/gradio"])
def test_nothing_can_be_left_on_the_server(served: Served, base: str) -> None:
    reply = httpx.post(f"{served.url}{base}/gradio_api/upload", files={"files": ("big.txt", b"x" * 100_000)})
    assert reply.status_code in (404, 405)


@pytest.mark.parametrize("path", ["/gradio/gradio_api/file=/etc/passwd", "/gradio_api/file=pyproject.toml"])
def test_files_of_the_machine_stay_there(served: Served, path: str) -> None:
    assert httpx.get(served.url + path).status_code in (403, 404)


def test_a_port_in_use_is_told(recites: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port}: Address already in use"):
            serve_runs([recites], "127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none_is_told(port: int) -> None:
    with pytest.raises(UserError, match="--port"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no such host", "300.1.1.1", "a" * 300, "中文.invalid"])
def test_a_host_that_is_none_is_told(host: str) -> None:
    with pytest.raises(UserError, match="--host"):
        listen(host, 0)


def test_a_host_of_another_machine_is_told() -> None:
    with pytest.raises(UserError, match="--host"):
        listen("192.0.2.1", 0)  # an address for documentation, which nobody has (RFC 5737)


def test_a_port_of_the_system_is_told() -> None:
    try:
        with socket.create_server(("127.0.0.1", 81)):
            pytest.skip("whoever runs this may take any port")
    except PermissionError:
        with pytest.raises(UserError, match="--port"):
            listen("127.0.0.1", 81)


def test_a_folder_that_is_no_run_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a run folder"):
        serve_runs([tmp_path], "127.0.0.1", 0)
    with pytest.raises(UserError, match="not there"):
        serve_runs([tmp_path / "none"], "127.0.0.1", 0)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
def test_the_address_printed_is_one_a_browser_takes(host: str, shown: str) -> None:
    with listen(host, 0) as listener:
        assert address(listener) == f"http://{shown}:{listener.getsockname()[1]}"
