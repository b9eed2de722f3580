import base64
import contextlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.errors import UserError
from shuoshu.evaluate.metrics import is_right
from shuoshu.serve.page.sheet import MOST_BYTES, MOST_QUESTIONS, as_question, from_base64, read_sheet

PAIR = ("邵拙爱喝什么茶？", "姜茶。")
FORMATS = {
    "ours.jsonl": json.dumps({"question": PAIR[0], "answer": PAIR[1]}),
    "qa.jsonl": json.dumps({"q": PAIR[0], "a": PAIR[1]}),
    "问答.json": json.dumps([{"问": PAIR[0], "答": PAIR[1]}]),
    "alpaca.json": json.dumps([{"instruction": PAIR[0], "input": "", "output": PAIR[1]}]),
    "sharegpt.json": json.dumps(
        [{"conversations": [{"from": "human", "value": PAIR[0]}, {"from": "gpt", "value": PAIR[1]}]}]
    ),
    "openai.jsonl": json.dumps(
        {"messages": [{"role": "user", "content": PAIR[0]}, {"role": "assistant", "content": PAIR[1]}]}
    ),
    "table.csv": "问,答\n{},{}\n".format(*PAIR),
    "TABLE.CSV": "question,answer\n{},{}\n".format(*PAIR),
    "tabs.tsv": "question\tanswer\n{}\t{}\n".format(*PAIR),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_encoding_is_read(name: str, encoding: str) -> None:
    (question,) = read_sheet(name, FORMATS[name].encode(encoding))
    assert (question["question"], question["answer"]) == PAIR
    assert "judged" not in question


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_plain_text_has_a_question_a_line(encoding: str) -> None:
    text = "邵拙爱喝什么茶？\r\n\r\n  虞照川的师父是谁？\n"
    asked = [question["question"] for question in read_sheet("题.TXT", text.encode(encoding))]
    assert asked == ["邵拙爱喝什么茶？", "虞照川的师父是谁？"]


def test_questions_with_a_key_can_be_judged_when_they_come_back() -> None:
    lines = [
        {"question": "谁？", "answer": "邵拙。", "key": ["邵拙"], "id": "a1"},
        {"question": "几时？", "answer": "", "level": "NA"},
    ]
    lines[1]["answer"] = "书中没有提到。"
    sheet = read_sheet("t.jsonl", "\n".join(map(json.dumps, lines)).encode())
    assert [question.get("judged") for question in sheet] == [True, True]
    assert is_right("是邵拙。", as_question(sheet[0]))
    assert not is_right("是柏七娘。", as_question(sheet[0]))
    assert is_right("书中没有提到。", as_question(sheet[1]))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b'{"question": "1"}\n', "a.jsonl, line 1: no answer"),
        ("a.jsonl", b"\n{]", "a.jsonl, line 2: not valid JSON"),
        ("b.csv", b"x,y\n1,2\n", "b.csv, line 1: the header names no question"),
        ("c.json", b"[1]", "c.json, line 1: a record must be an object"),
        ("d.txt", b"\n \n", "d.txt: the file holds no question"),
        ("e.png", b"\x89PNG\r\n\x1a\n\xff\xff\xff", "e.png: neither UTF-8 nor GB18030"),
        ("f.txt", b"\xff\xff\xff", "f.txt: neither UTF-8 nor GB18030"),
        ("g.txt", b"?\n" * (MOST_QUESTIONS + 1), "g.txt: 2001 questions are more than"),
        ("h.txt", b"?" * (MOST_BYTES + 1), "h.txt: the file is bigger than 700 kB"),
        ("../../etc/passwd", b"root:x", "../../etc/passwd, line 1: not valid JSON"),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_name(name: str, content: bytes, words: str) -> None:
    with pytest.raises(UserError) as told:
        read_sheet(name, content)
    assert str(told.value).startswith(words)
    assert tempfile.gettempdir() not in str(told.value)
    assert "\n" not in str(told.value)


@settings(deadline=None)
@given(st.sampled_from([*FORMATS, "x.txt", "x", ".csv"]), st.binary(max_size=200))
def test_any_bytes_are_questions_or_a_sentence(name: str, content: bytes) -> None:
    with contextlib.suppress(UserError):
        assert all(question["question"] for question in read_sheet(name, content))


def test_nothing_of_a_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    read_sheet("ours.jsonl", FORMATS["ours.jsonl"].encode())
    with pytest.raises(UserError):
        read_sheet("bad.jsonl", b"{")
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None)
@given(st.binary())
def test_bytes_come_through_base64(content: bytes) -> None:
    assert from_base64(base64.b64encode(content).decode()) == content


@pytest.mark.parametrize("data", ["x", "é", "a===", "####"])
def test_what_is_no_base64_is_told(data: str) -> None:
    with pytest.raises(UserError, match="did not arrive whole"):
        from_base64(data)


@pytest.mark.parametrize("record", [None, 1, "问", [], {}, {"question": 1}, {"question": " "}])
def test_what_is_no_question_is_told(record: object) -> None:
    with pytest.raises(UserError, match="missing"):
        as_question(record)
