"""The stage `books` measured on the public-domain corpus: likeness to the clean copies, speed of each book and rule.

    python benchmarks/books.py ../shared/corpus [--speed] [--json]

Likeness: each chapter of a dirty copy is set beside the clean chapter it shares most phrases with, and twice the
longest common subsequence is divided by the characters of both. Other editions differ for good: 水浒传.utf8 has other
words in every line of its first seventy chapters, 西游记.utf8 lost its commas, 聊斋志异 is three of twelve volumes.
"""

import argparse
import json
import re
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from rapidfuzz.distance import LCSseq

from shuoshu.books.account import Account
from shuoshu.books.book import read_book
from shuoshu.books.chapter import Chapter
from shuoshu.books.cleaning import rules as clean
from shuoshu.books.reading.containers import Source


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


def speed(corpus: Path) -> tuple[dict[str, float], dict[str, float]]:
    """MB of UTF-8 a second of processor time on one core, each clean book and all; milliseconds a MB of each rule.

    The best of seven readings. What is no rule's (decoding, headings, dividing) stands under `the rest`.
    """
    rates: dict[str, float] = {}
    taken: Counter[str] = Counter()
    total = 0.0
    for file in sorted(corpus.glob("*.txt")):
        source = Source(path=file, format="text", explicit=True)
        readings = [_reading(source) for _ in range(7)]
        best = {name: min(reading[name] for reading in readings) for name in readings[0]}
        size = file.stat().st_size / 1e6
        total += size
        rates[file.stem] = round(size / best["all"], 1)
        taken.update(best)
    rates["all"] = round(total / taken["all"], 1)
    taken["the rest"] = 2 * taken["all"] - taken.total()
    return rates, {name: round(1000 * seconds / total, 2) for name, seconds in taken.most_common()}


def _reading(source: Source) -> dict[str, float]:
    """Processor seconds of one reading: of each rule, and of all."""
    seconds: dict[str, float] = {}

    def timed(name: str, rule: clean.Rule) -> clean.Rule:
        def run(text: str, account: Account) -> str:
            start = time.process_time()
            text = rule(text, account)
            seconds[name] = time.process_time() - start
            return text

        return run

    with ExitStack() as patches:
        for rules in (clean.BEFORE, clean.AFTER):
            patches.enter_context(patch.dict(rules, {name: timed(name, rule) for name, rule in rules.items()}))
        start = time.process_time()
        read_book(source)
        seconds["all"] = time.process_time() - start
    return seconds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="The stage `books` on the public-domain corpus.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--speed", action="store_true", help="speed alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rates, rules = speed(options.corpus)
    copies = {} if options.speed else compare(options.corpus)
    if options.json:
        print(json.dumps({"likeness": copies, "speed": rates, "rules": rules}, ensure_ascii=False))
        return
    print("| file | encoding | chapters | last | likeness | dropped |\n|---|---|---|---|---|---|")
    for name, row in copies.items():
        print(f"| {name} | " + " | ".join(str(value) for value in row.values()) + " |")
    print("\n| book | MB/s a core |\n|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate} |")
    print("\n| rule | ms a MB |\n|---|---|")
    for name, cost in rules.items():
        print(f"| {name} | {cost} |")


if __name__ == "__main__":
    main()
