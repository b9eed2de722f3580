"""The API as programs meet it: the openai client, curl, and what Open WebUI sends."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest
from page_runs import RECITED, make_run
from served import Running, events, question, running
from tiny import random_model

from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer

pytestmark = pytest.mark.xdist_group("api")
ASKED = "虞照川的师父是谁？"
PROMPT = "澹江上的灯"


@pytest.fixture(scope="module")
def babble(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare model with random weights: it writes whatever, always the same, and never ends."""
    folder = tmp_path_factory.mktemp("api") / "babble"
    make_run(folder, tokenizer, random_model(tokenizer, max_position_embeddings=512))
    return folder


@pytest.fixture(scope="module")
def server(recites: Path, babble: Path) -> Iterator[Running]:
    with running([recites, babble], max_new_tokens=300) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def solo(server: Running, prompt: list[int], **sampling: Any) -> Any:
    """What the engine writes when it is asked alone."""
    return server.narrators[1].storyteller.engine.generate([prompt], Sampling(**sampling))[0]


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["灯录", "灯录:closed", "babble"]
    assert client.models.retrieve("灯录:closed").id == "灯录:closed"
    with pytest.raises(openai.NotFoundError, match="no model"):
        client.models.retrieve("gpt")


def test_an_answer_from_the_books_comes_with_its_place(client: openai.OpenAI, server: Running) -> None:
    reply = client.chat.completions.create(model="灯录", messages=[{"role": "user", "content": ASKED}])
    message: Any = reply.choices[0].message
    [citation] = message.citations
    assert citation["quote"] == message.content
    assert "邵拙" in message.content
    index = server.narrators[0].storyteller.index
    passage = next(p for p in index.passages if p.start <= citation["start"] and citation["end"] <= p.end)
    start = citation["start"] - passage.start
    assert passage.text[start : start + len(citation["quote"])] == citation["quote"]
    assert reply.choices[0].finish_reason == "stop"
    assert reply.object == "chat.completion"


def test_the_name_or_a_field_says_how_to_answer(client: openai.OpenAI) -> None:
    def ask(model: str, **extra: Any) -> Any:
        messages: Any = [{"role": "user", "content": ASKED}]
        return client.chat.completions.create(model=model, messages=messages, extra_body=extra).choices[0].message

    assert "邵拙" in (ask("灯录").content or "")
    for reply in (ask("灯录:closed"), ask("灯录", mode="closed")):
        assert reply.content == RECITED
        assert reply.citations == []


