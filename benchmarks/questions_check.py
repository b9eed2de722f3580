"""How well pairs are checked against books: true pairs, and pairs damaged in nine ways, each its own figure.

    python benchmarks/questions_check.py SHARED      # the folder with corpus/ and qa/

The three limits that were fitted (`places.NEAR_KEY`, `CHANCE`, `NEAR_NAME`) are also chosen anew on two novels and
reported on the other two, both ways; the bundled book took no part in any choice.
"""

import itertools
import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shuoshu.books.chapter import Chapter
from shuoshu.questions import places
from shuoshu.questions.formats import read_questions
from shuoshu.questions.names import find_names
from shuoshu.questions.places import Books
from shuoshu.questions.question import Question
from shuoshu.questions.verify import check_pair

BOOKS = {"sanguo": "三国演义", "shuihu": "水浒传", "xiyou": "西游记", "sanxia": "三侠五义"}
DEMO = Path(__file__).resolve().parents[1] / "shuoshu/demo"
TITLE = "澹江七灯录"
FITTED = {"NEAR_KEY": (150, 300, 500), "CHANCE": (0.01, 0.03, 0.05), "NEAR_NAME": (1000, 2000, 3000)}
NOVELS = list(BOOKS.values())
HALVES = ((NOVELS[:2], NOVELS[2:]), (NOVELS[::2], NOVELS[1::2]))
MAIN = ("evidence of another chapter", "evidence and number of another chapter", "a name changed", "a wrong key",
        "a wrong key, in the answer too", "the answer of a neighbouring fact")  # fmt: skip

Damage = Callable[[Question, random.Random], Question | None]


def chapters_of(title: str, path: Path) -> list[Chapter]:
    """The chapters of a clean text whose headings stand alone on their lines."""
    parts = [part for part in re.split(r"(?m)^(?=第\S+回 )", path.read_text(encoding="utf-8")) if part.startswith("第")]
    starts = list(itertools.accumulate(map(len, parts), initial=0))
    return [
        Chapter(book=title, number=i + 1, title=part.split("\n")[0], text=part, start=starts[i])
        for i, part in enumerate(parts)
    ]


def pairs_of(title: str, shared: Path) -> tuple[list[Chapter], list[Question]]:
    """The chapters of a book and all answerable pairs on it."""
    if title == TITLE:
        files, text = [DEMO / f"questions.{part}.jsonl" for part in ("train", "test")], DEMO / f"{title}.txt"
    else:
        short = next(short for short, name in BOOKS.items() if name == title)
        files = [shared / f"qa/{short}.{part}.jsonl" for part in ("train", "test")]
        text = shared / f"corpus/{title}.txt"
    return chapters_of(title, text), [pair for file in files for pair in read_questions(file) if pair.level != "NA"]


def damages(pairs: list[Question], names: list[str]) -> dict[str, Damage]:
    """Ways to spoil a pair; None where a pair offers nothing to spoil."""
    pattern = re.compile("|".join(sorted(names, key=lambda name: -len(name))))
    place = {pair.id: i for i, pair in enumerate(pairs)}
    told_in = {pair.id: sorted(set(pattern.findall(pair.question + pair.answer))) for pair in pairs}
    told = [name for pair in pairs for name in told_in[pair.id]]

    def elsewhere(pair: Question, chance: random.Random) -> Question:
        return chance.choice([other for other in pairs if other.chapter != pair.chapter])

    def neighbour(pair: Question) -> Question:
        i = place[pair.id]
        near = pairs[i + 1 : i + 2] + pairs[max(0, i - 1) : i]
        return min((other for other in near if other.key != pair.key), key=lambda other: abs(
            (other.chapter or 0) - (pair.chapter or 0)), default=near[0])  # fmt: skip

    def renamed(pair: Question, change: Callable[[str], str]) -> Question:
        return replace(
            pair,
            question=change(pair.question),
            answer=change(pair.answer),
            key=tuple(map(change, pair.key)),
        )

    def another_name(pool: list[str]) -> Damage:
        def name(pair: Question, chance: random.Random) -> Question | None:
            if not (own := told_in[pair.id]):
                return None
            old, new = chance.choice(own), chance.choice([name for name in pool if name not in own])
            return renamed(pair, lambda text: text.replace(old, new))

        return name

    def names_swapped(pair: Question, chance: random.Random) -> Question | None:
        if len(own := told_in[pair.id]) < 2:
            return None
        one, other = chance.sample(own, 2)
        return renamed(pair, lambda text: text.replace(one, "\0").replace(other, one).replace("\0", other))

    def evidence(pair: Question, chance: random.Random) -> Question:
        return replace(pair, evidence=elsewhere(pair, chance).evidence)

    def evidence_and_chapter(pair: Question, chance: random.Random) -> Question:
        other = elsewhere(pair, chance)
        return replace(pair, evidence=other.evidence, chapter=other.chapter)

    def key(pair: Question, chance: random.Random) -> Question:
        return replace(pair, key=elsewhere(pair, chance).key)

    def key_and_answer(pair: Question, chance: random.Random) -> Question | None:
        held = [key for key in pair.key if key in pair.answer]
        if not held:
            return None
        new = elsewhere(pair, chance).key[0]
        return replace(pair, key=(new,), answer=pair.answer.replace(held[0], new))

    def answer(pair: Question, chance: random.Random) -> Question:
        other = neighbour(pair)
        return replace(pair, answer=other.answer, key=other.key)

    def question(pair: Question, chance: random.Random) -> Question:
        return replace(pair, question=neighbour(pair).question)

    spoil = (evidence, evidence_and_chapter, another_name(names), key, key_and_answer, answer)
    return dict(zip(MAIN, spoil, strict=True)) | {
        "a name changed for one told in another pair": another_name(told),
        "two names of the pair swapped": names_swapped,
        "the question of a neighbouring fact": question,
    }


