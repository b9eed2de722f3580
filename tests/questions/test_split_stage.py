"""Facts, not questions, are split; and the guard that finds a fact on both sides."""

from dataclasses import replace
from pathlib import Path

import pytest

from shuoshu.questions.check import check_leak
from shuoshu.questions.facts import bigrams, facts, jaccard, links, normal
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.questions.stage import prepare_questions
from shuoshu.recipe import QuestionsOptions

DEMO = Path(__file__).resolve().parents[2] / "shuoshu/demo"
QA = Path(__file__).resolve().parents[3] / "shared/qa"


@pytest.fixture(scope="module")
def trained() -> list[Question]:
    return read_questions(DEMO / "questions.train.jsonl")


def exploded(questions: list[Question]) -> list[Question]:
    """Every wording as a record of its own, without a name that tells where it belongs."""
    return [
        replace(question, id="", question=wording, paraphrases=())
        for question in questions
        for wording in question.wordings()
    ]


def test_no_fact_on_both_sides(tmp_path: Path, trained: list[Question]) -> None:
    # All wordings of a fact are given as separate, nameless records: key and evidence must bring them together.
    answerable = [question for question in trained if question.level != "NA"]
    write_questions(tmp_path / "all.jsonl", exploded(answerable))
    options = QuestionsOptions(train=[str(tmp_path / "all.jsonl")], valid_share=0.1, test_share=0.2)
    figures = prepare_questions(tmp_path / "out", options)
    parts = [read_questions(tmp_path / f"out/{name}.jsonl") for name in ("train", "valid", "test")]
    assert sum(map(len, parts)) == len(exploded(answerable)) == figures["train"] + figures["valid"] + figures["test"]
    seen = [{question.evidence for question in part} for part in parts]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    assert 0.1 < len(parts[2]) / len(exploded(answerable)) < 0.3


def test_split_is_the_same_every_time(tmp_path: Path) -> None:
    options = QuestionsOptions(train=["demo"], valid_share=0.1, seed=3)
    for name in ("a", "b"):
        prepare_questions(tmp_path / name, options)
    for part in ("train", "valid", "test"):
        assert (tmp_path / f"a/{part}.jsonl").read_bytes() == (tmp_path / f"b/{part}.jsonl").read_bytes()
    prepare_questions(tmp_path / "c", replace(options, seed=4))
    assert (tmp_path / "a/test.jsonl").read_bytes() != (tmp_path / "c/test.jsonl").read_bytes()


def test_no_files_give_three_empty_ones(tmp_path: Path) -> None:
    figures = prepare_questions(tmp_path, QuestionsOptions())
    assert figures["train"] == figures["valid"] == figures["test"] == 0
    assert [(tmp_path / f"{name}.jsonl").read_text() for name in ("train", "valid", "test")] == ["", "", ""]


def test_bundled_files_are_clean(tmp_path: Path) -> None:
    figures = prepare_questions(tmp_path, QuestionsOptions(train=["demo"], test=["demo"]))
    assert figures["leaks"] == 0
    train, test = (read_questions(tmp_path / f"{name}.jsonl") for name in ("train", "test"))
    declared = check_leak(train, test)
    assert {leak.test.id for leak in declared} >= {q.id for q in test if q.level in ("L1", "near")}
    assert all(leak.declared and leak.test.level in ("L1", "near") for leak in declared)


def test_planted_wordings_are_found(trained: list[Question]) -> None:
    answerable = [question for question in trained if question.level != "NA"]
    train = [replace(question, paraphrases=question.paraphrases[1:]) for question in answerable]
    test = [replace(q, id=f"t{i}", question=q.paraphrases[0], paraphrases=()) for i, q in enumerate(answerable)]
    found = {leak.test.id for leak in check_leak(train, test) if not leak.declared}
    assert len(found) == len(test)


def test_a_declared_wording_must_be_another_one() -> None:
    train = [Question(id="1", question="折柳镇的灯铺开在哪一边？", answer="西头。", key=("西头",))]
    far = Question(id="2", question="想修灯往镇子哪头走？", answer="西头。", key=("西头",), level="L1", of="1")
    near = replace(far, question="折柳镇的灯铺开在哪边？")
    assert [leak.declared for leak in check_leak(train, [far])] == [True]
    assert [leak.declared for leak in check_leak(train, [near])] == [False]


def test_near_wordings_with_other_keys_are_other_facts() -> None:
    one = Question(question="孙悟空最后被封为什么佛？", answer="斗战胜佛。", key=("斗战胜佛",))
    other = Question(question="唐僧最后被封为什么佛？", answer="旃檀功德佛。", key=("旃檀功德佛",))
    assert len(facts([one, other])) == 2
    assert len(facts([one, replace(other, key=("斗战胜",))])) == 1


def test_one_character_tells_facts_apart_where_the_keys_differ() -> None:
    one = Question(question="请介绍一灯守灯人的外号是什么。", answer="独眼星。", key=("独眼星",))
    other = Question(question="请介绍六灯守灯人的外号是什么。", answer="浪里锤。", key=("浪里锤",))
    assert jaccard(bigrams(one.question), bigrams(other.question)) > 0.6
    assert len(facts([one, other])) == 2
    assert len(facts([one, replace(other, question=one.question)])) == 1  # asked alike, whatever the answer


def test_links_find_every_near_wording(trained: list[Question]) -> None:
    """Looking only at rare bigrams misses nothing that comparing every pair would find."""
    bare = [Question(question=wording, answer="？" * 3) for q in trained[:90] for wording in q.wordings()]
    sets = [bigrams(question.question) for question in bare]
    brute = {(i, j) for j in range(len(sets)) for i in range(j) if jaccard(sets[i], sets[j]) >= 0.5}
    assert {(link.left, link.right) for link in links(bare)} == brute


def test_normal_text() -> None:
    assert normal("《水浒传》里，武松打的是什么 Ｔiger？") == "里武松打的是什么tiger"


@pytest.mark.skipif(not QA.is_dir(), reason="shared/qa is not beside the repository")
@pytest.mark.parametrize("book", ["sanguo", "shuihu", "xiyou", "sanxia"])
def test_guard_passes_the_given_sets(book: str) -> None:
    assert check_leak(read_questions(QA / f"{book}.train.jsonl"), read_questions(QA / f"{book}.test.jsonl")) == []
