import re
import shutil
from pathlib import Path

import pytest

from shuoshu.books.chapter import read_chapters
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.serve.page.examples import EXAMPLES, LONGEST, example_questions


def make_run(folder: Path, **parts: list[Question]) -> RunFolder:
    for name, questions in parts.items():
        write_questions(folder / "questions" / f"{name}.jsonl", questions)
    return RunFolder(folder)


def some(count: int, mark: str = "问") -> list[Question]:
    return [Question(question=f"{mark}{i}？", answer="答") for i in range(count)]


def test_trained_and_untrained_questions_by_turns(recites: Path) -> None:
    run = RunFolder(recites)
    trained, tested = ({q.question for q in read_questions(run.questions(part))} for part in ("train", "test"))
    examples = example_questions(run)
    assert len(set(examples)) == EXAMPLES
    assert [question in trained for question in examples] == [True, False] * (EXAMPLES // 2)
    assert [question in tested for question in examples] == [False, True] * (EXAMPLES // 2)
    assert all(len(question) <= LONGEST for question in examples)


def test_every_book_gets_its_share(tmp_path: Path) -> None:
    books = [question for mark in "甲乙丙" for question in some(40, mark)]
    examples = example_questions(make_run(tmp_path, train=books))
    assert [question[0] for question in examples] == list("甲甲乙乙丙丙")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_questions_are_all_shown(tmp_path: Path, count: int) -> None:
    assert example_questions(make_run(tmp_path, train=some(count))) == [f"问{i}？" for i in range(count)]


def test_what_cannot_be_answered_or_read_at_a_glance_is_no_example(tmp_path: Path) -> None:
    unknown = Question(question="谁？", answer="书中没有提到。", level="NA")
    long = Question(question="长" * (LONGEST + 1), answer="答")
    assert example_questions(make_run(tmp_path, test=[unknown, long, *some(1)])) == ["问0？"]


def test_a_bare_model_has_none_and_a_broken_file_is_named(tmp_path: Path) -> None:
    assert example_questions(RunFolder(tmp_path)) == []
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "train.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"train\.jsonl, line 1"):
        example_questions(RunFolder(tmp_path))


def test_without_question_files_the_books_themselves_are_asked(recites: Path, tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    shutil.copy(recites / "books" / "chapters.jsonl", tmp_path / "books")
    examples = example_questions(RunFolder(tmp_path))
    text = "".join(chapter.text for chapter in read_chapters(tmp_path / "books" / "chapters.jsonl"))
    assert len(set(examples)) == EXAMPLES
    for question in examples:
        assert len(question) <= LONGEST
        assert re.search("“(.+)”", question)[1] in text  # type: ignore[index]
