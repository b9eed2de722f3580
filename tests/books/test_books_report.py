"""Parts, copies, problems and the report: what the stage does beyond one book."""

import json
import re
from pathlib import Path

import pytest

from shuoshu.books import stage
from shuoshu.books.chapter import read_chapters
from shuoshu.books.editions import similarity
from shuoshu.books.stage import read_books
from shuoshu.errors import UserError
from shuoshu.files import read_json
from shuoshu.recipe import BooksOptions

PLACES = tuple(f"{a}{b}" for a in "山江城村" for b in "中上里外")


def book(seed: int, chapters: int = 16) -> str:
    """A made-up book whose sentences are its own."""
    parts = []
    for n in range(1, chapters + 1):
        parts.append(f"第{n}章 {PLACES[n % 16]}")
        for m in range(12):
            a, b, c = (PLACES[(seed * 7 + n * i + m * (i + 2) + seed) % 16] for i in (1, 3, 5))
            parts.append(f"有人来到{a}{seed}号{m}门，不说{b}的事，人们都看着第{n}块{c}的石头，有话也不说。")
    return "\n".join(parts) + "\n"


def write(folder: Path, **books: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in books.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def test_only_new_books_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", 甲=book(1), 乙=book(2))
    out = tmp_path / "out"
    read_books([str(folder)], out, BooksOptions())
    before = {path.name: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    write(folder, 丙=book(3))
    read_books([str(folder)], out, BooksOptions())
    after = {path.name: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    assert len(after) == 3
    assert before.items() <= after.items()
    (folder / "乙.txt").unlink()
    read_books([str(folder)], out, BooksOptions(skip_rules=["quotes"]))
    assert not {path.name for path in (out / "parts").iterdir()} & after.keys()
    assert [c.book for c in read_chapters(out / "chapters.jsonl") if c.number == 1] == ["丙", "甲"]


def test_many_processes_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "in", **{f"书{n}": book(n) for n in range(4)}, 空="")
    one = read_books([str(folder)], tmp_path / "one", BooksOptions())
    monkeypatch.setattr(stage, "ALONE", 0)
    many = read_books([str(folder)], tmp_path / "many", BooksOptions())
    assert many | {"seconds": 0} == one | {"seconds": 0}
    assert (tmp_path / "one/chapters.jsonl").read_bytes() == (tmp_path / "many/chapters.jsonl").read_bytes()


def test_second_edition_is_left_out(tmp_path: Path) -> None:
    pytest.importorskip("rensa", reason="rensa (extra `books`) is not installed")
    dirty = book(1).replace("，", "").replace("石头", "□头")
    folder = write(tmp_path / "in", 甲=book(1), 甲本=dirty, 乙=book(2))
    result = read_books([str(folder)], tmp_path / "out", BooksOptions())
    by_title = {entry["title"]: entry for entry in result["books"]}
    assert by_title["甲本"]["duplicate_of"].endswith("甲.txt")
    assert by_title["甲本"]["characters"] == 0
    for entry in result["books"]:
        assert entry["characters_in"] - entry["dropped"] + entry["added"] == entry["characters"]
    assert {c.book for c in read_chapters(tmp_path / "out/chapters.jsonl")} == {"甲", "乙"}
    result = read_books([str(folder)], tmp_path / "out", BooksOptions(skip_rules=["editions"]))
    assert all(entry["characters"] for entry in result["books"])


def test_similarity_is_that_of_the_sets() -> None:
    rensa = pytest.importorskip("rensa", reason="rensa (extra `books`) is not installed")

    def sketch(words: set[str]) -> list[int]:
        minhash = rensa.RMinHash(num_perm=128, seed=1)
        minhash.update(sorted(words))
        return list(minhash.digest())

    a, b = {str(n) for n in range(1000)}, {str(n) for n in range(300, 1300)}
    assert abs(similarity(sketch(a), sketch(b)) - len(a & b) / len(a | b)) < 0.12


def test_lines_of_a_site_at_the_ends_of_several_books(tmp_path: Path) -> None:
    mark = "某某小站友情整理，愿君喜欢这个故事"
    folder = write(tmp_path / "in", **{f"书{n}": f"{mark}\n{book(n)}{mark}\n" for n in range(1, 4)}, 别=book(5))
    result = read_books([str(folder)], tmp_path / "out", BooksOptions())
    chapters = read_chapters(tmp_path / "out/chapters.jsonl")
    assert mark not in "".join(chapter.text for chapter in chapters)
    for entry in result["books"]:
        own = "".join(chapter.text for chapter in chapters if chapter.book == entry["title"])
        assert entry["characters"] == len(own) == entry["characters_in"] - entry["dropped"] + entry["added"]
        assert all(own[c.start : c.start + len(c.text)] == c.text for c in chapters if c.book == entry["title"])


def test_report_tells_problems_and_samples(tmp_path: Path) -> None:
    text = book(1, 6) + "第8章" + book(2, 12).partition("第8章")[2] + "天涯书库www.abc.com\n"
    folder = write(tmp_path / "in", 甲=text + "□□ 的 <script>alert(1)</script> 字\n")
    read_books([str(folder)], tmp_path / "out", BooksOptions())
    (entry,) = read_json(tmp_path / "out/report.json")["books"]
    assert entry["problems"][0] == [2, "chapter 6 → 8: 7 missing"]
    assert [8, "2 characters are missing (□)"] in entry["problems"]
    assert entry["rules"]["adverts"]["samples"]
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "chapter 6 → 8: 7 missing" in page
    assert "天涯书库www.abc.com" in page
    assert "<script>" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_problems_of_all_books_begin_with_the_worst(tmp_path: Path) -> None:
    chapters = re.split(r"(?m)^(?=第\d+章)", book(1))
    holes = "".join(chapter for n, chapter in enumerate(chapters) if n not in (4, 7, 10, 13))
    folder = write(tmp_path / "in", 甲=holes)
    (folder / "乙.txt").write_bytes(book(2).encode().replace("城上".encode(), b"\xff\xff", 3))
    read_books([str(folder)], tmp_path / "out", BooksOptions())
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    listed = re.findall(r"<li><b>(.)</b> <small>.\.txt</small>: (.*?)</li>", page)
    assert [title for title, _ in listed] == ["乙", "甲", "甲", "甲"]  # three of four holes
    assert "mean nothing in this encoding" in listed[0][1]
    assert listed[1][1] == "chapter 3 → 5: 4 missing"


def test_unknown_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'adverts'"):
        read_books(["demo"], tmp_path / "out", BooksOptions(skip_rules=["advert"]))


def test_figures_are_json(tmp_path: Path) -> None:
    result = read_books(["demo"], tmp_path / "out", BooksOptions())
    assert json.loads(json.dumps(result)) == result
