"""The question bank: likeness against a slow reading of its definition, evidence found where it stands."""

from pathlib import Path

import pytest

from shuoshu.answer.bank import LIKENESS, QuestionBank, find_evidence
from shuoshu.answer.index import Index
from shuoshu.answer.likeness import learn_likeness
from shuoshu.folder import RunFolder
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question
from shuoshu.questions.stage import read_named


@pytest.fixture(scope="module")
def trained() -> list[Question]:
    return [question for question in read_named("demo", "train") if question.level != "NA"]


@pytest.fixture(scope="module")
def bank(trained: list[Question]) -> QuestionBank:
    return QuestionBank(trained[:40], learn_likeness(trained[:40], ["澹江七灯录"]))


def test_likeness_is_that_of_the_most_similar_wording(trained: list[Question], bank: QuestionBank) -> None:
    likeness = learn_likeness(trained[:40], ["澹江七灯录"])
    (asked,) = likeness.vectors(["虞照川的师傅是哪一个？"])
    slow: dict[str, float] = {}
    for question in trained[:40]:
        said = [*question.wordings(), f"{question.answer} {question.evidence}"]
        slow[question.id] = max(float(vector @ asked) for vector in likeness.vectors(said))
    found = {known.question.id: known.likeness for known in bank.nearest("虞照川的师傅是哪一个？", 40)}
    assert found == pytest.approx({name: value for name, value in slow.items() if value > 0}, abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_trained_wording_is_its_own_nearest(trained: list[Question], bank: QuestionBank) -> None:
    (known,) = bank.nearest(trained[3].wordings()[1], 1)
    assert known.question == trained[3]
    assert known.likeness == pytest.approx(1)


def test_unanswerable_questions_lead_nowhere() -> None:
    asked = [Question(question="樊阿鲤的母亲是谁？", answer="书中没有提到。", level="NA")]
    assert QuestionBank(asked, learn_likeness(asked, [])).nearest("樊阿鲤的母亲是谁？", 5) == []


def test_a_run_opens_its_bank(tiny_run: Path) -> None:
    """With what the run learned, and without it (runs made before): the same questions are found."""
    run = RunFolder(tiny_run)
    assert (run.index / LIKENESS).is_dir()
    saved = QuestionBank.open(run, ["澹江七灯录"])
    asked = saved.questions[0].question
    anew = QuestionBank(saved.questions, learn_likeness(read_questions(run.questions("train")), ["澹江七灯录"]))
    assert [known.question.id for known in saved.nearest(asked, 3)] == [k.question.id for k in anew.nearest(asked, 3)]


def test_evidence_of_every_bundled_question_is_found(novella_index: Index, trained: list[Question]) -> None:
    for question in trained:
        place = find_evidence(question, novella_index)
        assert place is not None, question.id
        book, chapter, start, end = place
        text, offset = novella_index.text(book, chapter, start, end)
        assert text[start - offset : end - offset] == question.evidence


def test_evidence_that_does_not_stand_there(novella_index: Index) -> None:
    assert find_evidence(Question(question="？", answer="。", evidence="此句书中没有"), novella_index) is None
    assert find_evidence(Question(question="？", answer="。"), novella_index) is None
