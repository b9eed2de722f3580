"""Facts of the chapters that pretraining holds out are set aside."""

from pathlib import Path

import pytest

from shuoshu.books.chapter import Chapter, write_chapters
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.questions.stage import held_out_chapters, prepare_questions
from shuoshu.recipe import QuestionsOptions


def numeral(number: int) -> str:
    """A text of its own for every number, so that no two facts look alike."""
    return "".join(chr(0x4E00 + (number * 7919 + place * 104729) % 20000) for place in range(14))


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A book of 21 chapters (10 and 20 are held out) and one of two, whose last end is held out but not a chapter."""
    sizes = {"长书": 21, "短书": 2}
    chapters = [
        Chapter(book=book, number=number, title="", text=(numeral(number) + "。\n") * 90, start=0)
        for book, count in sizes.items()
        for number in range(1, count + 1)
    ]
    write_chapters(tmp_path / "chapters.jsonl", chapters)
    made = [
        Question(
            id=f"{chapter.book}{chapter.number}-{i}",
            book=chapter.book,
            chapter=chapter.number,
            question=f"{numeral(1000 * (chapter.number + 30 * (chapter.book == '短书')) + i)}？",
            answer=f"{numeral(99000 + 100 * chapter.number + i + 50 * (chapter.book == '短书'))}。",
        )
        for chapter in chapters
        for i in range(4)
    ]
    write_questions(tmp_path / "made.jsonl", made)
    return tmp_path


def parts(folder: Path) -> dict[str, set[tuple[str, int | None]]]:
    names = ("train", "valid", "test")
    return {name: {(q.book, q.chapter) for q in read_questions(folder / f"{name}.jsonl")} for name in names}


def test_held_out_chapters(books: Path) -> None:
    assert held_out_chapters(books / "chapters.jsonl") == {("长书", 10), ("长书", 20)}


def test_their_facts_go_to_test(books: Path) -> None:
    options = QuestionsOptions(train=[str(books / "made.jsonl")], test_share=0.2, valid_share=0.1)
    figures = prepare_questions(books / "out", options, books / "chapters.jsonl")
    assert figures["held_out_facts"] == 8
    total = sum(figures[f"{name}_facts"] for name in ("train", "valid", "test"))
    assert (figures["test_facts"], figures["valid_facts"]) == (round(0.2 * total), round(0.1 * total))
    split = parts(books / "out")
    assert {("长书", 10), ("长书", 20)} <= split["test"]
    assert not {("长书", 10), ("长书", 20)} & (split["train"] | split["valid"])


def test_all_of_them_even_beyond_the_share(books: Path) -> None:
    options = QuestionsOptions(train=[str(books / "made.jsonl")], test_share=0.01)
    figures = prepare_questions(books / "out", options, books / "chapters.jsonl")
    assert (figures["test_facts"], figures["valid_facts"]) == (8, 0)


def test_to_valid_where_test_files_are_given(books: Path) -> None:
    write_questions(books / "test.jsonl", [Question(question="另一个问题是什么？", answer="另一个答案。")])
    options = QuestionsOptions(train=[str(books / "made.jsonl")], test=[str(books / "test.jsonl")], valid_share=0.1)
    prepare_questions(books / "out", options, books / "chapters.jsonl")
    assert {("长书", 10), ("长书", 20)} <= parts(books / "out")["valid"]
    # With no side to set them aside on, everything given is trained on.
    options.valid_share = 0.0
    figures = prepare_questions(books / "none", options, books / "chapters.jsonl")
    assert (figures["train"], figures["held_out_facts"]) == (92, 0)
