from pathlib import Path

import pytest

from shuoshu.answer.ask import Storyteller
from shuoshu.answer.index import build_index
from shuoshu.books.chapter import Chapter, read_chapters, write_chapters
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.recipe import IndexOptions
from shuoshu.serve.page.library import Library

TWO_BOOKS = [
    Chapter(book=book, number=number, title=f"第{number}回", text=f"第{number}回\n{book}。灯𠀀{number}。\n", start=0)
    for book in ("甲", "乙")
    for number in (0, 1, 3)
]


@pytest.fixture
def two_books(tmp_path: Path) -> Library:
    write_chapters(tmp_path / "books" / "chapters.jsonl", TWO_BOOKS)
    build_index(TWO_BOOKS, tmp_path / "index", IndexOptions())
    storyteller = Storyteller(tmp_path)
    return Library(storyteller.run, lambda: storyteller.index)


def test_every_chapter_is_opened_whole(recites: Path) -> None:
    library = Library(RunFolder(recites), lambda: Storyteller(recites).index)
    for chapter in read_chapters(recites / "books" / "chapters.jsonl"):
        start, end = len(chapter.text) // 3, len(chapter.text) // 2
        opened = library.open(chapter.book, chapter.number, start, end)
        assert opened["pieces"] == [chapter.text[:start], chapter.text[start:end], chapter.text[end:]]
        assert opened["title"] == chapter.title


def test_chapters_know_their_neighbours(two_books: Library) -> None:
    found = [two_books.open("乙", number, 0, 0) for number in (0, 1, 3)]
    assert [(one["previous"], one["next"]) for one in found] == [(None, 1), (0, 3), (1, None)]


@pytest.mark.parametrize(("start", "end"), [(-5, 3), (3, -5), (0, 10**9), (10**9, 2), (4, 4)])
def test_whatever_is_asked_to_be_marked_the_text_is_whole(two_books: Library, start: int, end: int) -> None:
    assert "".join(two_books.open("甲", 1, start, end)["pieces"]) == TWO_BOOKS[1].text


def test_passages_stand_in_for_a_file_that_is_not_there(two_books: Library, recites: Path, tmp_path: Path) -> None:
    (tmp_path / "books" / "chapters.jsonl").unlink()
    assert "".join(two_books.open("乙", 3, 0, 0)["pieces"]) == TWO_BOOKS[5].text
    storyteller = Storyteller(recites)
    bare = Library(RunFolder(tmp_path), lambda: storyteller.index)
    for chapter in read_chapters(recites / "books" / "chapters.jsonl"):
        pieced = "".join(bare.open(chapter.book, chapter.number, 0, 0)["pieces"])
        assert pieced == chapter.text


@pytest.mark.parametrize(("book", "number"), [("丙", 1), ("甲", 2), ("", 0), ("../甲", 1)])
def test_what_is_not_in_the_run_is_told(two_books: Library, book: str, number: int) -> None:
    with pytest.raises(UserError, match=f"no chapter {number}"):
        two_books.open(book, number, 0, 1)
