import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_runs import RECITED

from shuoshu.answer.ask import Storyteller
from shuoshu.errors import UserError
from shuoshu.serve.narrator import Narrator, narrators
from shuoshu.serve.page.events import AT_ONCE, LONGEST, Events

QUESTION = "虞照川的师父是谁？"
HOW = {"model": "灯录", "mode": "closed", "sampling": {}}


@pytest.fixture(scope="module")
def told(recites: Path, endless: Path) -> Iterator[list[Narrator]]:
    served = narrators([Storyteller(recites), Storyteller(recites / "finetune" / "model")], queue=2)
    yield served
    for narrator in served:
        narrator.close()


@pytest.fixture
def events(told: list[Narrator], tmp_path: Path) -> Events:
    return Events(told, tmp_path / "votes.jsonl")


def all_said(said: AsyncGenerator[dict[str, Any], None]) -> list[dict[str, Any]]:
    async def listen() -> list[dict[str, Any]]:
        return [each async for each in said]

    return asyncio.run(listen())


def test_about_is_plain_json_and_names_what_each_model_can_do(events: Events) -> None:
    about = json.loads(json.dumps(asyncio.run(events.about({}))))
    first, bare = about["models"]
    assert (first["name"], first["modes"], first["titles"]) == ("灯录", ["open", "closed"], ["澹江七灯录"])
    assert len(first["examples"]) == 6
    assert (bare["modes"], bare["titles"], bare["examples"]) == (["closed"], [], [])
    assert about["review"] is None


def test_an_answer_is_plain_json(events: Events) -> None:
    said = all_said(events.ask({**HOW, "question": QUESTION}))
    assert json.loads(json.dumps(said[-1]))["text"] == RECITED
    citations = all_said(events.ask({**HOW, "mode": "open", "question": QUESTION}))[-1]["answer"]["citations"]
    assert json.loads(json.dumps(citations))[0]["book"] == "澹江七灯录"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"question": "问" * (LONGEST + 1)}, "too_long"),
        ({"question": " \n"}, "no_question"),
        ({"question": None}, "no_question"),
        ({"question": ["x"]}, "no_question"),
        ({"question": "灯" * 300}, "too_many_tokens"),
        ({"model": "无"}, "no_mode"),
        ({"model": {}}, "no_mode"),
        ({"mode": "both"}, "no_mode"),
        ({"mode": ["open"]}, "no_mode"),
        ({"model": "model", "mode": "open"}, "no_mode"),
    ],
)
def test_a_fault_is_said_and_nothing_is_raised(events: Events, change: dict[str, Any], code: str) -> None:
    (fault,) = [
        said for said in all_said(events.ask({**HOW, "question": QUESTION, **change})) if said["state"] == "failed"
    ]
    assert fault["code"] == code
    assert all_said(events.ask({**HOW, "question": QUESTION}))[-1]["text"] == RECITED


@pytest.mark.parametrize("sampling", [None, 1, [], {"temperature": "hot"}, {"max_new_tokens": 10**9}])
def test_sampling_of_any_kind_is_taken(events: Events, sampling: object) -> None:
    assert all_said(events.ask({**HOW, "question": QUESTION, "sampling": sampling}))[-1]["text"] == RECITED


def test_too_many_at_once_are_told_to_come_again(told: list[Narrator], tmp_path: Path) -> None:
    events = Events(told, tmp_path / "votes.jsonl")

    async def crowd() -> list[dict[str, Any]]:
        async def one() -> dict[str, Any]:
            return [each async for each in events.ask({**HOW, "question": QUESTION})][-1]

        return await asyncio.gather(*(one() for _ in range(24)))  # 16 slots and 2 places in line

    ends = asyncio.run(crowd())
    assert {end.get("code") for end in ends} == {None, "busy"}
    # One more for each that is done before the last has asked, on a slow machine.
    assert 18 <= sum(end["state"] == "done" for end in ends) < 24


