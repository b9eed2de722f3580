from pathlib import Path

import pytest

from shuoshu.answer.index import Index, build_index
from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.books.stage import read_books
from shuoshu.recipe import BooksOptions, IndexOptions


@pytest.fixture(scope="session")
def novella(tmp_path_factory: pytest.TempPathFactory) -> list[Chapter]:
    """The chapters of the bundled book."""
    folder = tmp_path_factory.mktemp("books")
    read_books(["demo"], folder, BooksOptions(paths=["demo"]))
    return read_chapters(folder / "chapters.jsonl")


@pytest.fixture(scope="session")
def novella_folder(novella: list[Chapter], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the bundled book. Tests that damage it copy it first."""
    folder = tmp_path_factory.mktemp("run") / "index"
    build_index(novella, folder, IndexOptions())
    return folder


@pytest.fixture(scope="session")
def novella_index(novella_folder: Path) -> Index:
    return Index.open(novella_folder)
