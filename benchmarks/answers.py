"""Answers with evidence: how often the right passage is found and the right words are quoted, and how fast.

    python benchmarks/answers.py SHARED [--split test|train]     # the folder with corpus/ and qa/

Two sets of books: the bundled one, and four novels in one index. Questions are asked as they stand (the book is known
only where the question names it). `1 5 20`: share of questions with a key among the best 1, 5, 20 passages; `quote`:
share whose best quotation is a right answer, with a 95 % Wilson interval; `ms`: mean time from question to quotation.

Below it what tips are worth: the same questions as people type them (`retyped`), asked as they stand and with tips.
The last line is one JSON object.
"""

import argparse
import json
import math
import re
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

WIDE = str.maketrans({**{str(d): chr(0xFF10 + d) for d in range(10)}, "，": ", ", "？": "?", "：": ":"})
NOVELS = {"sanguo": "三国演义", "shuihu": "水浒传", "xiyou": "西游记", "sanxia": "三侠五义"}
DEPTHS = (1, 5, 20)
WAYS = ("as written", "no 《》", "no title", "traditional", "wide", "nicknames", "a demand", "all of it")


def make_index(paths: list[str], folder: Path) -> tuple[Index, dict[str, Any]]:
    """Read books, index them, and open the index; the figures are those of `build_index` and `open_seconds`."""
    read_books(paths, folder / "books", BooksOptions(paths=paths))
    figures = build_index(read_chapters(folder / "books" / "chapters.jsonl"), folder / "index", IndexOptions())
    started = time.perf_counter()
    index = Index.open(folder / "index")
    return index, {**figures, "open_seconds": round(time.perf_counter() - started, 3)}


def measure(index: Index, questions: list[Question]) -> dict[str, Any]:
    """Recall of a key among the best passages, accuracy of the quotation, and seconds, over answerable questions."""
    return score(index, questions, [apply_tips(question.question, index.books) for question in questions])


def score(index: Index, questions: list[Question], wordings: list[str]) -> dict[str, Any]:
    """The figures of `measure` for questions asked in these words."""
    found = dict.fromkeys(DEPTHS, 0)
    right, seconds = 0, []
    for question, wording in zip(questions, wordings, strict=True):
        holding = [holds_key(hit.passage.text, question) for hit in index.search(wording, max(DEPTHS))]
        for depth in DEPTHS:
            found[depth] += any(holding[:depth])
        started = time.perf_counter()
        quote = best_quote(wording, index)
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


def retyped(question: str, way: str, index: Index) -> str:
    """A question as somebody else would have typed it.

    no 《》: titles stand bare; no title: they are left out; wide: full-width digits, half-width marks, spaces between
    words; nicknames: people by the other name the lexicon has most often; a demand: X的Y是什么 shortened to X的Y.
    """
    if way in ("nicknames", "all of it"):
        books = index.named_books(question)
        for start, end, name in reversed(index.lexicon.find(question, tuple(books))):
            others = [other for other in index.lexicon.names(books[0]).get(name, ()) if name not in other]
            if len(books) == 1 and others and question[start:end] == name:
                question = question[:start] + others[0] + question[end:]
    if way in ("no 《》", "all of it"):
        question = re.sub("[《》]", "", question)
    if way == "no title":
        question = re.sub(
            "^(?:请问|请说出|请讲讲)?(?:在|据)?《[^《》]*》(?:所写|这部书)?[里中]?[，,]?|（《[^《》]*》）", "", question
        )
    if way in ("a demand", "all of it"):
        question = re.sub("(的[^的，？]{2,4})(?:是|叫)(?:什么|谁)(?:名字)?[？?]?$", r"\1", question)
    if way in ("wide", "all of it"):
        question = question.translate(WIDE).replace("里", "里 ")
    if way in ("traditional", "all of it"):
        import opencc

        question = opencc.OpenCC("s2tw").convert(question)
    return question


def holds_key(text: str, question: Question) -> bool:
    """Whether a passage holds one of the keys, after NFKC."""
    plain = unicodedata.normalize("NFKC", text)
    return any(unicodedata.normalize("NFKC", key) in plain for key in question.key)


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    p, wide = right / n, z * z / n
    middle, half = p + wide / 2, z * math.sqrt((p * (1 - p) + wide / 4) / n)
    return round((middle - half) / (1 + wide), 3), round((middle + half) / (1 + wide), 3)


def typed(index: Index, questions: list[Question]) -> dict[str, Any]:
    """What tips bring back, by the way questions are typed; prints a table as it goes."""
    print(f"\n{'typed':<12}{'differ':>7}{'20 plain':>10}{'with tips':>11}{'quote plain':>13}{'with tips':>11}")
    rows = {}
    for way in WAYS:
        asked = [retyped(question.question, way, index) for question in questions]
        differ = sum(wording != question.question for wording, question in zip(asked, questions, strict=True))
        plain = score(index, questions, asked)
        tipped = score(index, questions, [apply_tips(wording, index.books, index.lexicon) for wording in asked])
        rows[way] = {"differ": differ, "plain": plain, "tips": tipped}
        print(
            f"{way:<12}{differ:>7}{plain['recall_20']:>10.3f}{tipped['recall_20']:>11.3f}"
            f"{plain['quote']:>13.3f}{tipped['quote']:>11.3f}"
        )
    return rows


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
        result["typed"] = typed(large, novels["four novels"])
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
