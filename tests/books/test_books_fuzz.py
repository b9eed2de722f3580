"""Bytes, pages and archives of any kind: a sentence or a book, never a crash (at length: benchmarks/books_fuzz.py)."""

import contextlib
import importlib.util
import io
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.books.book import read_book
from shuoshu.books.reading.containers import Source
from shuoshu.books.sources import find_sources
from shuoshu.errors import UserError

SPEC = importlib.util.spec_from_file_location(
    "benchmarks_books_fuzz", Path(__file__).resolve().parents[2] / "benchmarks/books_fuzz.py"
)
assert SPEC is not None
assert SPEC.loader is not None
BENCHMARK = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(BENCHMARK)
PIECES: list[str] = BENCHMARK.PIECES
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map("".join)
ENCODINGS = st.sampled_from(BENCHMARK.ENCODINGS)
DATA = st.binary(max_size=400) | st.builds(lambda text, encoding: text.encode(encoding, "ignore"), TEXTS, ENCODINGS)


def read(data: bytes, name: str) -> None:
    """Read bytes as a file of that name; the account of a book that comes of it is checked by `read_book`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        with contextlib.suppress(UserError):  # a sentence for the user: what bad input deserves
            for source in find_sources([str(file)])[0]:
                book = read_book(source)
                assert all("\x01" not in chapter.text for chapter in book.chapters)


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.md", "a.jsonl", "a.csv", "a.txt.gz", "a.parquet"])
@settings(max_examples=40, deadline=None)
@given(data=DATA)
def test_any_bytes_under_any_name(name: str, data: bytes) -> None:
    read(data, name)


@settings(max_examples=40, deadline=None)
@given(
    members=st.dictionaries(st.text(min_size=1, max_size=12), DATA, max_size=4),
    cut=st.integers(0, 400),
    epub=st.booleans(),
)
def test_any_archive(members: dict[str, bytes], cut: int, epub: bool) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if epub:
            archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, data in members.items():
            archive.writestr(name.replace("\0", "_").encode("utf-8", "replace").decode(), data)
    data = buffer.getvalue()
    read(data, "a.zip")
    read(data[: max(0, len(data) - cut)], "a.epub")


@settings(max_examples=60, deadline=None)
@given(page=TEXTS, opf=TEXTS)
def test_any_epub_content(page: str, opf: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "content.opf",
            '<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine>'
            f"</package>{opf}".encode("utf-8", "ignore"),
        )
        archive.writestr("a.xhtml", page.encode("utf-8", "ignore"))
    read(buffer.getvalue(), "a.epub")


@pytest.mark.parametrize("unit", [*PIECES, "![", "](", "__a", "# #", "← ", "- ", "= "])
@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_no_piece_repeated_takes_long(unit: str, form: str, tmp_path: Path) -> None:
    def seconds(length: int) -> float:
        file = tmp_path / "a.txt"
        file.write_text(unit * (length // len(unit)), encoding="utf-8", newline="")
        start = time.process_time()
        with contextlib.suppress(UserError):
            read_book(Source(path=file, format=form, explicit=True))
        return time.process_time() - start

    def quickest(length: int) -> float:
        return min(seconds(length) for _ in range(3))

    took = seconds(30_000)
    # A slow machine may miss the limit; but even there time must not grow squared, fourfold for twice the length. Other
    # work makes a reading slower, never faster: the quickest of three tells.
    assert took < 0.5 + 5 * (tmp_path / "a.txt").stat().st_size / 1e6 or quickest(30_000) < 3 * quickest(15_000)