Kinds = dict[str, list[Question]]


def make(title: str, shared: Path) -> tuple[Books, Kinds]:
    """A book, its true pairs, and the damaged ones by kind: the same in every run."""
    chapters, pairs = pairs_of(title, shared)
    chance = random.Random(0)
    kinds: Kinds = {"true": pairs}
    for kind, damage in damages(pairs, list(find_names(chapters))).items():
        kinds[kind] = [spoilt for pair in pairs if (spoilt := damage(pair, chance)) is not None]
    return Books(chapters), kinds


def refused(books: Books, pairs: list[Question]) -> list[bool]:
    """Which pairs the checks refuse."""
    return [bool(check_pair(pair, books)[1]) for pair in pairs]


def main(shared: Path) -> None:
    """Measure and print."""
    made = {title: make(title, shared) for title in (*NOVELS, TITLE)}
    found = {
        title: {kind: refused(books, pairs) for kind, pairs in kinds.items()} for title, (books, kinds) in made.items()
    }
    print("| accepted, or refused | four novels | share |", *(f" {title} |" for title in made), sep="")
    for kind in made[TITLE][1]:
        hits = [hit == (kind != "true") for title in NOVELS for hit in found[title][kind]]
        shares = [
            sum(hit == (kind != "true") for hit in found[title][kind]) / len(found[title][kind]) for title in made
        ]
        print(
            f"| {kind} | {sum(hits):,} of {len(hits):,} | {sum(hits) / len(hits):.1%} |",
            *(f" {x:.1%} |" for x in shares),
            sep="",
        )
    hits = [hit for title in NOVELS for kind in MAIN for hit in found[title][kind]]
    print(f"the first six kinds together: {sum(hits):,} of {len(hits):,} = {sum(hits) / len(hits):.1%}", flush=True)
    crosswise({title: made[title] for title in NOVELS})


def crosswise(made: dict[str, tuple[Books, Kinds]]) -> None:
    """Choose the limits on two novels (98 % of true pairs accepted, most damage refused), report on the others."""
    found: dict[tuple[float, ...], dict[str, dict[str, float]]] = {}
    for limits in itertools.product(*FITTED.values()):
        for name, value in zip(FITTED, limits, strict=True):
            setattr(places, name, value)
        found[limits] = {
            title: {kind: sum(refused(books, kinds[kind][::2])) / len(kinds[kind][::2]) for kind in ("true", *MAIN)}
            for title, (books, kinds) in made.items()
        }

    def mean(limits: tuple[float, ...], titles: list[str], kind: str) -> float:
        return sum(found[limits][title][kind] for title in titles) / len(titles)

    for fitted, others in [pair for half in HALVES for pair in (half, half[::-1])]:
        good = [limits for limits in found if mean(limits, fitted, "true") <= 0.02] or list(found)
        best = max(good, key=lambda limits: sum(mean(limits, fitted, kind) for kind in MAIN))
        shares = " ".join(f"{mean(best, others, kind):.1%}" for kind in MAIN)
        accepted = 1 - mean(best, others, "true")
        print(
            f"fitted on {'、'.join(fitted)}: {dict(zip(FITTED, best, strict=True))}; "
            f"on the others {accepted:.1%} {shares}"
        )


if __name__ == "__main__":
    begin = time.perf_counter()
    main(Path(sys.argv[1]))
    print(f"{time.perf_counter() - begin:.0f} s")
