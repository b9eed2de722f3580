"""Question files of every format people have."""

import contextlib
import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.errors import UserError
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question

PAIR = ("郭靖的师父是谁？", "是江南七怪。")

RECORDS = {
    "own": {"question": PAIR[0], "answer": PAIR[1]},
    "capitals": {"Question": PAIR[0], "Answer": PAIR[1]},
    "letters": {"q": PAIR[0], "a": PAIR[1]},
    "chinese": {"问": PAIR[0], "答": PAIR[1]},
    "alpaca": {"instruction": PAIR[0], "input": "", "output": PAIR[1]},
    "sharegpt": {"conversations": [{"from": "human", "value": PAIR[0]}, {"from": "gpt", "value": PAIR[1]}]},
    "openai": {
        "messages": [
            {"role": "system", "content": "你是说书人。"},
            {"role": "user", "content": PAIR[0]},
            {"role": "assistant", "content": PAIR[1]},
        ]
    },
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("shape", ["lines", "array", "indented"])
def test_every_json_format(tmp_path: Path, name: str, shape: str) -> None:
    record = RECORDS[name]
    text = {
        "lines": json.dumps(record, ensure_ascii=False) + "\n\n" + json.dumps(record),
        "array": json.dumps([record, record]),
        "indented": json.dumps([record, record], indent=2, ensure_ascii=False),
    }[shape]
    path = tmp_path / "questions.json"
    path.write_text(text, encoding="utf-8")
    assert [(q.question, q.answer) for q in read_questions(path)] == [PAIR, PAIR]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("header", [("问", "答"), ("Question", "Answer"), ("instruction", "output")])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_tables(tmp_path: Path, encoding: str, header: tuple[str, str], delimiter: str) -> None:
    path = tmp_path / "questions.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([(*header, "key"), (*PAIR, "江南七怪|七怪"), (), ("第二问，\n两行", "答；案", "")])
    first, second = read_questions(path)
    assert (first.question, first.answer, first.key) == (*PAIR, ("江南七怪", "七怪"))
    assert (second.question, second.answer) == ("第二问，\n两行", "答；案")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bom.csv", "\ufeff问,答\r\n{q},{a}\r\n".encode()),
        ("columns.csv", "问,答,,\r\n{q},{a},,\r\n,,,\r\n".encode()),
        ("excel.csv", "\ufeffsep=;\r\n问;答\r\n{q};{a}\r\n".encode()),
        ("unicode.txt", "问\t答\r\n{q}\t{a}\r\n".encode("utf-16")),
        ("comma.json", b'[{"q":"{q}","a":"{a}",},]'),
        ("comma.jsonl", b'{"q":"{q}","a":"{a}",},\n'),
        ("data.json", b'{"data":[{"q":"{q}","a":"{a}"}]}'),
        ("one.json", b'{\n "question": "{q}",\n "answer": "{a}"\n}'),
        ("bom.jsonl", b'\xef\xbb\xbf{"q":"{q}","a":"{a}"}\r\n'),
    ],
)
def test_files_people_have(tmp_path: Path, name: str, data: bytes) -> None:
    pair = ("谁说的“,]”？", "他,}。") if name.endswith(("json", "jsonl")) else PAIR
    encoding = "utf-16-le" if data[:2] == b"\xff\xfe" else "utf-8"
    for mark, text in zip(("{q}", "{a}"), pair, strict=True):
        data = data.replace(mark.encode(encoding), text.encode(encoding))
    (tmp_path / name).write_bytes(data)
    assert [(question.question, question.answer) for question in read_questions(tmp_path / name)] == [pair]


def test_alpaca_input_is_asked_too(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"instruction": "续写", "input": "郭靖", "output": "是人"}), encoding="utf-8")
    assert read_questions(path)[0].question == "续写\n郭靖"


def test_conversation_of_two_turns(tmp_path: Path) -> None:
    turns = [
        {"role": r, "content": c} for r, c in (("user", "一"), ("assistant", "1"), ("user", "二"), ("assistant", "2"))
    ]
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps({"messages": turns}), encoding="utf-8")
    assert [(q.question, q.answer) for q in read_questions(path)] == [("一", "1"), ("二", "2")]


def test_title_marks_are_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    record = {"问": "谁？", "答": "他。", "book": "《水浒传》", "chapter": "3"}
    path.write_text(json.dumps(record), encoding="utf-8")
    question = read_questions(path)[0]
    assert (question.book, question.chapter) == ("水浒传", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"q": "一", "a": "1"}\n{"q": "二"}\n', "line 2: no answer"),
        ('{"q": "一", "a": "1"}\n\n{"q": \n', "line 3: not valid JSON"),
        ('[\n {"q": "一", "a": "1"},\n {"a": "2"}\n]', "line 3: no question"),
        ('[\n {"q": "一", "a": "1"},\n {"q": "二" "a"}\n]', "line 3: not valid JSON"),
        ('[\n {"q": "一", "a": "1"},\n', "not valid JSON"),
        ('"a text"\n', "line 1: a record must be an object"),
        ('{"q": ["一"], "a": "1"}\n', "line 1: `q` must be text"),
        ('{"q": "一", "a": "1", "key": 3}\n', "line 1: `key` must be a list"),
        ('{"messages": [{"role": "user", "content": "一"}]}\n', "line 1: the conversation holds no question"),
        ('{"messages": ["user"]}\n', "line 1: a message of the conversation is not an object"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_questions(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_table_errors_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("\n问,答\n一,1\n\n二,\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 5: no answer"):
        read_questions(path)
    path.write_text("甲,乙\n一,1\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 1: the header names no question and answer columns"):
        read_questions(path)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
    (tmp_path / "b.jsonl").write_bytes(bytes([0x80, 0xFF, 0x00, 0xFF]))
    with pytest.raises(UserError, match="neither UTF-8 nor GB18030"):
        read_questions(tmp_path / "b.jsonl")


text_ = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)
tuple_ = st.lists(text_, max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Question,
            question=text_,
            answer=text_,
            id=text_,
            key=tuple_,
            paraphrases=tuple_,
            chapter=st.integers(0, 200),
        ),
        max_size=4,
    )
)
def test_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, questions: list[Question]) -> None:
    path = tmp_path_factory.mktemp("q") / "q.jsonl"
    assert write_questions(path, questions) == len(questions)
    assert read_questions(path) == questions


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_read_or_tell_why(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for suffix in (".jsonl", ".csv"):
        path = tmp_path_factory.mktemp("q") / f"q{suffix}"
        path.write_bytes(data)
        with contextlib.suppress(UserError):  # and no other error, whatever the bytes
            read_questions(path)
