"""The stage `books` measured on the public-domain corpus: likeness to the clean copies, speed of each rule.

    python benchmarks/books.py ../shared/corpus [--json]

Likeness: each chapter of a dirty copy is set beside the clean chapter it shares most phrases with, and twice the
longest common subsequence is divided by the characters of both. Other editions differ for good: 水浒传.utf8 has other
words in every line of its first seventy chapters, 西游记.utf8 lost its commas, 聊斋志异 is three of twelve volumes.
"""

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path

from rapidfuzz.distance import LCSseq

from shuoshu.books import clean
from shuoshu.books.account import Account
from shuoshu.books.book import read_book
from shuoshu.books.chapter import Chapter
from shuoshu.books.containers import Source


def likeness(ours: list[Chapter], theirs: list[Chapter], step: int = 1) -> float:
    """Similarity of two divided books, 0 to 1; chapters of `theirs` that nothing of `ours` matches do not count.

    With a `step`, only every so-many-th chapter is compared.
    """
    phrases = [Counter(_phrases(chapter.text)) for chapter in theirs]
    where: dict[str, list[int]] = {}
    for i, counts in enumerate(phrases):
        for phrase in counts:
            where.setdefault(phrase, []).append(i)
    common = length = 0
    matched: set[int] = set()
    for chapter in ours[::step]:
        votes = Counter(i for phrase in _phrases(chapter.text) for i in where.get(phrase, [])[:3])
        length += len(chapter.text)
        if votes:
            best = votes.most_common(1)[0][0]
            matched.add(best)
            common += LCSseq.similarity(chapter.text, theirs[best].text)
    length += sum(len(theirs[i].text) for i in matched)
    return 2 * common / max(1, length)


def _phrases(text: str) -> set[str]:
    text = re.sub(r"[^\u4e00-\u9fff]", "", text)
    return {text[i : i + 8] for i in range(0, len(text) - 8) if text[i] in "不人一来是有"}


def compare(corpus: Path) -> dict[str, dict[str, float | int | str]]:
    """Every dirty copy against the clean copy of the same work."""
    results: dict[str, dict[str, float | int | str]] = {}
    for raw in sorted((corpus / "raw").glob("*.txt")):
        book = read_book(Source(path=raw, format="text", explicit=True), simplify=True)
        fair = read_book(Source(path=corpus / f"{book.title}.txt", format="text", explicit=True))
        results[raw.stem] = {
            "encoding": book.encoding,
            "chapters": sum(chapter.number > 0 for chapter in book.chapters),
            "last_number": book.chapters[-1].number,
            "likeness": round(likeness(book.chapters, fair.chapters), 4),
            "dropped": book.account.dropped,
        }
    return results


def speed(corpus: Path) -> dict[str, float]:
    """MB of UTF-8 a second of processor time, one core: each rule alone, and the whole of `read_book`."""
    file = corpus / "西游记.txt"
    text = file.read_text(encoding="utf-8")
    size = file.stat().st_size / 1e6
    rates: dict[str, float] = {}
    for name, rule in (clean.BEFORE | clean.AFTER).items():
        rule(text, Account(len(text)))
        start = time.process_time()
        for _ in range(3):
            rule(text, Account(len(text)))
        rates[name] = round(3 * size / max(1e-9, time.process_time() - start), 1)
    read_book(Source(path=file, format="text", explicit=True))
    start = time.process_time()
    for _ in range(3):
        read_book(Source(path=file, format="text", explicit=True))
    rates["read_book"] = round(3 * size / (time.process_time() - start), 1)
    return rates


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="The stage `books` on the public-domain corpus.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = {"likeness": compare(options.corpus), "speed": speed(options.corpus)}
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    print("| file | encoding | chapters | last | likeness | dropped |\n|---|---|---|---|---|---|")
    for name, row in result["likeness"].items():
        print(f"| {name} | " + " | ".join(str(value) for value in row.values()) + " |")
    print("\n| rule | MB/s a core |\n|---|---|")
    for name, rate in result["speed"].items():
        print(f"| {name} | {rate:,.0f} |")


if __name__ == "__main__":
    main()