def test_a_stream_says_what_the_whole_says(client: openai.OpenAI) -> None:
    for model in ("灯录", "灯录:closed"):
        messages: Any = [{"role": "user", "content": ASKED}]
        whole: Any = client.chat.completions.create(model=model, messages=messages)
        stream: Any = client.chat.completions.create(
            model=model, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        *chunks, last, usage = list(stream)
        assert chunks[0].choices[0].delta.role == "assistant"
        assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
        assert len({chunk.id for chunk in chunks}) == 1
        pieces = [chunk.choices[0].delta.content or "" for chunk in [*chunks, last]]
        assert "".join(pieces) == whole.choices[0].message.content
        assert last.choices[0].finish_reason == whole.choices[0].finish_reason == "stop"
        assert last.choices[0].delta.citations == whole.choices[0].message.citations
        assert all(chunk.usage is None for chunk in [*chunks, last])
        assert usage.choices == []
        assert usage.usage.completion_tokens == whole.usage.completion_tokens


def test_greedy_text_is_that_of_the_engine_alone(client: openai.OpenAI, server: Running) -> None:
    narrator = server.narrators[1]
    expected = solo(server, narrator.question_ids(ASKED), max_new_tokens=40)
    reply = client.chat.completions.create(
        model="babble", messages=[{"role": "user", "content": ASKED}], max_completion_tokens=40
    )
    assert reply.choices[0].message.content == expected.text
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == len(narrator.question_ids(ASKED))
    assert reply.usage.completion_tokens == 40


def test_several_drawn_answers_by_one_seed(client: openai.OpenAI) -> None:
    def draw(seed: int, n: int = 3) -> list[str | None]:
        messages: Any = [{"role": "user", "content": ASKED}]
        reply = client.chat.completions.create(
            model="babble", messages=messages, n=n, seed=seed, temperature=1.0, max_tokens=12
        )
        assert [choice.index for choice in reply.choices] == list(range(n))
        return [choice.message.content for choice in reply.choices]

    assert draw(1) == draw(1)
    assert len(set(draw(1))) == 3
    assert draw(2)[0] == draw(1)[1], "the seeds of the n answers follow each other"


def test_n_answers_stream_side_by_side(server: Running) -> None:
    body = question(model="babble", n=2, seed=5, temperature=1.0, max_tokens=10)
    whole = server.client().post("/v1/chat/completions", json=body).json()
    chunks = events(server.client().post("/v1/chat/completions", json={**body, "stream": True}).text)
    texts = ["", ""]
    for chunk in chunks:
        [choice] = chunk["choices"]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts == [choice["message"]["content"] for choice in whole["choices"]]
    assert sum(bool(chunk["choices"][0]["finish_reason"]) for chunk in chunks) == 2


def test_stop_strings_end_the_text_before_them(client: openai.OpenAI, server: Running) -> None:
    text = solo(server, server.narrators[1].text_ids(PROMPT), max_new_tokens=40).text
    stop = text[10:13]
    reply = client.completions.create(model="babble", prompt=PROMPT, temperature=0, max_tokens=40, stop=[stop])
    assert reply.choices[0].text == text[: text.index(stop)]
    assert reply.choices[0].finish_reason == "stop"
    asked: Any = {"model": "灯录", "messages": [{"role": "user", "content": ASKED}], "max_tokens": 100}
    whole = client.chat.completions.create(**asked).choices[0].message.content or ""
    stop = whole[8:11]
    quoted = client.chat.completions.create(**asked, stop=stop)
    assert quoted.choices[0].message.content == whole[: whole.index(stop)]
    cut = client.chat.completions.create(model="灯录", messages=[{"role": "user", "content": ASKED}], max_tokens=3)
    assert cut.choices[0].finish_reason == "length"


def test_likelihoods_of_a_chat(client: openai.OpenAI, server: Running) -> None:
    narrator = server.narrators[1]
    expected = solo(server, narrator.question_ids(ASKED), max_new_tokens=5, logprobs=3)
    messages: Any = [{"role": "user", "content": ASKED}]
    asked: Any = {"model": "babble", "messages": messages, "max_tokens": 5, "logprobs": True, "top_logprobs": 3}
    reply = client.chat.completions.create(**asked)
    streamed = [chunk.choices[0].logprobs for chunk in client.chat.completions.create(**asked, stream=True)]
    whole = reply.choices[0].logprobs
    assert whole is not None
    assert whole.content is not None
    assert [token.logprob for token in whole.content] == pytest.approx([each.logprob for each in expected.logprobs])
    assert b"".join(bytes(token.bytes or []) for token in whole.content).decode("utf-8", "ignore") == expected.text
    for token in whole.content:
        assert token.top_logprobs[0].logprob == pytest.approx(token.logprob), "greedy takes the likeliest"
        assert len(token.top_logprobs) == 3
        assert all(one.logprob >= two.logprob for one, two in pairwise(token.top_logprobs))
    assert [t for part in streamed if part for t in part.content or []] == whole.content


def test_likelihoods_and_echo_of_a_text(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="babble", prompt=PROMPT, max_tokens=6, temperature=0, logprobs=2, echo=True)
    choice = reply.choices[0]
    assert choice.text.startswith(PROMPT)
    told = choice.logprobs
    assert told is not None
    assert told.tokens is not None
    assert told.text_offset is not None
    assert told.top_logprobs is not None
    for token, offset, top in zip(told.tokens, told.text_offset, told.top_logprobs, strict=True):
        assert "�" in token or choice.text[offset:].startswith(token)
        assert len(top) <= 2


def test_prompts_in_any_number_and_form(client: openai.OpenAI, server: Running) -> None:
    narrator = server.narrators[1]
    coded = narrator.text_ids(PROMPT)
    alone = client.completions.create(model="babble", prompt=PROMPT, max_tokens=8, temperature=0)
    both = client.completions.create(model="babble", prompt=[PROMPT, "灯"], n=2, max_tokens=8, temperature=0)
    ids = client.completions.create(model="babble", prompt=[coded, coded], max_tokens=8, temperature=0)
    assert [choice.text for choice in both.choices[:2]] == [alone.choices[0].text] * 2
    assert [choice.text for choice in ids.choices] == [alone.choices[0].text] * 2
    assert both.usage is not None
    assert both.usage.prompt_tokens == len(coded) + len(narrator.text_ids("灯")), "each prompt is counted once"
    assert both.usage.completion_tokens == 4 * 8
    assert len(client.completions.create(model="babble", prompt=PROMPT).choices[0].text) > 0


def test_a_streamed_text(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="babble", prompt=PROMPT, max_tokens=20, temperature=0)
    stream = client.completions.create(model="babble", prompt=PROMPT, max_tokens=20, temperature=0, stream=True)
    chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == "length"


def test_closing_a_stream_frees_the_model(client: openai.OpenAI, server: Running) -> None:
    stream = client.chat.completions.create(
        model="babble", messages=[{"role": "user", "content": ASKED}], max_tokens=300, stream=True
    )
    for _ in zip(stream, range(3), strict=False):
        pass
    began = time.monotonic()
    stream.close()
    assert server.idle(2)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("fields", "fault", "param"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "model"),
        ({"model": "babble", "mode": "open"}, openai.BadRequestError, "mode"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"messages": [{"role": "system", "content": "你好"}]}, openai.BadRequestError, "messages"),
        ({"messages": [{"role": "user", "content": " \n"}]}, openai.BadRequestError, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, openai.BadRequestError, "messages.0"),
        ({"temperature": 3}, openai.BadRequestError, "temperature"),
        ({"temperature": "1"}, openai.BadRequestError, "temperature"),
        ({"n": 9}, openai.BadRequestError, "n"),
        ({"stop": [""]}, openai.BadRequestError, "stop"),
        ({"tools": [{"type": "function"}]}, openai.BadRequestError, "tools"),
        ({"frequency_penalty": 0.5}, openai.BadRequestError, "frequency_penalty"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "response_format"),
    ],
)
def test_mistakes_are_told_in_openais_form(
    client: openai.OpenAI, fields: dict[str, Any], fault: type[openai.APIStatusError], param: str
) -> None:
    with pytest.raises(fault) as told:
        client.post("/chat/completions", body=question(**{"model": "babble", **fields}), cast_to=object)
    body: Any = told.value.body
    assert set(body) == {"message", "type", "param", "code"}
    assert str(body["param"]).startswith(param)
    assert body["type"] == "invalid_request_error"


