"""The company of words: log-odds as worked out by hand, people and places told apart by neighbours, files checked."""

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rjieba

from shuoshu.answer.company import BOUND, DISTANCES, FEW, PRIOR, Company, learn_company
from shuoshu.answer.index import Index
from shuoshu.answer.lexicon import Lexicon
from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError

PEOPLE = ("宋江", "林冲", "武松")


def chapter(text: str) -> Chapter:
    return Chapter(book="书", number=1, title="", text=text, start=0)


def lexicon(*names: str) -> Lexicon:
    return Lexicon({"书": {name: Counter({name: 1}) for name in names}})


def by_hand(text: str, people: tuple[str, ...], asked: str) -> float:
    """Mean log-odds of the neighbours of a word to be those of people, counted place by place."""
    words = ["\n", "\n", *rjieba.cut(text), "\n", "\n"]
    counts = Counter(words)
    total = 0.0
    for distance in DISTANCES:
        here, everywhere = Counter[str](), Counter[str]()
        for place, word in enumerate(words):
            beside = words[(place + distance) % len(words)]
            everywhere[beside] += 1 / math.sqrt(counts[word])  # pyright: ignore[reportArgumentType]
            here[beside] += (word in people) / math.sqrt(counts[word])  # pyright: ignore[reportArgumentType]
        share = sum(here.values()) / sum(everywhere.values())
        for place, word in enumerate(words):
            if word == asked:
                beside = words[(place + distance) % len(words)]
                total += math.log((here[beside] + PRIOR * share) / (everywhere[beside] + PRIOR) / share)
    return round(max(-BOUND, min(BOUND, total / (counts[asked] + FEW))), 2)


TOLD = "".join(f"只见{name}道：“好酒。”{name}大怒。众人来到梁山，到了柴庄。" for name in (*PEOPLE, "史进", *PEOPLE))


@pytest.mark.parametrize("word", ["宋江", "史进", "好酒", "梁山", "众人", "道"])
def test_as_worked_out_by_hand(word: str) -> None:
    assert learn_company([chapter(TOLD)], lexicon(*PEOPLE)).of(word)[0] == by_hand(TOLD, PEOPLE, word)


def test_somebody_unknown_stands_like_somebody() -> None:
    company = learn_company([chapter(TOLD)], lexicon(*PEOPLE))
    assert company.of("史进")[0] > 0 > company.of("好酒")[0]
    assert company.of("梁山")[1] > 0 > company.of("史进")[1]
    assert company.of("无人") == (0, 0)


def test_people_of_the_novella_who_are_hidden_are_found(novella: list[Chapter], novella_index: Index) -> None:
    """Every second name is kept back: by their company these still stand out among the words of its length."""
    names = sorted(novella_index.lexicon.names("澹江七灯录"))
    counts = Counter(word for each in novella for word in rjieba.cut(each.text))
    hidden = {name for name in names[::2] if counts[name] >= 5}
    company = learn_company(novella, lexicon(*names[1::2]))
    others = [word for word, n in counts.items() if n >= 5 and len(word) > 1 and word not in names]
    ahead = np.mean([company.of(name)[0] > company.of(word)[0] for name in hidden for word in others])
    assert len(hidden) >= 5
    assert ahead > 0.9  # by chance 0.5


@pytest.mark.parametrize("text", ["", "\n \n", "He came. 他来了。", "山庄" * 9])
def test_books_without_people_or_places(text: str) -> None:
    assert learn_company([chapter(text)], Lexicon({})).of("他") == (0, 0)


def test_it_is_kept(tmp_path: Path) -> None:
    company = learn_company([chapter(TOLD)], lexicon(*PEOPLE))
    company.save(tmp_path)
    again = Company.open(tmp_path)
    assert [again.of(word) for word in rjieba.cut(TOLD)] == [company.of(word) for word in rjieba.cut(TOLD)]
    assert Company.open(tmp_path / "nowhere").of("宋江") == (0, 0)


def damage(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda good: {**good, key: value}


@pytest.mark.parametrize(
    "broken",
    [
        lambda good: [],
        damage("format", -1),
        damage("words", 3),
        damage("words", []),
        damage("words", {"宋江": [1]}),
        damage("words", {"宋江": [1, "x"]}),
        damage("words", {"宋江": [1, None]}),
        damage("words", {"宋江": [1, math.nan]}),
        damage("words", {"宋江": [1, 99]}),
        damage("words", {"宋江": [1, 1, 1, 1]}),
        damage("words", {str(n): [0, 0] for n in range(300_001)}),
    ],
)
def test_a_broken_one_says_so(broken: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    learn_company([chapter(TOLD)], lexicon(*PEOPLE)).save(tmp_path)
    path = tmp_path / "company.json"
    path.write_text(json.dumps(broken(json.loads(path.read_text()))))
    with pytest.raises(UserError, match=r"company\.json is broken"):
        Company.open(tmp_path)
