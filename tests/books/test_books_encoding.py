"""Encodings found by content: slices of the bundled book, and of the corpus where it is at hand."""

import random
from pathlib import Path

import opencc
import pytest

from shuoshu.books.encoding import decode, detect, looks_binary
from shuoshu.books.sources import demo_book

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus"
# (encoding the slice is written in, name that is right, traditional text)
WRITTEN = [
    ("utf-8", "utf-8", False),
    ("utf-8-sig", "utf-8-sig", False),
    ("gb18030", "gb18030", False),
    ("gbk", "gb18030", False),
    ("big5", "big5hkscs", True),
    ("big5hkscs", "big5hkscs", True),
    ("utf-16-le", "utf-16-le", False),
    ("utf-16-be", "utf-16-be", False),
]
SIZES = [24, 61, 301, 1024, 4096, 16_384, 65_536]
SLICES = 6


def texts() -> list[str]:
    files = sorted(CORPUS.glob("*.txt")) if CORPUS.is_dir() else []
    return [file.read_text(encoding="utf-8") for file in [demo_book(), *files]]


@pytest.mark.parametrize(("encoding", "right", "traditional"), WRITTEN)
@pytest.mark.parametrize("broken", [0, 2])
def test_slices_cut_anywhere(encoding: str, right: str, traditional: bool, broken: int) -> None:
    rng = random.Random(7)
    convert = opencc.OpenCC("s2t").convert
    books = texts()
    wrong, total = [], 0
    for size in SIZES:
        for _ in range(SLICES if size >= 300 or not broken else 0):
            book = rng.choice(books)
            at = rng.randrange(len(book) - size)
            piece = book[at : at + size]
            data = (convert(piece) if traditional else piece).encode(encoding, "ignore")
            cut = 0 if encoding == "utf-8-sig" else rng.randrange(3)
            cut -= cut % 2 if encoding.startswith("utf-16") else 0
            data = bytearray(data[cut : cut + size])
            for _ in range(broken):  # behind the byte-order mark: without it, plain utf-8 is the right answer
                data[rng.randrange(3, len(data))] = rng.randrange(256)
            total += 1
            found = detect(bytes(data))[0]
            if found != right:
                wrong.append((size, found, bytes(data[:24])))
    assert len(wrong) <= 0.01 * total, wrong


def test_short_gbk_that_is_valid_utf8() -> None:
    assert decode("联通".encode("gbk")).text == "联通"


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
