"""What a folder of unknown files may hold: each is refused with a sentence or left aside; nothing crashes or leaks."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from shuoshu.books.book import read_book
from shuoshu.books.reading import containers, html
from shuoshu.books.reading.containers import Source
from shuoshu.books.sources import find_sources
from shuoshu.books.stage import read_books
from shuoshu.errors import UserError
from shuoshu.recipe import BooksOptions

STORY = "第一章 雨夜\n他推开门，雨还在下。\n第二章 天明\n天亮了，他走了。\n"


def read(path: Path) -> None:
    for source in find_sources([str(path)])[0]:
        read_book(source)


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def epub(opf: str, page: bytes = b"<html><body><p>x</p></body></html>") -> bytes:
    return packed({"mimetype": b"application/epub+zip", "c.opf": opf.encode(), "a.xhtml": page})


def test_an_archive_in_an_archive_is_left_aside(tmp_path: Path) -> None:
    inner = packed({"a.txt": b"a" * (32 << 20)})
    (tmp_path / "a.zip").write_bytes(packed({"b.zip": inner, "c.gz": gzip.compress(inner), "d.txt": STORY.encode()}))
    sources, skipped = find_sources([str(tmp_path / "a.zip")])
    assert [source.member for source in sources] == ["d.txt"]
    assert len(skipped) == 2


def test_a_lying_size_does_not_help_a_bomb(tmp_path: Path) -> None:
    data = bytearray(packed({"a.txt": b"a" * (32 << 20)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match=r"damaged|unpacks to"):
        read(tmp_path / "a.zip")


def test_entities_of_an_epub_are_neither_multiplied_nor_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    opf = (
        f'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY l0 "ha"><!ENTITY s SYSTEM "file://{secret}">{laughs}]>'
        '<package><metadata><title>灯&l11;&s;</title></metadata><manifest><item id="a" href="a.xhtml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    file = tmp_path / "a.epub"
    file.write_bytes(epub(opf, f"<html><body><p>{STORY}</p></body></html>".encode()))
    try:
        book = read_book(Source(path=file, format="epub", explicit=True))
    except UserError:
        return
    assert "SECRET" not in book.title
    assert len(book.title) < 100


def test_a_path_out_of_an_epub_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.xhtml").write_text("<p>SECRET</p>")
    opf = '<package><manifest><item id="a" href="../../secret.xhtml"/></manifest><spine><itemref idref="a"/></spine>'
    opf += "</package>"
    (tmp_path / "a.epub").write_bytes(epub(opf))
    with pytest.raises(UserError, match="no text"):
        read(tmp_path / "a.epub")


def test_pipes_loops_and_dead_links_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    (folder / "in").mkdir(parents=True)
    (folder / "a.txt").write_text(STORY, encoding="utf-8")
    os.mkfifo(folder / "pipe.txt")
    (folder / "dead.txt").symlink_to(folder / "nowhere.txt")
    (folder / "in/up").symlink_to(folder)
    (folder / "self.txt").symlink_to(folder / "self.txt")
    (folder / "device.txt").symlink_to("/dev/zero")
    sources, skipped = find_sources([str(folder)])
    assert [source.path.name for source in sources] == ["a.txt"]
    assert {path.name for path, _ in skipped} >= {"pipe.txt", "dead.txt", "device.txt"}
    with pytest.raises(UserError):
        find_sources([str(folder / "pipe.txt")])


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "books")
    os.mkdir(folder)  # noqa: PTH102
    Path(os.fsdecode(folder + b"/" + "雨夜".encode("gbk") + b".txt")).write_text(STORY, encoding="utf-8")
    result = read_books([str(tmp_path / "books")], tmp_path / "out", BooksOptions())
    assert result["books"][0]["chapters"] == 2
    assert result["books"][0]["title"] == "雨夜"


@pytest.mark.parametrize("name", ["a.gz", "a.zip", "a.epub", "a.parquet", "a.pdf"])
def test_cut_and_empty_files(tmp_path: Path, name: str) -> None:
    noise = os.urandom(3000).hex().encode()
    data = {
        "a.gz": gzip.compress(noise),
        "a.zip": packed({"a.txt": noise}),
        "a.epub": epub("<package/>", noise),
        "a.parquet": b"PAR1" + noise + b"PAR1",
        "a.pdf": b"%PDF-1.7\n" + noise,
    }[name]
    for content in (data[: len(data) // 2], data[:-5], b"", b"\0" * 100):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=r"a\."):
            read(tmp_path / name)


def test_an_encrypted_archive_is_named(tmp_path: Path) -> None:
    data = bytearray(packed({"a.txt": STORY.encode()}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match="protected"):
        read(tmp_path / "a.zip")


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "LARGEST", 100)
    (tmp_path / "a.txt").write_text(STORY * 9, encoding="utf-8")
    with pytest.raises(UserError, match="split it"):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize("name", ["a.txt.gz", "a.zip", "a.jsonl", "a.html"])
def test_a_book_on_one_long_line(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "_LARGEST", 100_000)  # beyond which a page is not parsed
    line = "".join(f"第{n}章 雨夜。他推开门，看见第{n}盏灯在雨里亮着，没有人说话。" for n in range(1, 10_001))
    data = {
        "a.txt.gz": gzip.compress(line.encode(), 1),
        "a.zip": packed({"a.txt": line.encode()}),
        "a.jsonl": json.dumps({"text": line}).encode(),
        "a.html": f"<html><body><p>{line}</p></body></html>".encode(),
    }[name]
    (tmp_path / name).write_bytes(data)
    (source,) = find_sources([str(tmp_path / name)])[0]
    text = "".join(chapter.text for chapter in read_book(source).chapters)
    assert "".join(text.split()) == "".join(line.split())


def test_parquet_of_wrong_types(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow (extra `books`) is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    for column in ([1, 2], [b"\xff", b"x"], [["a"], ["b"]], [None, None]):
        parquet.write_table(pyarrow.table({"text": column}), tmp_path / "a.parquet")
        with pytest.raises(UserError, match="no row with a text"):
            read(tmp_path / "a.parquet")
