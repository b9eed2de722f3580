"""Headings as they really are, in small books written here."""

from pathlib import Path

import pytest

from shuoshu.books.book import Book, read_book
from shuoshu.books.reading.containers import Source
from shuoshu.books.structure.headings import parse_heading

BODY = "他推开门走进来，屋里的灯还亮着，雨声渐渐远了，谁也没有说话。\n" * 3


def read(tmp_path: Path, text: str) -> Book:
    file = tmp_path / "书.txt"
    file.write_text(text, encoding="utf-8")
    return read_book(Source(path=file, format="text", explicit=True))


def chapters(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    return [(chapter.number, chapter.title) for chapter in read(tmp_path, text).chapters]


@pytest.mark.parametrize(
    ("line", "kind", "number", "title"),
    [
        ("第十二回 武松打虎", "chapter", 12, "第十二回 武松打虎"),
        ("　　正文 第一回 宴桃园豪杰三结义　斩黄巾", "chapter", 1, "第一回 宴桃园豪杰三结义 斩黄巾"),
        ("《》目录 第三回　四海千山", "chapter", 3, "第三回 四海千山"),
        ("上卷 第一回 起头", "chapter", 1, "上卷 第一回 起头"),
        ("第二卷 风起 第十章 夜行", "chapter", 10, "第二卷 风起 第十章 夜行"),
        ("第001回", "chapter", 1, "第001回"),
        ("第 23 章　归来", "chapter", 23, "第 23 章 归来"),
        ("第廿三章：归来", "chapter", 23, "第廿三章：归来"),
        ("Chapter IV", "chapter", 4, "Chapter IV"),
        ("CHAPTER TWENTY-ONE. The End", "chapter", 21, "CHAPTER TWENTY-ONE. The End"),
        ("卷三", "volume", 3, "卷三"),
        ("中卷", "volume", 2, "中卷"),
        ("楔子 张天师祈禳瘟疫", "front", None, "楔子 张天师祈禳瘟疫"),
        ("缘起首回", "front", None, "缘起首回"),
        ("番外一 三年后", "back", None, "番外一 三年后"),
        ("Epilogue", "back", None, "Epilogue"),
    ],
)
def test_one_line(line: str, kind: str, number: int | None, title: str) -> None:
    heading = parse_heading(line)
    assert heading is not None
    assert (heading.kind, heading.number, heading.title) == (kind, number, title)


@pytest.mark.parametrize(
    "line",
    [
        "第三掌劈到面门，虞照川忽然矮身。",
        "第二条船急忙转舵",
        "第一回，他没有来。",
        "序幕拉开了",
        "他想起第三章 的话",
        "part of it",
        "第四回中既将薛家母子在荣府中寄居等事略已表明，此回则暂不能写矣。",
        "后记者一行人到了",
        "chapter and verse",
    ],
)
def test_body_lines_are_none(line: str) -> None:
    heading = parse_heading(line)
    assert heading is None or not heading.sure


def test_body_lines_in_a_book(tmp_path: Path) -> None:
    text = f"第一回 甲\n{BODY}第二回合打完\n{BODY}第二回 乙\n{BODY}第三回里他说过\n{BODY}第三回 丙\n{BODY}"
    assert chapters(tmp_path, text) == [(1, "第一回 甲"), (2, "第二回 乙"), (3, "第三回 丙")]


def test_contents_that_repeat_the_body(tmp_path: Path) -> None:
    names = ["第一回 甲乙丙丁", "第二回 戊己庚辛", "第三回 壬癸子丑", "第四回 寅卯辰巳"]
    listed = "\n".join(f"　　{name} …… {i}" for i, name in enumerate(names, 1))
    paired = "\n".join(f"{a}　{b}" for a, b in zip(names[::2], names[1::2], strict=True))
    body = "".join(f"{name}\n{BODY}" for name in names)
    for head in (
        f"目录\n\n{listed}\n\n",
        f"目　录\n{paired}\n",
        f"{listed}\n作者自叙这本书的来历，说了很多很多的话，一共写了十年。\n",
    ):
        book = read(tmp_path, head + body)
        assert [c.title for c in book.chapters if c.number] == names
        assert book.account.rules["contents"].dropped > 20


def test_contents_of_titles_and_pages(tmp_path: Path) -> None:
    names = ["甲乙丙丁 戊己庚辛", "壬癸子丑 寅卯辰巳", "午未申酉 戌亥天地"]
    listed = "\n".join(f"{i:03} {name} ........ {i * 9}" for i, name in enumerate(names, 1))
    body = "".join(f"第{n}回 {name}\n{BODY}" for n, name in zip("一二三", names, strict=True))
    assert [number for number, _ in chapters(tmp_path, f"目录\n{listed}\n\n{body}")] == [1, 2, 3]


def test_volume_and_chapter_in_every_heading(tmp_path: Path) -> None:
    text = "".join(f"第{v}卷 风云 第{c}章 其{v}{c}\n{BODY}" for v in "一二" for c in "一二三")
    book = read(tmp_path, text)
    assert [chapter.number for chapter in book.chapters] == [1, 2, 3, 4, 5, 6]
    assert book.volumes == 2


def test_title_page(tmp_path: Path) -> None:
    file = tmp_path / "a1.txt"
    file.write_text(f"雨夜书\n某人\n\n第一章 甲\n{BODY}《易》曰：“雨。”\n第二章 乙\n{BODY}", encoding="utf-8")
    book = read_book(Source(path=file, format="text", explicit=True))
    assert book.title == "雨夜书"
    assert [chapter.number for chapter in book.chapters] == [1, 2]


def test_headings_without_a_gap(tmp_path: Path) -> None:
    text = f"第一回宴桃园豪杰三结义\n{BODY}第二回张翼德怒鞭督邮\n{BODY}第三回议温明董卓叱丁原\n{BODY}"
    assert [number for number, _ in chapters(tmp_path, text)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("claimed", "numbers"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4]),
        ([1, 2, 4, 5], [1, 2, 4, 5]),  # 3 is missing
        ([81, 82, 83], [81, 82, 83]),  # a second half
        ([1, 2, 30, 4, 5], [1, 2, 3, 4, 5]),  # miswritten
        ([9, 10, 1, 2, 13], [9, 10, 11, 12, 13]),  # used again
        ([1, 2, 3, 1, 2, 3], [1, 2, 3, 4, 5, 6]),  # begun anew in each volume
    ],
)
def test_numbers(tmp_path: Path, claimed: list[int], numbers: list[int]) -> None:
    text = "".join(f"第{n}章 其{i}\n{BODY}" for i, n in enumerate(claimed))
    assert [number for number, _ in chapters(tmp_path, text)] == numbers


