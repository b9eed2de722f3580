"""The leak guard by what the records hold: a key finds far wordings, hard negatives stay apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from shuoshu.questions.check import check_leak
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question

QA = Path(__file__).resolve().parents[3] / "shared/qa"
ONE = Question(id="1", question="独眼星是用哪只手补灯的？", answer="他用左手补灯。", key=("左手",))


def found(train: Question, test: Question) -> list[str]:
    return [leak.reason for leak in check_leak([train], [replace(test, id="t")])]


def test_far_wordings_with_the_same_key() -> None:
    assert found(ONE, replace(ONE, question="补灯时，独眼星惯使哪边的手？", answer="左手。")) == ["same key and things"]


def test_hard_negatives() -> None:
    """The same person asked about something else; the same key answering for somebody else; another number."""
    assert found(ONE, replace(ONE, question="独眼星的师父是谁？", answer="邵拙。", key=("邵拙",))) == []
    assert found(ONE, replace(ONE, question="樊铁桡挥桨惯使什么？", answer="左手。")) == []
    price = Question(question="林冲买那口宝刀花了多少钱？", answer="一千贯。", key=("一千贯",))
    reward = replace(price, question="鲁达打死人逃走后，官府出多少赏钱捉拿他？")
    assert found(price, reward) == []
    assert found(price, replace(price, question="林冲的宝刀是花多少钱买来的？")) != []


def test_an_answer_without_a_key_meets_a_key() -> None:
    bare = Question(question="独眼星惯使哪边的手来补灯？", answer="是用左手来补灯的。")
    assert found(ONE, bare) == ["same key and things"]
    assert found(bare, ONE) == ["same key and things"]


def test_a_bare_question_in_far_words_is_not_seen() -> None:
    # Stated in docs/questions.md: without key, answer or evidence only the wording is left.
    train, test = (replace(ONE, answer="？", key=(), question=q) for q in (ONE.question, "补灯匠惯使哪边的手？"))
    assert found(train, test) == []


@pytest.mark.skipif(not QA.is_dir(), reason="shared/qa is not beside the repository")
def test_question_and_key_find_far_wordings() -> None:
    planted = hits = 0
    for name in ("sanguo", "shuihu", "xiyou", "sanxia"):
        train = [replace(q, answer=q.key[0], evidence="") for q in read_questions(QA / f"{name}.train.jsonl")]
        grouped = [q for q in train if q.paraphrases]
        tests = [replace(q, id=f"t{q.id}", question=q.paraphrases[0], paraphrases=()) for q in grouped]
        leaks = check_leak([replace(q, paraphrases=q.paraphrases[1:]) for q in train], tests)
        planted += len(tests)
        hits += len({leak.test.id for leak in leaks if leak.test.id == f"t{leak.train.id}"})
    assert planted == 240
    assert hits / planted > 0.8
