"""Learned likeness: its definition read slowly, what it learns that counting does not, and its files."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from shuoshu.answer.likeness import Likeness, learn_likeness, statement
from shuoshu.answer.terms import bare, terms
from shuoshu.errors import UserError
from shuoshu.questions.question import Question
from shuoshu.questions.stage import read_named

BOOK = ["澹江七灯录"]
TRAINED = [question for question in read_named("demo", "train") if question.level != "NA"]
ASKED = [question for question in read_named("demo", "test") if question.level in ("near", "L1")]


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    return learn_likeness(TRAINED[:40], BOOK)


def bag(text: str) -> set[str]:
    found = terms(bare(text, BOOK))
    return {*found["characters"], *found["words"]}


def test_vectors_are_sums_of_length_one(likeness: Likeness, tmp_path: Path) -> None:
    likeness.save(tmp_path / "likeness")
    names = json.loads((tmp_path / "likeness" / "terms.json").read_text(encoding="utf-8"))
    rows = load_file(tmp_path / "likeness" / "vectors.safetensors")["vectors"]
    asked = "虞照川的师傅是谁？"
    total = sum(row for name, row in zip(names, rows, strict=True) if name in bag(asked))
    assert likeness.vectors([asked])[0] == pytest.approx(total / np.linalg.norm(total), abs=1e-5)
    assert not likeness.vectors(["xyzzy?"]).any()


def test_the_same_questions_teach_the_same(likeness: Likeness) -> None:
    again = learn_likeness(TRAINED[:40], BOOK)
    wordings = [wording for question in TRAINED[:40] for wording in question.wordings()]
    assert np.array_equal(likeness.vectors(wordings), again.vectors(wordings))


def test_finds_wordings_that_counting_misses() -> None:
    """Bundled book, wordings never trained: shared terms alone (Dice) lead fewer of them to their fact."""
    owner = np.array([i for i, question in enumerate(TRAINED) for _ in question.wordings()])
    wordings = [wording for question in TRAINED for wording in question.wordings()]
    own = {question.id: i for i, question in enumerate(TRAINED)}
    asked = [question for question in ASKED if question.of in own]
    assert len(asked) > 60
    wanted = np.array([own[question.of] for question in asked])

    learned = learn_likeness(TRAINED, BOOK)
    alike = learned.vectors([question.question for question in asked]) @ learned.vectors(wordings).T
    by_learning = np.mean(owner[alike.argmax(axis=1)] == wanted)

    bags = [bag(wording) for wording in wordings]
    sought = [bag(question.question) for question in asked]
    dice = [[2 * len(one & other) / (len(one) + len(other)) for other in bags] for one in sought]
    by_counting = np.mean(owner[np.array(dice).argmax(axis=1)] == wanted)
    assert by_learning >= by_counting + 0.05


def test_saved_and_opened(likeness: Likeness, tmp_path: Path) -> None:
    likeness.save(tmp_path / "likeness")
    again = Likeness.open(tmp_path / "likeness", BOOK)
    wordings = [question.question for question in TRAINED[:40]]
    assert np.array_equal(likeness.vectors(wordings), again.vectors(wordings))


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    empty = learn_likeness([], BOOK)
    empty.save(tmp_path / "likeness")
    assert not Likeness.open(tmp_path / "likeness", BOOK).vectors(["樊阿鲤的母亲是谁？"]).any()
    alone = learn_likeness([Question(question="？！", answer="")], BOOK)  # no term at all
    assert not alone.vectors(["樊阿鲤的母亲是谁？"]).any()


@pytest.mark.parametrize("damage", ["terms", "vectors", "short", "missing"])
def test_a_broken_folder_is_one_sentence(likeness: Likeness, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "likeness"
    likeness.save(folder)
    if damage == "missing":
        (folder / "terms.json").unlink()
    elif damage == "short":
        (folder / "terms.json").write_text('["一"]', encoding="utf-8")
    else:
        name = "terms.json" if damage == "terms" else "vectors.safetensors"
        (folder / name).write_bytes(b"{")
    with pytest.raises(UserError, match=r"likeness is broken .*`shuoshu index "):
        Likeness.open(folder, BOOK)


def test_unanswerable_questions_state_nothing() -> None:
    assert statement(Question(question="谁？", answer="书中没有提到。", level="NA")) == ""
    assert statement(Question(question="谁？", answer="甲。", evidence="甲也")) == "甲。 甲也"