def test_volumes_and_ends(tmp_path: Path) -> None:
    a, b, c, d, e = (BODY.replace("他", name) for name in "甲乙丙丁戊")
    text = f"书的来历。\n序\n{a}第一卷\n第一篇 甲\n{b}附录 丙\n{c}第二卷\n第二篇 乙\n{d}后记\n{e}"
    book = read(tmp_path, text)
    assert [(c.number, c.title) for c in book.chapters] == [
        (0, ""),
        (0, "序"),
        (1, "第一篇 甲"),
        (2, "第二篇 乙"),
        (3, "后记"),
    ]
    assert book.volumes == 2
    assert "".join(c.text for c in book.chapters) == text


def test_sections_of_chapters_stay_in_the_text(tmp_path: Path) -> None:
    text = f"第一章 总论\n第一节 甲\n{BODY}第二节 乙\n{BODY}第二章 分论\n第一节 丙\n{BODY}"
    assert chapters(tmp_path, text) == [(1, "第一章 总论"), (2, "第二章 分论")]
    text = f"第一卷 起\n第一节 甲\n{BODY}第二节 乙\n{BODY}第二卷 承\n第三节 丙\n{BODY}"
    assert [number for number, _ in chapters(tmp_path, text)] == [1, 2, 3]


def test_english_book(tmp_path: Path) -> None:
    body = "It was a dark night. Chapter 3 of his life was about to begin, he thought.\n" * 3
    text = f"CHAPTER I. Down\n{body}CHAPTER II. The Pool\n{body}CHAPTER III\n{body}"
    assert chapters(tmp_path, text) == [(1, "CHAPTER I. Down"), (2, "CHAPTER II. The Pool"), (3, "CHAPTER III")]


@pytest.mark.parametrize(
    "form",
    [
        "【第{}回 {}】", "☆、第{}回 {}", "=== 第{}回 {} ===", "-第{}回- {}", "某书 第{}回 {}", "某书·第{}回·{}",
        "最新章节 第{}回 {}", "笫{}回 {}", "第{}回\n{}", "第{}回\n\n{}", "{}、{}",
        "{}回 {}", "回{} {}", "第{}回 {}_某书",
    ],
)  # fmt: skip
def test_manners(tmp_path: Path, form: str) -> None:
    names = ["风雨夜归人", "孤灯照客心", "长亭送别意", "旧剑出新匣"]
    text = "".join(f"{form.format(n, name)}\n{BODY}" for n, name in zip("一二三四", names, strict=True))
    found = chapters(tmp_path, text)
    assert [number for number, _ in found] == [1, 2, 3, 4]
    assert [title.endswith(name) for (_, title), name in zip(found, names, strict=True)] == [True] * 4


@pytest.mark.parametrize("gap", [" ", "　　", ""])
def test_a_heading_glued_to_its_text(tmp_path: Path, gap: str) -> None:
    names = ["甲乙丙丁戊 己庚辛壬癸", "子丑寅卯辰 巳午未申酉", "天地玄黄人 宇宙洪荒客"]
    text = "".join(f"第{n}回 {name}{gap}话说{BODY}" for n, name in zip("一二三", names, strict=True))
    assert chapters(tmp_path, text) == [
        (i, f"第{n}回 {name}") for i, (n, name) in enumerate(zip("一二三", names, strict=True), 1)
    ]


def test_contents_of_headings_without_a_gap(tmp_path: Path) -> None:
    names = ["第一回风雨夜归人", "第二回孤灯照客心", "第三回长亭送别意", "第四回旧剑出新匣"]
    text = "目录\n" + "\n".join(names) + "\n\n" + "".join(f"{name}\n{BODY}" for name in names)
    assert chapters(tmp_path, text) == list(enumerate(names, 1))


def test_a_chapter_that_stands_twice(tmp_path: Path) -> None:
    bodies = {n: f"{n}人{BODY}" for n in "一二三四"}
    text = "".join(f"第{n}回 其{n}\n{bodies[n]}" for n in "一二二三四二")
    book = read(tmp_path, text)
    assert [chapter.number for chapter in book.chapters] == [1, 2, 3, 4]
    assert book.account.rules["repeats"].dropped > 0


def test_chapters_in_another_order(tmp_path: Path) -> None:
    text = "".join(f"第{n}章 其{n}\n{BODY}" for n in (1, 2, 4, 3, 5))
    assert [number for number, _ in chapters(tmp_path, text)] == [1, 2, 4, 3, 5]
