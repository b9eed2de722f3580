"""The question bank: likeness against a slow reading of its definition, evidence found where it stands."""

import math
from collections import Counter

import pytest

from shuoshu.answer.bank import QuestionBank, find_evidence
from shuoshu.answer.index import Index
from shuoshu.answer.terms import bare, terms
from shuoshu.questions.question import Question
from shuoshu.questions.stage import read_named


@pytest.fixture(scope="module")
def trained() -> list[Question]:
    return [question for question in read_named("demo", "train") if question.level != "NA"]


def test_likeness_is_that_of_the_most_similar_wording(trained: list[Question]) -> None:
    bank = QuestionBank(trained[:40], ["澹江七灯录"])
    wordings = [(q, wording) for q in trained[:40] for wording in q.wordings()]

    def count(text: str) -> Counter[str]:
        return Counter(term for found in terms(bare(text, ["澹江七灯录"])).values() for term in found)

    having = Counter(term for _, wording in wordings for term in count(wording))
    having = Counter({term: sum(term in count(w) for _, w in wordings) for term in having})
    rare = {term: math.log1p((len(wordings) - n + 0.5) / (n + 0.5)) for term, n in having.items()}
    unknown = math.log1p(2 * len(wordings) + 1)
    asked = count("虞照川的师傅是哪一个？")
    slow: dict[str, float] = {}
    for question, wording in wordings:
        own = count(wording)
        shared = sum(min(n, own[term]) * rare[term] for term, n in asked.items() if term in own)
        both = sum(rare.get(term, unknown) * n for part in (asked, own) for term, n in part.items())
        slow[question.id] = max(slow.get(question.id, 0), 2 * shared / both)
    found = {known.question.id: known.likeness for known in bank.nearest("虞照川的师傅是哪一个？", 40)}
    assert found == pytest.approx({name: value for name, value in slow.items() if value > 0})


def test_a_trained_wording_is_its_own_nearest(trained: list[Question]) -> None:
    bank = QuestionBank(trained, ["澹江七灯录"])
    (known,) = bank.nearest(trained[3].wordings()[1], 1)
    assert known.question == trained[3]
    assert known.likeness == pytest.approx(1)


def test_unanswerable_questions_lead_nowhere() -> None:
    bank = QuestionBank([Question(question="樊阿鲤的母亲是谁？", answer="书中没有提到。", level="NA")], [])
    assert bank.nearest("樊阿鲤的母亲是谁？", 5) == []


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