LONE = b'{"model": "babble", "messages": [{"role": "user", "content": "\\ud800"}]}'
HUGE = b'{"model": "babble", "messages": [{"role": "user", "content": "a"}], "seed": ' + b"9" * 5000 + b"}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"a"', b"NaN", b"[" * 9000, b"\xff", LONE, HUGE])
def test_what_is_no_request_is_refused(server: Running, body: bytes) -> None:
    reply = server.client().post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_other_statuses(server: Running) -> None:
    client = server.client()
    assert client.post("/v1/chat/completions", content=b"{}").status_code == 415
    wrong = client.get("/v1/chat/completions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    for path in ("/v1/embeddings", "/v1/nothing", "/nothing"):
        reply = client.post(path, json={})
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


def test_what_open_webui_sends(server: Running) -> None:
    """The bodies of its chat, its title task, and its look at the models."""
    client = server.client(headers={"Authorization": "Bearer none", "X-OpenWebUI-User-Name": "a"})
    names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    chat = {
        "model": names[0],
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "User: 甲"},
            {"role": "user", "content": [{"type": "text", "text": "你好"}]},
            {"role": "assistant", "content": "你好。"},
            {"role": "user", "content": [{"type": "text", "text": ASKED}]},
        ],
        "metadata": {"chat_id": "1"},
        "temperature": 0.7,
        "top_k": 40,
        "repeat_penalty": 1.1,
        "user": {"name": "甲"}["name"],
        "tools": None,
    }
    chunks = events(client.post("/v1/chat/completions", json=chat).text)
    assert "邵拙" in "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    assert "usage" in chunks[-1]
    title = {"model": names[0], "stream": False, "max_completion_tokens": 50, **question("### Task: a title\n" + ASKED)}
    assert client.post("/v1/chat/completions", json=title).status_code == 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl(server: Running) -> None:
    body = '{"model": "灯录", "messages": [{"role": "user", "content": "虞照川的师父是谁？"}], "stream": true}'
    command = ["curl", "-sSN", "--noproxy", "*", f"{server.url}/v1/chat/completions", "--json", body]
    said = subprocess.run(command, capture_output=True, check=True, text=True, encoding="utf-8").stdout
    assert "邵拙" in said
    assert said.endswith("data: [DONE]\n\n")


def test_health_readiness_and_figures(server: Running) -> None:
    client = server.client()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    before = server.figure("shuoshu_completion_tokens_total")
    client.post("/v1/chat/completions", json=question(model="babble", max_tokens=7))
    assert server.figure("shuoshu_completion_tokens_total") == before + 7
    assert server.figure("shuoshu_inside") == server.figure("shuoshu_running") == 0
    figures = client.get("/metrics").text
    assert 'shuoshu_requests_total{path="/v1/chat/completions",status="200"}' in figures
    assert "process_resident_memory_bytes" in figures
