"""The renamed world: a bijection that can be turned back, in the book and in its questions alike."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.files import read_json, read_utf8
from shuoshu.questions.formats import read_questions

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "shuoshu" / "demo"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("renamed_world", ROOT / "benchmarks" / "renamed_world.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = load()
PEOPLE = read_utf8(ROOT / "benchmarks" / "renamed_demo.txt").split()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("renamed")
    files = [DEMO / f"questions.{name}.jsonl" for name in ("train", "test")]
    figures = world.make("demo", files[:1], files[1:], out, ROOT / "benchmarks" / "renamed_demo.txt", 0)
    assert figures["evidence"] > 400
    assert figures["evidence_lost"] == 0
    assert figures["keys_changed"] > 100
    return out


def test_the_book_comes_back_and_nobody_keeps_the_name(made: Path) -> None:
    names = read_json(made / "names.json")
    assert len(set(names.values())) == len(names)
    assert all(old != new and len(old) == len(new) for old, new in names.items())
    renamed = read_utf8(made / "澹江七灯录.txt")
    assert [person for person in PEOPLE if person in renamed] == []
    back = world.renamer({new: old for old, new in names.items()})
    original = re.sub(r"\s", "", read_utf8(DEMO / "澹江七灯录.txt"))
    assert re.sub(r"\s", "", back(renamed)) == original
    assert len(renamed) == len(back(renamed))


def test_questions_follow_the_book(made: Path) -> None:
    names = read_json(made / "names.json")
    back = world.renamer({new: old for old, new in names.items()})
    renamed = read_utf8(made / "澹江七灯录.txt")
    for name in ("train", "test"):
        old, new = read_questions(DEMO / f"questions.{name}.jsonl"), read_questions(made / f"{name}.jsonl")
        assert [world.rename_question(question, back) for question in new] == old
        for before, after in zip(old, new, strict=True):
            assert after.evidence in renamed
            if before.level != "NA":
                assert any(key in after.answer for key in after.key) == any(key in before.answer for key in before.key)


def test_the_recipe_is_one(made: Path) -> None:
    from shuoshu.recipe import load_recipe

    recipe = load_recipe(made / "recipe.yaml")
    assert recipe["books"]["paths"] == [str(made / "澹江七灯录.txt")]
    assert recipe["questions"]["test"] == [str(made / "test.jsonl")]


def test_the_seed_decides() -> None:
    assert world.exchange(PEOPLE, 0) == world.exchange(reversed(PEOPLE), 0)
    assert world.exchange(PEOPLE, 0) != world.exchange(PEOPLE, 1)


def test_names_that_mean_something_else_stay_words() -> None:
    assert world.given_name("穆十三") == "十三"
    assert not world.stands_alone("十三")
    assert not world.stands_alone("万里")
    assert world.stands_alone("照川")
    assert world.given_name("呼延阔") == "阔"
    assert world.given_name("悟空") == ""


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(["照川", "虞照川", "疏桐", "纪疏桐", "邵拙", "邵蕙", "蕙", "川纪", "十三", "说。"]), max_size=12
    ),
    st.integers(0, 5),
)
def test_what_is_exchanged_can_be_turned_back(pieces: list[str], seed: int) -> None:
    text = "".join(pieces)
    names = world.sure_exchange(["虞照川", "纪疏桐", "邵拙", "岑蕙", "穆十三", "田半夏"], [text], seed)
    assert world.renamer({new: old for old, new in names.items()})(world.renamer(names)(text)) == text


def test_score_tells_new_names_from_old_ones() -> None:
    names = {"照川": "疏桐", "疏桐": "照川"}
    answers = [{"m": {"open": {"answer": text}}} for text in ("是虞疏桐。", "是虞照川。", "不知。")]
    records = [{"key": ["虞疏桐"], "answers": answer} for answer in answers]
    records.append({"key": ["姜茶"], "answers": answers[0]})  # no name in the key: says nothing
    assert world.score(names, json.loads(json.dumps(records))) == {
        "m": {"open": {"n": 3, "new": 1, "old": 1, "neither": 1}}
    }
