"""How well pairs are checked against books, and leaks found: true pairs, damaged pairs, planted wordings.

    python benchmarks/questions_check.py SHARED      # the folder with corpus/ and qa/

Damage, one a pair and each its own figure: evidence taken from another chapter (the chapter named stays, or moves with
it), one name of the pair changed for another name of the book, the key changed in `key` alone, or in the answer too.
"""

import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shuoshu.books.chapter import Chapter
from shuoshu.questions.check import check_leak
from shuoshu.questions.formats import read_questions
from shuoshu.questions.names import find_names
from shuoshu.questions.question import Question
from shuoshu.questions.verify import Books, check_pair

BOOKS = {"sanguo": "三国演义", "shuihu": "水浒传", "xiyou": "西游记", "sanxia": "三侠五义"}


def chapters_of(title: str, path: Path) -> list[Chapter]:
    """The chapters of a clean text whose headings stand alone on their lines."""
    parts = [part for part in re.split(r"(?m)^(?=第\S+回 )", path.read_text(encoding="utf-8")) if part.startswith("第")]
    starts = [sum(map(len, parts[:i])) for i in range(len(parts))]
    return [
        Chapter(book=title, number=i + 1, title=part.split("\n")[0], text=part, start=starts[i])
        for i, part in enumerate(parts)
    ]


Damage = Callable[[Question, random.Random], Question | None]


def damages(pairs: list[Question], names: list[str]) -> dict[str, Damage]:
    """Ways to spoil a pair; None where a pair offers nothing to spoil."""
    pattern = re.compile("|".join(sorted(names, key=lambda name: -len(name))))

    def elsewhere(pair: Question, chance: random.Random) -> Question:
        return chance.choice([other for other in pairs if other.chapter != pair.chapter])

    def evidence(pair: Question, chance: random.Random) -> Question:
        return replace(pair, evidence=elsewhere(pair, chance).evidence)

    def evidence_and_chapter(pair: Question, chance: random.Random) -> Question:
        other = elsewhere(pair, chance)
        return replace(pair, evidence=other.evidence, chapter=other.chapter)

    def name(pair: Question, chance: random.Random) -> Question | None:
        told = sorted(set(pattern.findall(pair.question + pair.answer)))
        if not told:
            return None
        old = chance.choice(told)
        new = chance.choice([name for name in names if name not in told])
        swap = {field: getattr(pair, field).replace(old, new) for field in ("question", "answer")}
        return replace(pair, **swap, key=tuple(key.replace(old, new) for key in pair.key))

    def key(pair: Question, chance: random.Random) -> Question:
        return replace(pair, key=elsewhere(pair, chance).key)

    def key_and_answer(pair: Question, chance: random.Random) -> Question | None:
        held = [key for key in pair.key if key in pair.answer]
        if not held:
            return None
        new = elsewhere(pair, chance).key[0]
        return replace(pair, key=(new,), answer=pair.answer.replace(held[0], new))

    return {
        "evidence of another chapter": evidence,
        "evidence and number of another chapter": evidence_and_chapter,
        "a name changed": name,
        "a wrong key": key,
        "a wrong key, in the answer too": key_and_answer,
    }


def measure_checks(shared: Path) -> None:
    """Print the share of true pairs accepted and of damaged ones rejected."""
    chance = random.Random(0)
    accepted = total = 0
    caught: dict[str, list[bool]] = {}
    for short, title in BOOKS.items():
        chapters = chapters_of(title, shared / f"corpus/{title}.txt")
        pairs = [pair for part in ("train", "test") for pair in read_questions(shared / f"qa/{short}.{part}.jsonl")]
        books = Books(chapters)
        total += len(pairs)
        accepted += sum(not check_pair(pair, books)[1] for pair in pairs)
        for kind, damage in damages(pairs, list(find_names(chapters))).items():
            for pair in pairs:
                if (spoilt := damage(pair, chance)) is not None:
                    caught.setdefault(kind, []).append(bool(check_pair(spoilt, books)[1]))
    print(f"true pairs accepted: {accepted} of {total} = {accepted / total:.1%}")
    for kind, found in caught.items():
        print(f"rejected, {kind}: {sum(found)} of {len(found)} = {sum(found) / len(found):.1%}")
    every = [hit for found in caught.values() for hit in found]
    print(f"rejected, all: {sum(every)} of {len(every)} = {sum(every) / len(every):.1%}")


def measure_leaks(shared: Path) -> None:
    """Print recall on planted wordings of the given paraphrase groups, and false alarms on other facts."""
    kinds: dict[str, Callable[[Question], Question]] = {
        "all fields": lambda pair: pair,
        "no evidence": lambda pair: replace(pair, evidence=""),
        "question and key": lambda pair: replace(pair, evidence="", answer=pair.key[0]),
        "question and answer": lambda pair: replace(pair, evidence="", key=()),
        "question alone": lambda pair: replace(pair, evidence="", key=(), answer="？"),
    }
    for kind, strip in kinds.items():
        planted = found = alarms = clean = 0
        for short in BOOKS:
            train = read_questions(shared / f"qa/{short}.train.jsonl")
            given = read_questions(shared / f"qa/{short}.test.jsonl")
            grouped = [pair for pair in train if pair.paraphrases]
            ours = [strip(replace(pair, paraphrases=pair.paraphrases[1:])) for pair in train]
            plants = [
                strip(replace(pair, id=f"plant-{pair.id}", question=pair.paraphrases[0], paraphrases=()))
                for pair in grouped
            ]
            leaks = check_leak(ours, plants + [strip(pair) for pair in given])
            hits = {
                (leak.test.id.removeprefix("plant-"), leak.train.id) for leak in leaks if leak.test.id[:5] == "plant"
            }
            planted += len(plants)
            found += len({test for test, trained in hits if test == trained})
            alarms += len({test for test, trained in hits if test != trained})
            clean += len({leak.test.id for leak in leaks if leak.test.id[:5] != "plant"})
        right = found / max(1, found + alarms + clean)
        print(
            f"leaks, {kind}: {found} of {planted} planted found (recall {found / planted:.1%}), "
            f"{alarms} planted matched with another fact, {clean} alarms on the 160 clean test questions "
            f"(precision {right:.1%})"
        )


if __name__ == "__main__":
    begin = time.perf_counter()
    measure_checks(Path(sys.argv[1]))
    measure_leaks(Path(sys.argv[1]))
    print(f"{time.perf_counter() - begin:.0f} s")
