"""The page's document and files, and what of Gradio can be reached, without a browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from served import Running, running
from starlette.testclient import TestClient

from shuoshu.serve.page.document import FOR_EVER, add_web, read_web

WEB = read_web()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    add_web(app, WEB)
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def house(recites: Path) -> Iterator[Running]:
    with running([recites], page=True) as house:
        yield house


def test_the_document_names_files_that_are_there(client: TestClient) -> None:
    html = client.get("/").text
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', html)
    assert len(named) == len(set(named)) >= len(WEB.files)
    for path in named:
        reply = client.get(path)
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == FOR_EVER
    imported = {name for data in WEB.files.values() for name in re.findall(r'from "\./([\w.]+)"', data.decode())}
    assert imported <= set(WEB.files)


def test_the_page_names_no_other_host() -> None:
    """`http://www.w3.org/2000/svg` is the name of a vocabulary, which nobody fetches."""
    for data in [WEB.template.encode(), *WEB.files.values()]:
        assert {*re.findall(rb"(?:https?:)?//[a-z0-9-]+\.[\w./]+", data)} <= {b"http://www.w3.org/2000/svg"}


def test_no_script_makes_html_or_code_of_text() -> None:
    made = re.compile(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc|javascript:")
    for name, data in WEB.files.items():
        assert not made.search(data), name
    assert not re.search(r"<\w[^>]*\son\w+=", WEB.template)
    assert not re.search(r"<\w[^>]*\sstyle=", WEB.template)


def test_the_policy_of_the_document_lets_only_its_own_files_run() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', WEB.template)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"


def test_an_old_page_still_finds_its_files_and_a_false_name_nothing(client: TestClient) -> None:
    assert client.get("/page/old/main.js").headers["cache-control"] == "no-store"
    for path in ("/page/x/none.js", "/page/x/index.html", "/page/x/labels.json", "/page/x/..%2fpage.py", "/page/x/"):
        assert client.get(path).status_code == 404


def test_the_language_of_the_browser_and_of_the_cookie(client: TestClient) -> None:
    english = client.get("/", headers={"accept-language": "en-GB"})
    assert '<html lang="en">' in english.text
    assert "Cookie" in english.headers["vary"]
    cookie = {"cookie": "shuoshu-language=zh-CN", "accept-language": "en-GB"}
    assert '<html lang="zh-CN">' in client.get("/", headers=cookie).text


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=pyproject.toml",
        "gradio_api/info",
        "gradio_api/queue/data?session_hash=1",
        "gradio_api/proxy=https://example.com/",
        "gradio_api/call/../file=/etc/passwd",
        "gradio_api/call/%2e%2e/file=/etc/passwd",
        "gradio_api/startup-events",
        "gradio_api/heartbeat/1",
        "config",
        "theme.css",
        "",
    ],
)
def test_nothing_else_of_gradio_can_be_reached(house: Running, path: str) -> None:
    assert house.client().get(f"/gradio/{path}").status_code in (404, 405)


def test_nothing_can_be_left_on_the_server(house: Running) -> None:
    reply = house.client().post("/gradio/gradio_api/upload", files={"files": ("a.txt", b"x")})
    assert reply.status_code == 404


def test_an_event_is_asked_and_heard(house: Running) -> None:
    calls = "/gradio/gradio_api/call"
    with house.client() as client:
        id = client.post(f"{calls}/about", json={"data": [{}]}).json()["event_id"]
        heard = client.get(f"{calls}/about/{id}").text
    assert "event: complete" in heard
    assert "澹江七灯录" in heard.encode().decode("unicode_escape", "ignore") or "\\u6fb9" in heard


def test_votes_and_the_file_to_review_are_where_the_options_say(recites: Path, tmp_path: Path) -> None:
    file, votes = tmp_path / "题.txt", tmp_path / "new" / "票.jsonl"
    file.write_text("虞照川的师父是谁？\n", encoding="utf-8")
    with running([recites], page=True, questions=file, votes=votes) as house, house.client() as client:

        def ask(name: str, **request: object) -> dict[str, Any]:
            calls = f"/gradio/gradio_api/call/{name}"
            id = client.post(calls, json={"data": [request]}).json()["event_id"]
            lines = client.get(f"{calls}/{id}").text.splitlines()
            return next(json.loads(line[6:]) for line in reversed(lines) if line.startswith("data: [{"))[0]

        assert ask("about")["review"]["questions"] == [{"question": "虞照川的师父是谁？"}]
        contenders = [{"model": "灯录", "mode": mode} for mode in ("open", "closed")]
        duel = ask("duel", question="虞照川的师父是谁？", contenders=contenders)
        assert ask("vote", id=duel["id"], choice="good")["standings"]["file"] == votes.name
    assert len(votes.read_text(encoding="utf-8").splitlines()) == 1


def test_a_client_that_has_too_many_answers_on_the_way_is_refused(recites: Path) -> None:
    calls = "/gradio/gradio_api/call"
    asked = {"model": "灯录", "mode": "open", "question": "虞照川的师父是谁？"}
    with running([recites], page=True, per_client=1) as house, house.client() as client:
        with house.gate.admit("127.0.0.1"):
            id = client.post(f"{calls}/ask", json={"data": [asked]}).json()["event_id"]
            assert '"busy"' in client.get(f"{calls}/ask/{id}").text
        id = client.post(f"{calls}/ask", json={"data": [asked]}).json()["event_id"]
        assert '"done"' in client.get(f"{calls}/ask/{id}").text
        assert house.idle()
