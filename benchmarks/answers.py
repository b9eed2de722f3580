"""Answers with evidence: how often the right passage is found and the right words are quoted, and how fast.

    python benchmarks/answers.py SHARED [--split test|train]     # the folder with corpus/ and qa/

Two sets of books: the bundled one, and four novels in one index. Questions are asked as they stand (the book is known
only where the question names it). `1 5 20`: share of questions with a key among the best 1, 5, 20 passages; `quote`:
share whose best quotation is a right answer, with a 95 % Wilson interval; `ms`: mean time from question to quotation.
The last line is one JSON object.
"""

import argparse
import json
import math
import tempfile
import time
import unicodedata
from pathlib import Path
from typing import Any

from shuoshu.answer.index import Index, build_index
from shuoshu.answer.quote import best_quote
from shuoshu.answer.tips import apply_tips
from shuoshu.books.chapter import read_chapters
from shuoshu.books.stage import read_books
from shuoshu.evaluate.metrics import is_right
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question
from shuoshu.recipe import BooksOptions, IndexOptions

NOVELS = {"sanguo": "三国演义", "shuihu": "水浒传", "xiyou": "西游记", "sanxia": "三侠五义"}
DEPTHS = (1, 5, 20)


def make_index(paths: list[str], folder: Path) -> tuple[Index, dict[str, Any]]:
    """Read books, index them, and open the index; the figures are those of `build_index` and `open_seconds`."""
    read_books(paths, folder / "books", BooksOptions(paths=paths))
    figures = build_index(read_chapters(folder / "books" / "chapters.jsonl"), folder / "index", IndexOptions())
    started = time.perf_counter()
    index = Index.open(folder / "index")
    return index, {**figures, "open_seconds": round(time.perf_counter() - started, 3)}


def measure(index: Index, questions: list[Question]) -> dict[str, Any]:
    """Recall of a key among the best passages, accuracy of the quotation, and seconds, over answerable questions."""
    found = dict.fromkeys(DEPTHS, 0)
    right, seconds = 0, []
    for question in questions:
        wording = apply_tips(question.question, index.books)
        holding = [holds_key(hit.passage.text, question) for hit in index.search(wording, max(DEPTHS))]
        for depth in DEPTHS:
            found[depth] += any(holding[:depth])
        started = time.perf_counter()
        quote = best_quote(apply_tips(question.question, index.books), index)
        seconds.append(time.perf_counter() - started)
        right += quote is not None and is_right(quote.text, question)
    n = len(questions)
    return {
        "n": n,
        **{f"recall_{depth}": round(found[depth] / n, 3) for depth in DEPTHS},
        "quote": round(right / n, 3),
        "interval": wilson(right, n),
        "ms": round(1000 * sum(seconds) / n, 1),
        "ms_slowest": round(1000 * max(seconds), 1),
    }


def holds_key(text: str, question: Question) -> bool:
    """Whether a passage holds one of the keys, after NFKC."""
    plain = unicodedata.normalize("NFKC", text)
    return any(unicodedata.normalize("NFKC", key) in plain for key in question.key)


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    p, wide = right / n, z * z / n
    middle, half = p + wide / 2, z * math.sqrt((p * (1 - p) + wide / 4) / n)
    return round((middle - half) / (1 + wide), 3), round((middle + half) / (1 + wide), 3)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("shared", type=Path, help="the folder with corpus/ and qa/")
    parser.add_argument("--split", choices=("test", "train"), default="test")
    arguments = parser.parse_args()
    demo = Path(__file__).resolve().parents[1] / "shuoshu" / "demo" / f"questions.{arguments.split}.jsonl"
    bundled = [question for question in read_questions(demo) if question.level != "NA"]
    sets = {
        f"bundled {level}": [q for q in bundled if q.level == level] for level in sorted({q.level for q in bundled})
    }
    novels = {
        title: read_questions(arguments.shared / "qa" / f"{name}.{arguments.split}.jsonl")
        for name, title in NOVELS.items()
    }
    novels["four novels"] = [question for questions in novels.values() for question in questions]
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        small, figures = make_index(["demo"], Path(folder) / "small")
        result["index bundled"] = figures
        corpus = [str(arguments.shared / "corpus" / f"{title}.txt") for title in NOVELS.values()]
        large, figures = make_index(corpus, Path(folder) / "large")
        result["index four novels"] = figures
        print(f"{'questions':<14}{'n':>5}{'1':>7}{'5':>7}{'20':>7}{'quote':>8}{'95 %':>15}{'ms':>7}")
        for index, group in ((small, sets), (large, novels)):
            for name, questions in group.items():
                result[name] = row = measure(index, questions)
                recalls = "".join(f"{row[f'recall_{depth}']:>7.3f}" for depth in DEPTHS)
                interval = "{:.2f}-{:.2f}".format(*row["interval"])
                print(f"{name:<14}{row['n']:>5}{recalls}{row['quote']:>8.3f}{interval:>15}{row['ms']:>7.1f}")
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
