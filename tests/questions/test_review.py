"""The review page: every edit and verdict on the disk at once, a rejected pair never lost."""

from pathlib import Path

import pytest

from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.questions.review import Review, review_page

CHAPTER = Chapter(book="书", number=1, title="", text="有一天，<张三>的师父李四走进门来，拿着一把剑。\n", start=0)
PAIRS = [
    Question(
        id=str(i),
        book="书",
        chapter=1,
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


def test_edits_and_verdicts_are_on_the_disk(file: Path) -> None:
    review = Review(file, [CHAPTER])
    assert review.edit(0, question="张三跟谁学剑？", key="李四\n老李") == []
    review.judge(1, "reject")
    assert [(q.question, q.key) for q in read_questions(file)] == [
        ("张三跟谁学剑？", ("李四", "老李")),
        (PAIRS[2].question, ("李四",)),
    ]
    again = Review(file, [CHAPTER])
    assert again.verdicts == ["", "reject", ""]
    assert again.next_open(0) == 2
    again.judge(1, "")
    assert len(read_questions(file)) == 3


def test_faults_are_told_while_editing(file: Path) -> None:
    review = Review(file, [CHAPTER])
    assert review.edit(0, answer="是王五。") == ["key not in the answer"]
    assert review.edit(0, question="") == ["a pair needs a question and an answer: not saved"]
    assert read_questions(file)[0].question == PAIRS[0].question


def test_the_passage_is_shown_and_escaped(file: Path) -> None:
    shown = Review(file, [CHAPTER]).passage(0)
    assert "<mark>的师父李四</mark>走进门来" in shown
    assert "&lt;张三&gt;" in shown


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("")
    with pytest.raises(UserError, match="holds no question"):
        Review(tmp_path / "q.jsonl", [])


def test_the_page_is_built(file: Path) -> None:
    page = review_page(file, [CHAPTER])
    labels = str(page.get_config_file())
    assert all(label in labels for label in ("问题", "答案", "依据", "接受，下一条", "拒绝，下一条"))
