"""How often the encoding of a file is found from its bytes: slices of many sizes, cut anywhere, whole and damaged.

    python benchmarks/books_encodings.py ../shared/corpus [--slices 100] [--seed 0] [--sizes 24 61 301 ...]

A slice is right when it is named as it was written (where four of its characters are not ASCII) and its text is the
true one but for six characters at the cut ends, or twelve where two bytes are broken. Damage: two bytes anywhere set to
other values, from 300 bytes on; a byte-order mark of which one byte is wrong, or two of the three of UTF-8.
"""

import argparse
import html
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

from rapidfuzz.distance import LCSseq

from shuoshu.books.reading.encoding import decode
from shuoshu.books.sources import demo_book

SIZES = (24, 61, 301, 1024, 4096, 16_384, 65_536)
FAMILIES = {
    "utf-8": {"utf-8"},
    "utf-8-sig": {"utf-8-sig"},
    "gb18030": {"gb18030"},
    "gbk": {"gb18030"},
    "big5": {"big5", "big5hkscs"},
    "big5hkscs": {"big5", "big5hkscs"},
    "utf-16-le": {"utf-16-le"},
    "utf-16-be": {"utf-16-be"},
}
"""Codec a slice is written in, and the names that are right for it."""

ENGLISH = (
    "It was the best of times, it was the worst of times, said the old man — “and what’s more”, he went on, “nobody "
    "knew it.” The café on the corner had closed; rain fell on the roofs of the town…\n\n\tChapter {n}\n\nOn the "
    "{n}th day they walked for 12 miles; “Don’t stop,” she cried (she was tired), “we’re nearly there!”\n"
)


def books(corpus: Path) -> dict[str, list[str]]:
    """The kinds of text to cut slices from."""
    import opencc

    simple = [file.read_text(encoding="utf-8") for file in sorted(corpus.glob("*.txt"))]
    simple.append(demo_book().read_text(encoding="utf-8"))
    convert = opencc.OpenCC("s2t").convert
    traditional = [convert(text[:400_000]) for text in simple]
    english = ["".join(ENGLISH.replace("{n}", str(n)) for n in range(900))]
    mixed = [_mixed(text[:300_000]) for text in simple]
    return {
        "simplified": simple,
        "traditional": traditional,
        "english": english,
        "mixed": mixed,
        "json": [_json(text[:200_000]) for text in simple + traditional],
        "html": [_html(text[:200_000]) for text in simple + traditional],
    }


def _mixed(text: str) -> str:
    """Chinese lines and English ones in turn."""
    words = ENGLISH.replace("{n}", "7").split("\n")
    return "\n".join(f"{line} (Note {i}: see p. {i * 7}) {words[i % 4]}" for i, line in enumerate(text.split("\n")))


