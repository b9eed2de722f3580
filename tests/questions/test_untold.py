"""Unanswerable questions by rule: nobody they ask about is in the book, or nothing there speaks of what they ask."""

import re
from importlib.resources import as_file, files

import pytest

from shuoshu.books.chapter import Chapter
from shuoshu.books.stage import read_books
from shuoshu.questions.question import Question
from shuoshu.questions.stage import hold_out_wordings, read_named
from shuoshu.questions.untold import NEAR, NOT_TOLD, untold_questions


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> list[Chapter]:
    from shuoshu.books.chapter import read_chapters
    from shuoshu.recipe import BooksOptions

    out = tmp_path_factory.mktemp("books")
    with as_file(files("shuoshu.demo") / "澹江七灯录.txt") as path:
        read_books([str(path)], out, BooksOptions(paths=[str(path)]))
    return list(read_chapters(out / "chapters.jsonl"))


def test_nobody_asked_about_is_there_and_nothing_is_told(chapters: list[Chapter]) -> None:
    trained = read_named("demo", "train")
    made = untold_questions(trained, chapters, 60)
    assert len(made) == 60
    assert len({question.question for question in made}) == 60
    text = "\n".join(chapter.text for chapter in chapters)
    known = {wording for question in trained for wording in question.wordings()}
    for question in made:
        assert (question.level, question.answer) == ("NA", NOT_TOLD)
        assert question.question not in known
        if found := re.fullmatch(r"(?:《.*》里，)?(.+)的妹妹叫什么？", question.question):
            for place in re.finditer(re.escape(found[1]), text):
                assert "妹" not in text[max(0, place.start() - NEAR) : place.end() + NEAR]


def test_the_same_seed_makes_the_same(chapters: list[Chapter]) -> None:
    trained = read_named("demo", "train")
    assert untold_questions(trained, chapters, 30, seed=3) == untold_questions(trained, chapters, 30, seed=3)
    assert untold_questions(trained, chapters, 30, seed=3) != untold_questions(trained, chapters, 30, seed=4)


def test_heroes_of_one_book_are_asked_of_another(chapters: list[Chapter]) -> None:
    other = [
        Chapter(book="别传", number=1, title="第一回", text="张三道：“来了。”李四道：“好。”" * 9, start=0),
    ]
    made = untold_questions(read_named("demo", "train"), [*chapters, *other], 40)
    moved = [question for question in made if question.book == "别传" and "《别传》" in question.question]
    assert moved
    assert not any(name in question.question for name in ("张三", "李四") for question in moved)


def test_too_few_names_make_none() -> None:
    plain = [Chapter(book="诗", number=1, title="", text="床前明月光，疑是地上霜。", start=0)]
    assert untold_questions([Question(question="床前有什么？", answer="月光。")], plain, 10) == []
    assert untold_questions([], plain, 10) == []


def test_wordings_held_out_are_not_trained() -> None:
    trained = read_named("demo", "train")
    left, taken = hold_out_wordings(trained, 0.3, seed=1)
    assert len(left) == len(trained)
    assert 0.15 * len(trained) < len(taken) < 0.45 * len(trained)
    kept = {wording for question in left for wording in question.wordings()}
    for question in taken:
        assert question.question not in kept
        assert question.of
        assert not question.paraphrases
    before = sum(len(question.wordings()) for question in trained)
    assert before == sum(len(question.wordings()) for question in left) + len(taken)
    assert hold_out_wordings(trained, 0.0, seed=1) == (trained, [])
