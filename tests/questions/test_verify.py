"""Pairs held against the books: what passes, what is repaired, what is refused and why."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.books.chapter import Chapter
from shuoshu.questions.formats import read_questions
from shuoshu.questions.names import find_names
from shuoshu.questions.places import Books
from shuoshu.questions.question import Question
from shuoshu.questions.verify import check_pair, check_pairs, count_reasons

DEMO = Path(__file__).resolve().parents[2] / "shuoshu/demo"
REPORT = Path(__file__).resolve().parents[2] / "benchmarks/2026-11-22-demo-questions.md"


@pytest.fixture(scope="module")
def novella() -> list[Chapter]:
    text = (DEMO / "澹江七灯录.txt").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^(?=第\S+回 )", text)[1:]
    starts = [sum(map(len, parts[:i])) for i in range(len(parts))]
    return [
        Chapter(book="澹江七灯录", number=i + 1, title=part.split("\n")[0], text=part, start=starts[i])
        for i, part in enumerate(parts)
    ]


@pytest.fixture(scope="module")
def books(novella: list[Chapter]) -> Books:
    return Books(novella)


TRUE = Question(
    book="澹江七灯录",
    chapter=1,
    question="虞照川的师父是谁？",
    answer="虞照川的师父是补灯匠邵拙。",
    key=("邵拙",),
    evidence="虞照川的师父便是补灯匠邵拙",
    paraphrases=("虞照川跟谁学艺？", "补灯匠邵拙是谁的师父？"),
)


def test_every_bundled_pair_holds(novella: list[Chapter]) -> None:
    for part in ("train", "test"):
        pairs = read_questions(DEMO / f"questions.{part}.jsonl")
        accepted, rejected = check_pairs(pairs, novella)
        # One true pair speaks of a father whose name stands far from the evidence: the price of the rule on names.
        assert len(rejected) <= 1
        # The check's report, as committed.
        assert f"| {part} | {len(pairs)} | {len(accepted)} " in REPORT.read_text(encoding="utf-8")
        assert set(count_reasons(rejected)) <= {"a name that is not near the evidence"}
        assert len(accepted) == len(pairs) - len(rejected)


def test_wordings_that_give_the_key_away_are_left_out(books: Books) -> None:
    repaired, reasons = check_pair(TRUE, books)
    assert reasons == []
    assert repaired.paraphrases == ("虞照川跟谁学艺？",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"evidence": "虞照川的师父便是铁橹帮主樊铁桡，住在橹口镇"}, "evidence not in the chapter"),
        ({"evidence": "", "chapter": None}, "no evidence"),
        ({"chapter": 99}, "the book has no such chapter"),
        ({"answer": "虞照川的师父是个匠人。"}, "key not in the answer"),
        ({"question": "邵拙是虞照川的什么人？"}, "key in the question"),
        ({"key": ("樊铁桡",), "answer": "虞照川的师父是樊铁桡。"}, "key not near the evidence"),
        (
            {"question": "纪廷钧的师父是谁？", "answer": "纪廷钧的师父是补灯匠邵拙。"},
            "a name that is not near the evidence",
        ),
        ({"answer": "作为一个AI，我认为虞照川的师父是邵拙。"}, "answer opens with a set phrase"),
        ({"answer": "很抱歉，邵拙是虞照川的师父。"}, "answer opens with a set phrase"),
        ({"question": "这段文字里虞照川的师父是谁？"}, "speaks of the passage, not of the book"),
        ({"answer": "邵拙" + "是一位匠人，" * 30}, "answer too long"),
        ({"question": "谁？"}, "question too short"),
        ({"answer": "虞照川的师父是邵拙\ufffd。"}, "answer garbled"),
        (
            {"question": "Who taught Zhaochuan?", "answer": "邵拙 was the master of Zhaochuan the lamp boy."},
            "another language",
        ),
    ],
)
def test_reasons(books: Books, change: dict, reason: str) -> None:
    assert any(found.startswith(reason) for found in check_pair(replace(TRUE, **change), books)[1])


def test_evidence_from_anywhere_does_not_fit(novella: list[Chapter], books: Books) -> None:
    """The words of a pair lead to its evidence; taken from anywhere else it passes about as often as CHANCE says."""
    pairs = [pair for pair in read_questions(DEMO / "questions.test.jsonl") if pair.level != "NA"]
    refused = 0
    for pair, other in itertools.product(pairs[::6], pairs[3::6]):
        moved = replace(pair, evidence=other.evidence, chapter=other.chapter, key=())
        refused += any(reason.startswith("evidence does not fit") for reason in check_pair(moved, books)[1])
    tried = len(pairs[::6]) * len(pairs[3::6])
    assert refused / tried > 0.9


def test_an_answer_to_another_question_does_not_fit(books: Books) -> None:
    pairs = [pair for pair in read_questions(DEMO / "questions.test.jsonl") if pair.level == "L3"]
    moved = [
        replace(pair, answer=other.answer, key=other.key)
        for pair, other in itertools.product(pairs[::9], pairs[4::9])
        if pair.chapter != other.chapter
    ]
    assert sum(check_pair(pair, books)[1] != [] for pair in moved) / len(moved) > 0.9


def test_a_name_told_in_parts() -> None:
    text = "那人道：“小生姓邵名俊，土居于此，特来报知义士。”\n" + "风雪满山，众人无话，各自归去。\n" * 40
    told = Books([Chapter(book="书", number=1, title="", text=text, start=0)])
    pair = Question(
        book="书",
        chapter=1,
        question="特来报知义士的土居秀才是谁？",
        answer="特来报知的秀才名叫邵俊。",
        key=("邵俊",),
        evidence="小生姓邵名俊，土居于此",
    )
    assert check_pair(pair, told)[1] == []
    assert check_pair(replace(pair, key=("邵明",), answer="名叫邵明。"), told)[1] != []


def test_names_of_an_english_book_are_looked_for() -> None:
    far = "The rain fell on the hills, and nobody came along the road that day.\n" * 60
    story = "Then Alice laughed, and then Alice sang to Mr. Brown, and at last Alice slept beside the fire.\n"
    other = "There Harold spoke, and there Harold rowed to the island, and so Harold hid the silver key.\n"
    told = Books([Chapter(book="a", number=1, title="", text=far + story + far + other + far, start=0)])
    pair = Question(
        book="a",
        chapter=1,
        question="Who hid the silver key on the island?",
        answer="Harold rowed to the island and hid the silver key.",
        key=("Harold",),
        evidence="there Harold rowed to the island, and so Harold hid the silver key",
    )
    assert check_pair(pair, told)[1] == []
    wrong = replace(pair, question="What did Alice hide on the island?", answer="Alice hid the silver key.", key=())
    assert check_pair(wrong, told)[1] == ["a name that is not near the evidence"]


def test_evidence_is_repaired(books: Books) -> None:
    for misquoted in ("虞照川的师父，便是补灯匠 邵拙！", "虞照川师父便是补灯匠邵拙", "虞照川的师父就是补灯匠邵拙"):
        repaired, reasons = check_pair(replace(TRUE, evidence=misquoted), books)
        assert reasons == []
        assert "师父便是补灯匠邵拙" in repaired.evidence


def test_the_chapter_is_found_where_none_is_named(books: Books) -> None:
    repaired, reasons = check_pair(replace(TRUE, chapter=None, evidence="虞照川的师父便是，补灯匠邵拙"), books)
    assert (repaired.chapter, repaired.evidence, reasons) == (1, TRUE.evidence, [])


def test_near_duplicates_become_wordings(novella: list[Chapter]) -> None:
    twin = replace(TRUE, question="虞照川的师父是谁呢？", key=("邵拙", "补灯匠"), paraphrases=())
    other = replace(TRUE, question="虞照川的师父是谁 ？", key=("樊铁桡",), answer="樊铁桡。", evidence="", book="")
    accepted, rejected = check_pairs([TRUE, twin, other], novella)
    assert [pair.question for pair in accepted] == [TRUE.question]
    assert "虞照川的师父是谁呢？" in accepted[0].paraphrases
    assert accepted[0].key == ("邵拙", "补灯匠")
    assert count_reasons(rejected) == {"asked before and answered otherwise": 1}


def test_unanswerable_ones_need_no_evidence(books: Books) -> None:
    pair = Question(
        book="澹江七灯录", question="虞照川的妹妹叫什么？", answer="书中没有提到。", key=("没有",), level="NA"
    )
    assert check_pair(pair, books)[1] == []


def test_names_of_the_novella(novella: list[Chapter]) -> None:
    names = find_names(novella)
    assert {"虞照川", "纪疏桐", "卓云樵", "邵拙", "闻人肃", "简霜娥"} <= set(names)
    assert all(count == sum(chapter.text.count(name) for chapter in novella) for name, count in names.items())


def test_names_of_an_english_book() -> None:
    text = 'Then Alice laughed, and Alice ran to Mr. Brown. "No," said Mr. Brown. But Mr. Brown slept on Monday.\n'
    chapter = Chapter(book="a", number=1, title="", text=text * 3, start=0)
    assert {"Alice", "Mr. Brown"} <= set(find_names([chapter]))
    assert "Monday" not in find_names([chapter])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3000), st.integers(6, 60), st.text(max_size=3))
def test_any_piece_of_the_text_is_found_and_is_exact(books: Books, start: int, length: int, noise: str) -> None:
    text = (DEMO / "澹江七灯录.txt").read_text(encoding="utf-8")[:3100]
    piece = text[start : start + length].strip()
    if len(piece) < 6 or "\n第" in piece:
        return
    quoted = Question(book="澹江七灯录", chapter=1, question="问题？", answer="答案", evidence=piece.replace("，", " "))
    located, missing = books.locate(quoted)
    if any(character.isalnum() for character in piece) and not missing:
        assert located.evidence in text
