"""Pairs under review: every edit and verdict on the disk at once, nothing lost to a kill or to other hands."""

import re
import shutil
from pathlib import Path

import pytest

from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.questions.review import Review, Wanted
from shuoshu.questions.review_html import fault_words, head_html, passage_html, status_html

CHAPTER = Chapter(book="书", number=1, title="", text="有一天，<张三>的师父李四走进门来，拿着一把剑。\n", start=0)
PAIRS = [
    Question(
        id=str(i),
        book="书",
        chapter=1,
        type="人物" if i else "情节",
        question=f"第{i}问，张三的师父是谁？",
        answer="是李四。",
        key=("李四",),
        evidence="的师父李四",
    )
    for i in range(3)
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_questions(tmp_path / "q.jsonl", PAIRS)
    return tmp_path / "q.jsonl"


def verdicts(review: Review) -> list[str]:
    return [pair.verdict for pair in review.pairs]


def test_edits_and_verdicts_are_on_the_disk(file: Path) -> None:
    review = Review(file, [CHAPTER])
    review.edit(0, {"question": "张三跟谁学剑？", "key": "李四\n 老李 \n\n"})
    review.judge(1, "reject")
    assert [(q.question, q.key) for q in read_questions(file)] == [
        ("张三跟谁学剑？", ("李四", "老李")),
        (PAIRS[2].question, ("李四",)),
    ]
    again = Review(file, [CHAPTER])
    assert verdicts(again) == ["", "reject", ""]
    assert again.next_open(0, Wanted()) == 2
    again.judge(1, "")
    assert [q.id for q in read_questions(file)] == ["0", "1", "2"]


def test_nothing_is_written_where_nothing_changes(file: Path) -> None:
    review = Review(file, [CHAPTER])
    before = file.stat().st_mtime_ns
    review.edit(0, {"question": PAIRS[0].question, "key": "李四\n"})
    review.judge(0, "")
    assert file.stat().st_mtime_ns == before


def test_faults_are_told_while_editing(file: Path) -> None:
    review = Review(file, [CHAPTER])
    review.edit(0, {"answer": "是王五。"})
    assert review.pairs[0].faults == ("key not in the answer",)
    with pytest.raises(UserError, match="not saved"):
        review.edit(0, {"question": " "})
    assert read_questions(file)[0].question == PAIRS[0].question
    assert "答案里没有关键词" in status_html(review, 0, [], saved=True)


def test_looking_for_pairs(file: Path) -> None:
    review = Review(file, [CHAPTER])
    review.edit(2, {"answer": "是王五。"})
    review.judge(0, "accept")
    review.judge(1, "reject")
    found = [
        review.find(wanted)
        for wanted in (
            Wanted(),
            Wanted("open"),
            Wanted("accept"),
            Wanted("reject"),
            Wanted(kind="情节"),
            Wanted(kind="人物", fault="any"),
            Wanted(fault="no evidence"),
            Wanted(text="第1问"),
            Wanted("accept", text="王五"),
        )
    ]
    assert found == [[0, 1, 2], [2], [0], [1], [0], [2], [], [1], []]
    assert review.next_open(2, Wanted()) == 2  # the last one that waits
    assert review.next_open(0, Wanted("reject")) == 1  # looking through what was rejected
    assert "已审 2 / 3：接受 1，拒绝 1" in head_html(review, 0, Wanted())


def test_a_kill_between_the_two_files_loses_nothing(file: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.jsonl"
    for act in (lambda r: r.judge(1, "reject"), lambda r: r.edit(0, {"answer": "就是李四。"})):
        shutil.copy(file, old)
        act(Review(file, [CHAPTER]))
        told = file.read_bytes()
        shutil.copy(old, file)  # as if the second file had never been renamed
        Review(file, [CHAPTER])
        assert file.read_bytes() == told
    assert verdicts(Review(file, [CHAPTER])) == ["", "reject", ""]


def test_what_others_write_into_the_file_counts(file: Path) -> None:
    review = Review(file, [CHAPTER])
    review.judge(0, "accept")
    review.judge(1, "reject")
    review.judge(2, "accept")
    new = Question(question="李四拿着什么？", answer="一把剑。")
    write_questions(file, [new, PAIRS[0]])  # generated anew: one more, one less
    with pytest.raises(UserError, match="was changed by another program"):
        review.judge(2, "")
    assert [q.question for q in read_questions(file)] == [new.question, PAIRS[0].question]
    again = Review(file, [CHAPTER])
    assert [(pair.question, pair.verdict) for pair in again.pairs] == [
        (new, ""),
        (PAIRS[0], "accept"),
        (PAIRS[1], "reject"),
    ]
    again.judge(2, "")
    assert read_questions(file) == [new, PAIRS[0], PAIRS[1]]


def test_the_passage_is_the_chapter_with_the_evidence_marked_and_escaped(file: Path) -> None:
    review = Review(file, [CHAPTER])
    shown = passage_html(review, 0)
    assert "&lt;张三&gt;<mark>的师父<b>李四</b></mark>走进门来" in shown
    review.edit(0, {"evidence": "的师父，李四"})
    assert "<mark>的师父<b>李四</b></mark>" in passage_html(review, 0)  # as the book has it
    review.edit(0, {"evidence": "王五拿着一百把枪"})
    assert "这一章里没有依据" in passage_html(review, 0)
    review.edit(0, {"chapter": ""})
    assert review.pairs[0].question.chapter is None


def test_faults_are_told_in_chinese_too(file: Path) -> None:
    review = Review(file, [CHAPTER])
    for typed in (
        {"answer": "是王五。"},
        {"question": "李四是谁？"},
        {"evidence": ""},
        {"evidence": "王五拿着一百把枪"},
        {"chapter": "7"},
        {"question": "谁？", "answer": "作为一个AI，我说是李四。"},
        {"answer": "是李四李李李李李李李李李。", "evidence": "来，拿着一把剑"},
        {"question": "这段文字里" + "张三" * 60 + "的师父是谁？"},
        {"question": "Who is it?", "answer": "It is 李四", "evidence": "张三>的师父李四走进门来"},
    ):
        before = {"chapter": "1", "question": PAIRS[0].question, "answer": "是李四。", "evidence": "的师父李四"}
        review.edit(0, before | typed)
        faults = review.pairs[0].faults
        assert faults, typed
        assert all(re.match(r"[\u4e00-\u9fff]", fault_words(fault)) for fault in faults), faults
    assert fault_words("something new") == "something new"


def test_files_that_cannot_be_reviewed(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("")
    with pytest.raises(UserError, match="holds no question"):
        Review(tmp_path / "q.jsonl", [])
    (tmp_path / "q.csv").write_text("question,answer\n谁？,他。\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"questions import .*q\.csv --out .*q\.jsonl"):
        Review(tmp_path / "q.csv", [])