def test_a_file_is_read_and_answered_with_verdicts(events: Events) -> None:
    lines = [
        {"question": QUESTION, "answer": "照川提灯。", "key": ["提灯_过江"]},
        {"question": "别的？", "answer": "无。", "key": ["没有"]},
        {"question": "没有标准答案？", "answer": "是。"},
    ]
    data = base64.b64encode("\n".join(map(json.dumps, lines)).encode()).decode()
    sheet = asyncio.run(events.read_file({"name": "我的.jsonl", "data": data}))
    assert [question["question"] for question in sheet["questions"]] == [line["question"] for line in lines]
    said = all_said(events.answer_some({**HOW, "questions": sheet["questions"]}))
    done = sorted((one for each in said for one in each["done"]), key=lambda one: one["place"])
    assert [one["right"] for one in done] == [True, False, None]
    assert {one["answer"]["answer"] for one in done} == {RECITED}
    assert [one["answer"]["question"] for one in done] == [line["question"] for line in lines]


def test_a_call_answers_only_so_many(events: Events) -> None:
    many = [{"question": "谁？"}] * (AT_ONCE + 9)
    said = all_said(events.answer_some({**HOW, "mode": "open", "questions": many}))
    assert sum(len(each["done"]) for each in said) == AT_ONCE


@pytest.mark.parametrize("questions", [[{"question": "灯" * 300}], [None], ["x"], 5, {"a": 1}])
def test_a_bad_question_of_a_file_is_a_fault(events: Events, questions: object) -> None:
    said = all_said(events.answer_some({**HOW, "questions": questions}))
    assert said[-1]["state"] == "failed"


@pytest.mark.parametrize("request_", [{}, {"name": 5, "data": 7}, {"name": "x.txt", "data": "!"}, {"data": ""}])
def test_a_bad_file_is_a_sentence(events: Events, request_: dict[str, Any]) -> None:
    said = asyncio.run(events.read_file(request_))
    assert said["state"] == "failed"
    assert said["code"].startswith("file_")


def test_a_citation_opens_its_chapter(events: Events) -> None:
    citation = all_said(events.ask({**HOW, "mode": "open", "question": QUESTION}))[-1]["answer"]["citations"][0]
    place = {name: citation[name] for name in ("book", "chapter", "start", "end")}
    opened = asyncio.run(events.chapter({"model": "灯录", **place}))
    assert opened["pieces"][1] == citation["quote"]
    assert opened["next"] == citation["chapter"] + 1
    for wrong in ({"book": "无"}, {"chapter": 99}, {"chapter": "x"}, {"model": "无"}, {"model": "model"}):
        assert asyncio.run(events.chapter({"model": "灯录", **place, **wrong}))["state"] == "failed"


def test_a_duel_and_its_vote(events: Events) -> None:
    contenders = [
        {"model": "灯录", "mode": "open"},
        {"model": "灯录", "mode": "closed"},
        {"model": "无", "mode": "open"},
    ]
    duel = all_said(events.duel({"question": QUESTION, "contenders": contenders}))[-1]
    assert asyncio.run(events.vote({"id": duel["id"], "choice": "best"}))["state"] == "failed"
    voted = asyncio.run(events.vote({"id": duel["id"], "choice": "right"}))
    assert voted["standings"] == asyncio.run(events.standings({}))
    assert voted["standings"]["votes"] == 1
    for bad in ([], None, "x", [None], [{"model": [], "mode": {}}]):
        assert all_said(events.duel({"question": QUESTION, "contenders": bad}))[-1]["state"] == "failed"


def test_a_file_to_review_comes_with_the_page(told: list[Narrator], recites: Path, tmp_path: Path) -> None:
    file = recites / "questions" / "test.jsonl"
    review = asyncio.run(Events(told, tmp_path / "v.jsonl", file).about({}))["review"]
    assert review["name"] == "test.jsonl"
    assert len(review["questions"]) == len(file.read_text("utf-8").splitlines())
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read"):
        Events(told, tmp_path / "v.jsonl", tmp_path / "none.jsonl")
