"""Fuzz the reader of books: bytes, zip and HTML input for some minutes; no crash, no hang, no flood of memory.

    python benchmarks/books_fuzz.py [--minutes 10] [--seed 0]

Inputs are random bytes, random pieces of books and markup repeated and mixed, and files of the bundled book in every
encoding, cut, spliced and broken; as txt, html, epub, zip, gz, jsonl, csv, md. A case may take 5 seconds of processor
time a MB (and half a second to start), and the process 10 times the largest input + 200 MB.
"""

import argparse
import gzip
import io
import json
import random
import resource
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from shuoshu.books.book import read_book
from shuoshu.books.reading.containers import read_bytes
from shuoshu.books.sources import demo_book, find_sources
from shuoshu.errors import UserError

PIECES = [
    "第一回 甲乙\n",
    "第二章",
    "卷一\n",
    "目录\n",
    "Chapter IV\n",
    "楔子",
    "\u3000\u3000他来了。\r\n",
    "「好」",
    "『",
    '"',
    "广告www.a.com",
    "http://",
    "\x01",
    "<p>",
    "</p>",
    "<ruby>漢<rt>x</rt>",
    "<script>",
    "<!--",
    "&nbsp;",
    "&#x110000;",
    "<nav>",
    '{"text": "他"}\n',
    "text,title\n",
    "---\n",
    "# 甲\n",
    "**",
    "[犭尔]",
    "【",
    "□",
    "……",
    "──",
    "，\n",
    "\u3000\u3000\u3000",
    "な鞘悄闵绷诵",
    "\ue000",
    "㐀",
    "𠀀",
    "\ufeff",
    "\x00",
    "1\n",
    "更新时间:",
    "载",
    "小说网",
    "=====\n",
    "<div>",
    "<![CDATA[",
    "&a;",
    "<table><tr><td>",
]
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "big5hkscs", "utf-16", "utf-16-be")
NAMES = ("a.txt", "a.html", "a.epub", "a.zip", "a.txt.gz", "a.jsonl", "a.csv", "a.md")


def text(rng: random.Random, novel: str) -> str:
    """Something to read: a stretch of the novel with pieces in it, or pieces alone, or one piece again and again."""
    kind = rng.random()
    if kind < 0.4:
        start = rng.randrange(len(novel))
        parts = [novel[start : start + rng.choice((100, 3000, 75_000))]]
        parts += [rng.choice(PIECES) * rng.choice((1, 3, 50)) for _ in range(rng.randrange(6))]
        rng.shuffle(parts)
        return "".join(parts)
    if kind < 0.8:
        return "".join(rng.choice(PIECES) for _ in range(rng.choice((3, 40, 2000))))
    few = "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 4)))
    return few * rng.choice((10, 1000, 20_000))


def content(rng: random.Random, novel: str) -> bytes:
    """A text in some encoding, broken here and there; or noise."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.choice((10, 1000, 100_000)))
    data = bytearray(text(rng, novel).encode(rng.choice(ENCODINGS), "ignore"))
    for _ in range(rng.choice((0, 0, 1, 20))):
        if data:
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(data)


def file_bytes(rng: random.Random, novel: str, name: str) -> bytes:
    """The bytes of a file of that name."""
    data = content(rng, novel)
    if name.endswith((".epub", ".zip")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
            archive.writestr(
                "c.opf",
                '<package><manifest><item id="a" href="a.xhtml"/></manifest>'
                '<spine><itemref idref="a"/></spine></package>',
            )
            archive.writestr("a.xhtml", data)
            archive.writestr(rng.choice(("../x.txt", "b.txt", "c/d.html", "toc.ncx")), content(rng, novel))
        data = buffer.getvalue()
    elif name.endswith(".gz"):
        data = gzip.compress(data, 1)
    elif name.endswith(".jsonl"):
        data = b"\n".join(json.dumps({"text": text(rng, novel)}).encode() for _ in range(rng.randrange(4)))
    if rng.random() < 0.2:
        data = data[: rng.randrange(len(data) + 1)]
    return data


def main() -> int:
    """Run; 1 where a case crashed, hung or took too much memory."""
    parser = argparse.ArgumentParser(description="Fuzz the reader of books.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    novel = demo_book().read_text(encoding="utf-8")
    started = time.monotonic()
    cases = books = refused = largest = 0
    slowest = 0.0
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - started < 60 * options.minutes:
            rng = random.Random(f"{options.seed} {cases}")
            name = rng.choice(NAMES)
            file = Path(folder) / name
            data = file_bytes(rng, novel, name)
            file.write_bytes(data)
            cases += 1
            largest = max(largest, len(data))
            start = time.process_time()
            size = len(data)
            try:
                for source in find_sources([str(file)])[0]:
                    size += len(read_bytes(source))  # unpacked
                    size = max(size, read_book(source).account.characters * 3)
                    books += 1
            except UserError:
                refused += 1
            except Exception as error:
                faults.append(f"case {cases - 1}, {name}, {len(data)} bytes: {type(error).__name__}: {error}"[:300])
            taken = time.process_time() - start
            slowest = max(slowest, taken / (0.1 + size / 1e6))
            if taken > 0.5 + 5 * size / 1e6:
                faults.append(f"case {cases - 1}, {name}, {len(data)} bytes: {taken:.1f} s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if memory > 10 * largest / 1e6 + 200:
        faults.append(f"{memory:.0f} MB of memory, largest input {largest / 1e6:.1f} MB")
    print(
        f"{cases} cases, {books} books, {refused} refused, slowest {slowest:.2f} s/MB, "
        f"largest {largest / 1e6:.2f} MB, memory {memory:.0f} MB, {len(faults)} faults"
    )
    print("\n".join(faults[:20]), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
