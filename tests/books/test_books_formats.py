"""Every format beside plain text, written here and read back."""

import csv
import gzip
import json
import time
import zipfile
from pathlib import Path

import pytest

from shuoshu.books.book import Book, read_book
from shuoshu.books.sources import find_sources
from shuoshu.errors import UserError

STORY = "第一章 雨夜\n他推开门，雨还在下。\n第二章 天明\n天亮了，他走了。\n"


def read(path: Path) -> list[Book]:
    return [read_book(source) for source in find_sources([str(path)])[0]]


def chapters(path: Path) -> list[tuple[int, str, str]]:
    (book,) = read(path)
    return [(c.number, c.title, c.text) for c in book.chapters]


EXPECTED = [
    (1, "第一章 雨夜", "第一章 雨夜\n他推开门，雨还在下。\n"),
    (2, "第二章 天明", "第二章 天明\n天亮了，他走了。\n"),
]


def test_html(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    page = "<!DOCTYPE html><html><head><title>雨</title><style>x</style></head><body><nav>首页</nav>"
    page += "".join(f"<h2>{a}</h2><p>{b}</p>" for a, b in zip(*[iter(STORY.split("\n")[:4])] * 2, strict=True))
    file.write_bytes(page.encode("gb18030"))
    assert chapters(file) == EXPECTED
    assert read(file)[0].account.rules["navigation"].dropped == 2


def test_html_nested_beyond_reason(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_text("<html>" + "<div>" * 60_000 + "他来了。", encoding="utf-8")
    start = time.process_time()
    assert chapters(file) == [(1, "", "他来了。\n")]
    assert time.process_time() - start < 2


def test_markdown(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(
        "---\ntitle: 雨书\n---\n# 雨书\n\n## 第一章 雨夜\n\n他**推开**[门](http://x.y)，![图](a.png)雨*还*在下。\n\n"
        "## 第二章 天明\n\n> 天亮了，他走了。\n",
        encoding="utf-8",
    )
    (book,) = read(file)
    assert book.title == "雨书"
    assert [(c.number, c.title, c.text) for c in book.chapters if c.number] == EXPECTED


def test_markdown_headings_of_any_wording(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# 考城隍\n\n宋公。\n\n# 耳中人\n\n谭生。\n", encoding="utf-8")
    assert [(n, title) for n, title, _ in chapters(file)] == [(1, "考城隍"), (2, "耳中人")]


def test_json_lines_and_csv(tmp_path: Path) -> None:
    rows = [{"title": "考城隍", "text": "宋公病了。\n他去了。"}, {"text": "无题的一段。"}, {"text": ""}]
    want = [(1, "考城隍", "考城隍\n宋公病了。\n他去了。\n"), (2, "", "无题的一段。\n")]
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    assert chapters(lines) == want
    (tmp_path / "b.json").write_text(json.dumps(rows), encoding="utf-8")
    assert chapters(tmp_path / "b.json") == want
    table = tmp_path / "a.csv"
    with table.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, ["title", "text"])
        writer.writeheader()
        writer.writerows(rows)
    assert chapters(table) == want


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "好。"}\n{"text": \n', encoding="utf-8")
    with pytest.raises(UserError, match="line 2"):
        read(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_text('{"no": "好。"}\n', encoding="utf-8")
    with pytest.raises(UserError, match="no row with a text"):
        read(tmp_path / "b.jsonl")


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow (extra `books`) is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"标题": ["甲", "乙"], "正文": ["一段。", "二段。"], "n": [1, 2]}), file)
    assert chapters(file) == [(1, "甲", "甲\n一段。\n"), (2, "乙", "乙\n二段。\n")]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged Parquet"):
        read(file)


def test_pdf(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 (extra `books`) is not installed")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    from matplotlib.backends.backend_pdf import PdfPages

    file = tmp_path / "a.pdf"
    with PdfPages(file) as pages:
        for number in range(1, 5):
            figure = pyplot.figure()
            text = f"A Dark Night\n\nChapter {number}\nThe rain fell on house {'abcd'[number - 1]}.\n\n{number}"
            figure.text(0.1, 0.5, text)
            pages.savefig(figure)
            pyplot.close(figure)
    (book,) = read(file)
    assert [(c.number, c.title) for c in book.chapters] == [(n, f"Chapter {n}") for n in range(1, 5)]
    assert book.chapters[1].text == "Chapter 2\nThe rain fell on house b.\n"
    assert book.account.rules["running-heads"].times == 8


def test_gzip_and_zip(tmp_path: Path) -> None:
    packed = tmp_path / "雨.txt.gz"
    packed.write_bytes(gzip.compress(STORY.encode("big5", "ignore")))
    assert [n for n, _, _ in chapters(packed)] == [1, 2]
    assert read(packed)[0].title == "雨"
    archive = tmp_path / "books.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("书/第10回.txt", "第十回里的一段文字。")
        file.writestr("书/第2回.txt", "第二回里的一段文字。")
        file.writestr("../../outside.txt", "这一段只是文字，名字却想跑到外面去。")
        file.writestr("__MACOSX/._a.txt", b"\0\1\2")
        file.writestr("inner.zip", b"PK")
    sources, skipped = find_sources([str(archive)])
    assert [source.stem for source in sources] == ["outside.txt", "第2回.txt", "第10回.txt"]
    assert [path.name for path, _ in skipped] == ["inner.zip"]
    assert [book.title for book in read(archive)] == ["outside", "第2回", "第10回"]
    assert not (tmp_path.parent / "outside.txt").exists()


def test_names_in_old_archives(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("XXXX.txt", "一段文字。")
    data = archive.read_bytes().replace(b"XXXX", "雨夜".encode("gbk"))
    archive.write_bytes(data)
    (book,) = read(archive)
    assert book.title == "雨夜"


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_bombs_are_refused(tmp_path: Path, kind: str) -> None:
    bomb = b"a" * (64 << 20)
    file = tmp_path / f"a.{kind}"
    if kind == "gz":
        file.write_bytes(gzip.compress(bomb))
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", bomb)
    with pytest.raises(UserError, match="unpacks to more than"):
        read(file)


def test_formats_to_convert_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mobi").write_bytes(b"BOOKMOBI")
    with pytest.raises(UserError, match="convert it to EPUB"):
        read(tmp_path / "a.mobi")
    sources, skipped = find_sources([str(tmp_path)])
    assert not sources
    assert len(skipped) == 1


def test_links_out_of_the_folder_are_left_aside(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("秘密。", encoding="utf-8")
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "a.txt").write_text(STORY, encoding="utf-8")
    (folder / "b.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "loop").symlink_to(folder)
    sources, skipped = find_sources([str(folder)])
    assert [source.path.name for source in sources] == ["a.txt"]
    assert [(path.name, why) for path, why in skipped] == [("b.txt", "a link out of the folder")]


def test_rows_that_come_again_and_rows_of_adverts_are_no_chapters(tmp_path: Path) -> None:
    long = "他推开门，雨还在下，街上一个人也没有，只有一盏灯亮着，照着湿漉漉的石板路，一直照到河边的渡口去，" * 2
    rows = [{"text": long}, {"text": "第二段。"}, {"text": long}, {"text": long}, {"text": "第三段。"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [(n, text) for n, _, text in chapters(tmp_path / "a.jsonl")] == [
        (1, f"{long}\n"),
        (2, "第二段。\n"),
        (3, "第三段。\n"),
    ]


def test_a_page_too_large_for_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shuoshu.books.reading.html._LARGEST", 100)
    (tmp_path / "a.html").write_text(
        "<html><body>" + "<p>他来了 &amp; 走了。</p>" * 20 + "</body></html>", encoding="utf-8"
    )
    assert chapters(tmp_path / "a.html")[0][2] == "他来了 & 走了。\n" * 20
