"""Do the books really not answer the questions of unanswerable.jsonl?

    python benchmarks/unanswerable.py SHARED               # the folder with corpus/ and qa/

Every record says what makes it unanswerable: words that must not stand in its book (`absent`), or patterns of which no
sentence may be one (`apart`: a person beside the word for what is asked); and which words must stand there (`present`),
so that the question seems to belong. Counts what holds, and compares the questions with the training questions on the
same books. Exit code 1 where anything does not hold. The last line is one JSON object.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from shuoshu.files import read_jsonl, read_utf8
from shuoshu.questions.facts import NEAR_WORDING, bigrams, jaccard
from shuoshu.questions.formats import read_questions

QUESTIONS = Path(__file__).with_name("unanswerable.jsonl")
TRAINING = {"三国演义": "sanguo", "水浒传": "shuihu", "西游记": "xiyou", "三侠五义": "sanxia"}


def faults(record: dict[str, Any], text: str) -> list[str]:
    """Why a record may be answered by its book, or seems not to belong to it."""
    found = [f"{word} stands there {text.count(word)} times" for word in record["absent"] if word in text]
    for pattern in record["apart"]:
        found += [f"{pattern} finds {match[0]}" for match in re.finditer(pattern, text)]
    return found + [f"{word} does not stand there" for word in record["present"] if word not in text]


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("shared", type=Path, help="the folder with corpus/ and qa/")
    shared = parser.parse_args().shared
    records = [record for _, record in read_jsonl(QUESTIONS)]
    wrong = 0
    for title, name in TRAINING.items():
        text = read_utf8(shared / "corpus" / f"{title}.txt")
        trained = [
            (wording, bigrams(wording))
            for question in read_questions(shared / "qa" / f"{name}.train.jsonl")
            for wording in question.wordings()
        ]
        for record in records:
            if record["book"] != f"《{title}》":
                continue
            found = faults(record, text)
            asked = bigrams(record["question"])
            found += [
                f"asked in training: {wording}" for wording, held in trained if jaccard(asked, held) >= NEAR_WORDING
            ]
            wrong += bool(found)
            for fault in found:
                print(f"{record['id']} {record['question']}: {fault}")
    counts = {name: dict(Counter(record[name] for record in records)) for name in ("book", "kind", "type")}
    titled = sum("《" in record["question"] for record in records)
    print(json.dumps({"n": len(records), "wrong": wrong, "with_title": titled, **counts}, ensure_ascii=False))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