def _json(text: str) -> str:
    rows = ({"id": i, "source": "web", "text": line} for i, line in enumerate(text.split("\n")))
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def _html(text: str) -> str:
    """A page that says `charset=` of another encoding again and again, as a crawl of many pages does."""
    page = '<html><head><meta charset="{}"><title>a</title><link rel="stylesheet" href="/css/main.css"></head><body>'
    false = ("utf-8", "gb2312", "big5", "iso-8859-1", "shift_jis", "utf-16")
    out = []
    for i, line in enumerate(text.split("\n")):
        out.append(page.format(false[i // 40 % len(false)]) if i % 40 == 0 else "")
        out.append(f'<p class="text-body" id="p{i}">{html.escape(line)}</p>\n')
    return "".join(out)


def cut(rng: random.Random, text: str, size: int, codec: str) -> tuple[bytes, str]:
    """A slice of so many bytes that may begin and end within a character, and its whole characters."""
    at = rng.randrange(max(1, len(text) - size))
    piece = text[at : at + size].encode(codec, "ignore")
    if codec == "utf-8-sig":
        return piece[:size], piece[:size].decode("utf-8", "ignore")
    first = len(text[at].encode(codec, "ignore"))
    inside = rng.randrange(max(1, first))
    data = piece[inside : inside + size]
    return data, data[first - inside if inside else 0 :].decode(codec, "ignore")


def two_bytes(rng: random.Random, text: str, size: int, codec: str) -> tuple[bytes, str]:
    """A slice with two bytes, anywhere, of other values."""
    data, true = cut(rng, text, size, codec)
    broken = bytearray(data)
    for at in rng.sample(range(len(data)), 2):
        broken[at] = (broken[at] + rng.randrange(1, 256)) % 256
    return bytes(broken), true


def broken_mark(rng: random.Random, text: str, size: int, codec: str) -> tuple[bytes, str]:
    """A text behind a byte-order mark of which one byte is wrong, or two of UTF-8's three."""
    at = rng.randrange(max(1, len(text) - size))
    codec = codec.removesuffix("-sig")
    mark = bytearray("\ufeff".encode(codec))
    for place in rng.sample(range(len(mark)), rng.randrange(1, len(mark))):
        mark[place] = (mark[place] + rng.randrange(1, 256)) % 256
    body = text[at : at + size].encode(codec, "ignore")[: size - len(mark)]
    return bytes(mark) + body, "\ufeff" + body.decode(codec, "ignore")


def is_right(data: bytes, true: str, names: set[str], spoiled: int) -> bool:
    """Whether the text found is the true one but for so many characters, and the name right where the text shows it."""
    found = decode(data)
    if sum(not c.isascii() for c in true) >= 4 and found.encoding not in names:
        return False
    return LCSseq.similarity(found.text[:3000], true[:3000]) >= len(true[:3000]) - spoiled


def measure(
    texts: list[str], codec: str, size: int, slices: int, rng: random.Random, way: Callable[..., tuple[bytes, str]]
) -> list[tuple[bytes, str]]:
    """Of some slices those that come out wrong, and what their encoding was taken for."""
    spoiled = 12 if way is two_bytes else 6
    names = FAMILIES[codec] | (FAMILIES["utf-8"] if way is broken_mark and codec == "utf-8-sig" else set())
    wrong: list[tuple[bytes, str]] = []
    for _ in range(slices):
        data, true = way(rng, rng.choice(texts), size, codec)
        if not is_right(data, true, names, spoiled):
            wrong.append((data, decode(data).encoding))
    return wrong


def main() -> None:
    """Print one row for each kind of text and codec, one column for each size, in per cent."""
    parser = argparse.ArgumentParser(description="Encodings of slices.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--verbose", type=int, default=0, help="wrong slices of each cell to show")
    options = parser.parse_args()
    print(f"| text | codec | slice | {' | '.join(map(str, options.sizes))} |")
    print("|---|---|---|" + "---|" * len(options.sizes))
    right = total = 0
    for kind, texts in books(options.corpus).items():
        codecs = [codec for codec in FAMILIES if not (kind == "simplified" and codec.startswith("big5"))]
        for codec in codecs:
            for way in (cut, two_bytes, broken_mark):
                if way is broken_mark and codec not in ("utf-8-sig", "utf-16-le", "utf-16-be"):
                    continue
                row = []
                for size in options.sizes:
                    if way is not cut and size < 300:
                        row.append("")
                        continue
                    rng = random.Random(f"{options.seed} {kind} {codec} {way.__name__} {size}")
                    wrong = measure(texts, codec, size, options.slices, rng, way)
                    row.append(f"{100 - 100 * len(wrong) / options.slices:.4g}")
                    right, total = right + options.slices - len(wrong), total + options.slices
                    for data, found in wrong[: options.verbose]:
                        print(f"  {codec} {way.__name__}, taken for {found}: {data[:40]!r}", file=sys.stderr)
                print(f"| {kind} | {codec} | {way.__name__} | {' | '.join(row)} |", flush=True)
    print(f"\n{right} of {total} right: {right / total:.2%}")


if __name__ == "__main__":
    main()
