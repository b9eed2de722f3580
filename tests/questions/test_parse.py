"""What models send back: taken whole, repaired, asked again, or salvaged."""

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.questions import parse
from shuoshu.questions.parse import ParseError, json_in

PAIR = {"type": "人物", "question": "谁？", "answer": "是他。", "key": ["他"], "evidence": "就是他"}
TWO = json.dumps({"pairs": [PAIR, PAIR]}, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        f"```json\n{TWO}\n```",
        f"好的，结果如下：\n{TWO}\n希望有用。",
        TWO.replace("}]}", "},]}"),
        TWO.replace("就是他", "就是\n他"),
        json.dumps([PAIR, PAIR]),
    ],
)
def test_whole_answers(text: str) -> None:
    pairs = parse.parse_pairs(text)
    assert [(pair["question"], pair["key"]) for pair in pairs] == [("谁？", ("他",))] * 2


@pytest.mark.parametrize(
    "text", [TWO[:-30], TWO[: len(TWO) // 2 + 12], "", "没有", '{"pairs": 3}', '{"pairs": [{"question": 1}]}']
)
def test_broken_answers_are_asked_again(text: str) -> None:
    with pytest.raises(ParseError):
        parse.parse_pairs(text)


def test_salvage_takes_the_whole_pieces() -> None:
    assert len(parse.parse_pairs(TWO[:-30], salvage=True)) == 1
    mixed = json.dumps({"pairs": [PAIR, {"question": "无答"}]})
    assert len(parse.parse_pairs(mixed, salvage=True)) == 1
    with pytest.raises(ParseError):
        parse.parse_pairs('{"pairs": [{"question"', salvage=True)


def test_numbered_lines() -> None:
    three = partial(parse.parse_numbered, count=3)
    good = "1. [人物介绍] 甲是谁？\n2、【情节】 乙怎样了？\n3）丙呢？"
    assert three(good) == [("人物", "甲是谁？"), ("情节", "乙怎样了？"), ("其他", "丙呢？")]
    for bad in ("1. 甲？\n3. 丙？", "1. 甲？\n2. 乙？", "甲？\n乙？\n丙？", "1. 甲？\n2. 乙？\n2. 乙？\n3. 丙？"):
        with pytest.raises(ParseError):
            three(bad)
    assert [question for _, question in three("开头\n1. 甲？\n7. 乙？", True)] == ["甲？", "乙？"]


def test_paraphrases_and_unanswerable() -> None:
    value = {
        "questions": ["一？", "二？"],
        "answers": ["是他。"],
        "reverse": [{"question": "反？", "answer": "我。", "key": ["我"]}],
    }
    found = parse.parse_paraphrases(json.dumps(value))
    assert (found["questions"], found["reverse"][0]["key"]) == (["一？", "二？"], ("我",))
    items = {"questions": [{"kind": "absent", "about": "甲", "question": "甲是谁？"}]}
    assert parse.parse_unanswerable(json.dumps(items))[0]["about"] == "甲"


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_read_or_refused(text: str, salvage: bool) -> None:
    parsers = (
        parse.parse_pairs,
        parse.parse_answer,
        parse.parse_paraphrases,
        parse.parse_unanswerable,
        parse.parse_text,
        partial(parse.parse_numbered, count=3),
    )
    for parser in parsers:
        try:
            assert parser(text, salvage) is not None
        except ParseError:
            continue


json_ = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(), c, max_size=3),
)


@given(
    st.lists(json_, max_size=3) | st.dictionaries(st.text(), json_, max_size=3), st.sampled_from(["", "好的：", "\n"])
)
def test_json_within_prose(value: object, before: str) -> None:
    text = before + json.dumps(value, ensure_ascii=False) + "\n完。"
    if "```" not in text:
        assert json_in(text) == value
