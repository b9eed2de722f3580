"""The stage on real files: the bundled book, the corpus beside the repository, files as people have them."""

from pathlib import Path

import pytest

from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.books.stage import read_books
from shuoshu.errors import UserError
from shuoshu.files import read_json
from shuoshu.recipe import BooksOptions

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public-domain corpus is not beside the repository")
CLEAN = {"水浒传": 120, "西游记": 100, "三国演义": 120, "红楼梦": 120, "三侠五义": 120, "儒林外史": 55, "聊斋志异": 496}
STORY = "第一章 雨夜\n他推开门，雨还在下。\n第二章 天明\n天亮了，他走了。\n第三章 归途\n路很长。\n"


def read(tmp_path: Path, *paths: Path | str, simplify: bool = False) -> tuple[dict, list[Chapter]]:
    result = read_books([str(path) for path in paths], tmp_path / "out", BooksOptions(simplify=simplify))
    return result, read_chapters(tmp_path / "out/chapters.jsonl")


def test_bundled_book(tmp_path: Path) -> None:
    result, chapters = read(tmp_path, "demo")
    assert [chapter.number for chapter in chapters] == list(range(1, 25))
    assert {chapter.book for chapter in chapters} == {"澹江七灯录"}
    assert all(chapter.text.startswith(chapter.title + "\n") for chapter in chapters)
    whole = "".join(chapter.text for chapter in chapters)
    assert all(whole[c.start : c.start + len(c.text)] == c.text for c in chapters)
    assert result["books"][0]["encoding"] == "utf-8"
    assert result["books"][0]["dropped"] == 0
    assert result["characters"] == len(whole)


def without_second_copy(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(line for i, line in enumerate(lines) if len(line) < 60 or line not in lines[:i])


@needs_corpus
@pytest.mark.parametrize("title", CLEAN)
def test_clean_book_is_left_as_it_is(tmp_path: Path, title: str) -> None:
    file = CORPUS / f"{title}.txt"
    result, chapters = read(tmp_path, file)
    book = result["books"][0]
    assert (book["title"], book["encoding"], book["chapters"]) == (title, "utf-8", CLEAN[title])
    assert book["volumes"] == (12 if title == "聊斋志异" else 0)
    assert [chapter.number for chapter in chapters] == list(range(1, CLEAN[title] + 1))
    text = file.read_text(encoding="utf-8")
    if title == "儒林外史":  # this copy has fifteen paragraphs of chapter 38 twice
        assert book["rules"] == {"repeats": 5908}
        text = without_second_copy(text)
    assert "".join(chapter.text for chapter in chapters) == text


@needs_corpus
@pytest.mark.parametrize(
    ("name", "encoding", "count"),
    [
        ("三侠五义.big5", "big5hkscs", 120),
        ("三国演义.gb18030", "gb18030", 120),
        ("水浒传.gb18030", "gb18030", 120),
        ("水浒传.utf8", "utf-8", 120),
        ("西游记.utf8-bom", "utf-8-sig", 100),
        ("西游记.utf8-丢", "utf-8", 100),
    ],
)
def test_dirty_copy_has_its_chapters(tmp_path: Path, name: str, encoding: str, count: int) -> None:
    file = next((CORPUS / "raw").glob(f"{name}*"))
    result, chapters = read(tmp_path, file)
    assert result["books"][0]["encoding"] == encoding
    assert result["books"][0]["title"] == name.split(".")[0]
    assert [chapter.number for chapter in chapters if chapter.number] == list(range(1, count + 1))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "big5", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_found_by_content(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "故事.txt"
    text = "第一章 山中\r\n　　他在山中走了一天，看見一個老人坐在石上。\r\n\r\n　　老人說：「你來了。」\r\n"
    file.write_bytes(text.encode(encoding))
    _, chapters = read(tmp_path, file)
    assert chapters[0].title == "第一章 山中"
    assert "他在山中走了一天，看見一個老人坐在石上。\n老人說：" in chapters[0].text


def test_simplify(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("第一章 雲\n他說著話，進來了，門後還有馬。\n", encoding="utf-8")
    _, chapters = read(tmp_path, file, simplify=True)
    assert chapters[0].text == "第一章 云\n他说着话，进来了，门后还有马。\n"


def test_book_without_headings_is_one_chapter(tmp_path: Path) -> None:
    file = tmp_path / "短文.txt"
    file.write_text("从前有座山。", encoding="utf-8")
    _, chapters = read(tmp_path, file)
    assert [(c.book, c.number, c.title, c.text) for c in chapters] == [("短文", 1, "", "从前有座山。\n")]


def test_folder_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "书"
    folder.mkdir()
    for name in ("第十回", "第二回", "第1回", "卷十二"):
        (folder / f"{name}.txt").write_text(f"这是{name}里的一段文字。", encoding="utf-8")
    (folder / "图.jpg").write_bytes(bytes(range(256)) * 4)
    (folder / "空.txt").write_bytes(b"")
    result, chapters = read(tmp_path, folder)
    assert [chapter.book for chapter in chapters] == ["卷十二", "第1回", "第二回", "第十回"]
    assert {Path(entry["file"]).name for entry in result["skipped"]} == {"图.jpg", "空.txt"}


@pytest.mark.parametrize("content", [b"", b" \n\n", bytes(range(256)) * 10, b"\xef\xbb\xbf", b"PK\x03\x04\0\0\0\0" * 9])
def test_file_without_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "book.txt"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"book\.txt"):
        read(tmp_path, file)
    assert not (tmp_path / "out").exists()


def test_missing_path_and_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not there"):
        read(tmp_path, tmp_path / "nowhere.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no file in it"):
        read(tmp_path, tmp_path / "empty")
    (tmp_path / "empty" / "bild.png").write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="no text in any"):
        read(tmp_path, tmp_path / "empty")
    with pytest.raises(UserError, match="No books given"):
        read(tmp_path)


def test_figures_add_up(tmp_path: Path) -> None:
    file = tmp_path / "b.txt"
    file.write_bytes(("\ufeff" + STORY.replace("\n", "\r\n\r\n　　")).encode("utf-8"))
    result, chapters = read(tmp_path, file)
    book = result["books"][0]
    rules = read_json(tmp_path / "out/report.json")["books"][0]["rules"].values()
    assert book["characters_in"] == len(file.read_bytes().decode("utf-8"))
    assert (
        book["characters_in"] - sum(r["dropped"] for r in rules) + sum(r["added"] for r in rules) == book["characters"]
    )
    assert [chapter.title for chapter in chapters] == ["第一章 雨夜", "第二章 天明", "第三章 归途"]
