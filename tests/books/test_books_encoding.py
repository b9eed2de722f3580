"""Encodings found by content: slices of the bundled book, and of the corpus where it is at hand."""

import importlib.util
import random
from pathlib import Path

import pytest

from shuoshu.books.reading.encoding import decode, looks_binary

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("books_encodings", ROOT / "benchmarks/books_encodings.py")
assert SPEC is not None
assert SPEC.loader is not None
BENCHMARK = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(BENCHMARK)
MARKED = ("utf-8-sig", "utf-16-le", "utf-16-be")
STORY = "第一章 山中\n他在山中走了一天，看见一个老人坐在石上。老人说：“你来了。”两个人就在石上坐了一夜。\n"
BOTH = "他在山中走了一天，天色已晚，路上只有一老人坐在石上。老人曰：“子何必急急如此？”他笑而不答，"


@pytest.fixture(scope="module")
def books() -> dict[str, list[str]]:
    return BENCHMARK.books(ROOT / "../shared/corpus")


@pytest.mark.parametrize("way", ["cut", "two_bytes", "broken_mark"])
def test_slices(books: dict[str, list[str]], way: str) -> None:
    """In all eight codecs: Chinese old and new, English, both mixed, JSON and HTML that names another charset."""
    rng = random.Random(f"{way} 1")
    wrong, total = [], 0
    for kind, texts in books.items():
        for codec in BENCHMARK.FAMILIES:
            if (kind == "simplified" and codec.startswith("big5")) or (way == "broken_mark" and codec not in MARKED):
                continue
            for size in (24, 61) if way == "cut" else (301, 4096):
                wrong += BENCHMARK.measure(texts, codec, size, 5, rng, getattr(BENCHMARK, way))
                total += 5
    assert len(wrong) <= 0.01 * total, wrong


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "gb18030", "big5hkscs"])
@pytest.mark.parametrize("lost", [1, 2])
def test_lost_bytes_shift_a_few_characters_only(encoding: str, lost: int) -> None:
    text = BOTH * 60  # one line: nothing in it ends a shift
    data = text.encode(encoding)
    at = len(data) // 2
    found = decode(data[: at + 1] + data[at + 1 + lost :])
    assert found.encoding in (encoding, "big5")
    assert found.text[:200] == text[:200]
    assert found.text[-200:] == text[-200:]


def test_a_line_of_another_encoding() -> None:
    data = (STORY * 3).encode() + STORY.encode("gb18030") + (STORY * 3).encode()
    assert decode(data).text == STORY * 7


def test_a_damaged_mark_is_a_mark() -> None:
    assert decode(b"\xef\xbbX" + STORY.encode()).text == "\ufeff" + STORY
    assert decode(b"\xff\x01" + STORY.encode("utf-16-le")).text == "\ufeff" + STORY
    assert decode("拿着".encode("utf-16-le") + STORY.encode("utf-16-le")).text.startswith("拿着")
    assert decode(b"\xef\xbb\xbf" + STORY.encode("gb18030")).text.endswith(STORY)


def test_only_a_few_bytes_of_a_page_tell() -> None:
    page = "<div class='x'></div>\n" * 9000 + "<p>他来了，你也来了。</p>" + "<div class='x'></div>\n" * 9000
    assert decode(page.encode("gb18030")).text == page
    assert decode(page.encode("big5", "ignore")).text == page.encode("big5", "ignore").decode("big5")


def test_short_gbk_that_is_valid_utf8() -> None:
    assert decode("联通".encode("gbk")).text == "联通"


def test_names() -> None:
    assert decode(STORY.encode()).encoding == "utf-8"
    assert decode(STORY.encode("utf-8-sig")).encoding == "utf-8-sig"
    assert decode(STORY.encode("gbk")).encoding == "gb18030"
    assert decode(STORY.encode("utf-16")).encoding == "utf-16-le"
    assert decode(STORY.encode("utf-32")).encoding == "utf-32-le"


def test_long_ascii_head() -> None:
    text = "A" * 300_000 + "话说天下大势，分久必合，合久必分。" * 50
    assert decode(text.encode("gb18030")).text == text


def test_western_text() -> None:
    text = "It was the best café in Zürich, “said” he. " * 20
    assert decode(text.encode("cp1252")).text == text
    assert decode(b"plain ascii").encoding == "utf-8"


def test_big5_names_the_narrower_codec() -> None:
    plain = "他說：「天下大勢，分久必合。」"
    assert decode(plain.encode("big5") * 9).encoding == "big5"
    assert decode((plain + "㗎").encode("big5hkscs") * 9).text.startswith(plain + "㗎")


def test_binary_is_told_from_text() -> None:
    assert looks_binary(decode(bytes(range(256)) * 40).text)
    assert not looks_binary(decode("第一回\n他来了。".encode("utf-16")).text)
