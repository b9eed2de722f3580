"""Sums, intervals and baselines, against figures worked out by hand and by other means."""

import math
from typing import Any, NamedTuple

import pytest

from shuoshu.evaluate import metrics
from shuoshu.evaluate.baselines import baselines, nearest_answers
from shuoshu.evaluate.embedding import Similarity
from shuoshu.evaluate.scores import accuracy_interval, consistency, mark, score
from shuoshu.questions.question import Question

DESIGN_KEYS = {
    *("n", "rouge_l", "rouge_l_char", "accuracy", "accuracy_by_level", "embedding_similarity", "bits_per_char"),
    *("garbled", "empty", "truncated", "repetitive", "answered_unanswerable", "citation_accuracy"),
    *("seconds", "chars_per_second"),
}


class Quote(NamedTuple):
    book: str
    chapter: int
    quote: str


def question(n: int, **fields: Any) -> Question:
    return Question(
        **{"question": f"第{n}问？", "answer": f"答案是第{n}个。", "id": f"q{n}", "key": (f"第{n}个",), **fields}
    )


def scored(marked: list, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "seconds": 2.0,
        "similarity": Similarity(note="none"),
        "bits_per_char": 4.5,
        "baselines": {},
    }
    return score(marked, **{**given, **fields})


def test_every_figure_of_the_design() -> None:
    marked = [
        mark(question(1, level="L1"), "是第1个。"),
        mark(question(2, level="L1"), "是第3个。"),
        mark(question(3, level="L3"), ""),
        mark(question(4, level="L3"), "说是说是说是说是说是说是说是说是说是说是", truncated=True),
        mark(question(5, level="NA"), "书中没有提到。"),
        mark(question(6, level="NA"), "是她。\ufffd"),
        mark(question(7, level="NA"), ""),
        mark(question(8, level="L1"), "书中没有提到。"),
        mark(question(9, level="trained"), "第9个"),
    ]
    figures = scored(marked)
    assert set(figures) >= DESIGN_KEYS
    assert figures["n"] == 8
    assert figures["accuracy"] == pytest.approx(2 / 8)
    assert figures["accuracy_by_level"] == {"L1": round(1 / 3, 4), "L3": 0.0, "NA": round(1 / 3, 4), "trained": 1.0}
    assert figures["n_by_level"] == {"L1": 3, "L3": 2, "NA": 3, "trained": 1}
    assert (figures["garbled"], figures["empty"], figures["truncated"], figures["repetitive"]) == (1, 2, 1, 1)
    assert figures["unanswerable"] == 3
    assert figures["answered_unanswerable"] == round(1 / 3, 4)  # an empty answer is wrong, but claims nothing
    assert figures["declined_answerable"] == 0.2
    assert figures["embedding_similarity"] is None
    assert figures["embedding_note"] == "none"
    assert figures["bits_per_char"] == 4.5
    assert figures["chars_per_second"] == round(sum(len(m.answer) for m in marked) / 2, 1)
    assert figures["trained"]["n"] == 1
    mean = sum(metrics.rouge_l(m.answer, m.question.answer) for m in marked[:-1]) / 8
    assert figures["rouge_l"] == pytest.approx(mean, abs=1e-4)


def test_bytes_that_made_no_character_are_garble_even_where_they_are_not_shown() -> None:
    assert scored([mark(question(1), "第1个", broken=2), mark(question(2), "第2个")])["garbled"] == 1


def test_questions_without_a_key_count_for_rouge_but_not_for_accuracy() -> None:
    marked = [mark(question(1), "第1个"), mark(question(2, key=()), "第2个")]
    figures = scored(marked)
    assert (figures["n"], figures["accuracy"]) == (2, 1.0)
    assert figures["accuracy_by_level"] == {"unmarked": 1.0}
    none = scored(marked[1:])
    assert none["accuracy"] is None
    assert none["accuracy_interval"] is None
    assert none["answered_unanswerable"] is None


def test_only_trained_questions_make_the_headline_where_there_are_no_others() -> None:
    assert scored([mark(question(1, level="trained"), "第1个")])["accuracy"] == 1.0


def test_citations_are_judged_where_an_answer_was_given_with_the_books_at_hand() -> None:
    cited = question(1, book="甲书", chapter=2, evidence="正是第1个无疑")
    here, elsewhere = Quote("甲书", 2, "正是第1个无疑。"), Quote("甲书", 3, "不相干的话。")
    assert mark(cited, "第1个", [here]).citation is True
    assert mark(cited, "第1个", [elsewhere, here]).citation is False  # the first is the one a reader looks up
    assert mark(cited, "第1个", []).citation is False
    assert mark(cited, "第1个", None).citation is None  # from memory
    assert mark(cited, "书中没有提到。", []).citation is None
    assert mark(question(1), "第1个", [here]).citation is None  # no evidence to compare with
    assert mark(question(1, level="NA", evidence="话"), "第1个", [here]).citation is None
    figures = scored([mark(cited, "第1个", [here]), mark(cited, "第1个", []), mark(question(2), "第2个", [here])])
    assert (figures["citation_accuracy"], figures["cited"]) == (0.5, 2)


def test_interval_is_near_the_normal_one_and_the_same_every_time() -> None:
    marked = [mark(question(n), f"第{n}个" if n % 4 else "不是") for n in range(400)]
    interval = accuracy_interval(marked)
    assert interval is not None
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert interval == pytest.approx([0.75 - half, 0.75 + half], abs=0.006)
    assert interval == accuracy_interval(marked)


def test_interval_counts_facts_not_wordings() -> None:
    # 40 facts in ten wordings, right or wrong together: as uncertain as 40 questions, not as 400.
    marked = [mark(question(n, of=f"f{n // 10}"), f"第{n}个" if n // 10 % 2 else "不是") for n in range(400)]
    interval = accuracy_interval(marked)
    assert interval is not None
    assert (interval[1] - interval[0]) / 2 == pytest.approx(1.96 * math.sqrt(0.25 / 40), abs=0.03)


def test_nearest_question_finds_the_same_question_in_another_wording() -> None:
    train = [
        Question(question="虞照川的师父是谁？", answer="是邵拙。", paraphrases=("谁教了照川武艺？",)),
        Question(question="折柳镇在哪里？", answer="在澹江边。"),
    ]
    asked = [
        Question(question=text, answer="是邵拙。", key=("邵拙",)) for text in ("折柳镇在何处？", "照川的武艺谁教的？")
    ]
    assert nearest_answers(asked, train) == ["在澹江边。", "是邵拙。"]
    found = baselines(asked, train)
    assert found["nearest_question"]["accuracy"] == 0.5
    assert found["echo"]["rouge_l"] == pytest.approx(
        sum(metrics.rouge_l(q.question, q.answer) for q in asked) / 2, abs=1e-4
    )
    assert found["echo"]["accuracy"] == 0.0
    assert set(baselines(asked, None)) == {"echo"}


def test_accuracy_by_type_is_of_the_test_questions() -> None:
    marked = [
        mark(question(1, type="人物"), "第1个"),
        mark(question(2, type="人物"), "不是"),
        mark(question(3, type="关系"), "第3个"),
        mark(question(4), "不是"),
        mark(question(5, type="人物", level="trained"), "第5个"),
    ]
    figures = scored(marked)
    assert figures["accuracy_by_type"] == {"人物": 0.5, "关系": 1.0, "unmarked": 0.0}
    assert figures["n_by_type"] == {"人物": 2, "关系": 1, "unmarked": 1}
    assert figures["accuracy_interval_by_type"]["人物"] == [0.0, 1.0]


def test_consistency_is_of_facts_asked_in_several_wordings() -> None:
    def worded(fact: int, wording: str, right: bool, **fields: Any) -> Any:
        asked = Question(question=wording, answer="甲", id=wording, of=f"f{fact}", key=("甲",), level="L1")
        return mark(asked, "甲" if right else "乙", **fields)

    marked = [
        worded(1, "一问", True),
        worded(1, "一又问", True, extra=True),
        worded(2, "二问", True),
        worded(2, "二又问", False, extra=True),
        worded(3, "三问", False),
        worded(3, "三又问", False, extra=True),
        worded(3, "三再问", False, extra=True),
        worded(4, "四问", True),  # in one wording: says nothing
        worded(5, "五问", True),
        worded(5, "五问", True, extra=True),  # the same wording again is none
    ]
    found = consistency(marked)
    assert found is not None
    assert (found["facts"], found["wordings"]) == (3, 7)
    assert [found[name] for name in ("all_right", "all_wrong", "agree")] == [round(1 / 3, 4), round(1 / 3, 4), 0.6667]
    figures = scored(marked)
    assert (figures["n"], figures["n_by_level"]) == (5, {"L1": 5})  # further wordings count nowhere else
    assert figures["consistency"] == found
    assert scored(marked[:1])["consistency"] is None


def test_risk_and_coverage_are_of_claims() -> None:
    marked = [
        mark(question(1), "第1个", confidence=0.9),
        mark(question(2), "不是", confidence=0.4),
        mark(question(3), "书中没有提到。", confidence=0.8),  # silent: never covered
        mark(question(4, level="NA"), "书中没有提到。", confidence=0.8),
        mark(question(5, level="NA"), "是她。", confidence=0.6),  # answered all the same: wrong
        mark(question(6, level="trained"), "不是", confidence=1.0),
        mark(question(7, key=()), "不是", confidence=1.0),
    ]
    found = scored(marked)["risk_coverage"]
    assert (found["asked"], found["answered"]) == (5, 3)
    assert found["curve"] == [[0.2, 1.0, 0.9], [0.4, 0.5, 0.6], [0.6, round(1 / 3, 4), 0.4]]
    assert (found["accuracy_at_60"], found["accuracy_at_80"]) == (round(1 / 3, 4), None)
    assert scored([mark(question(1), "第1个")])["risk_coverage"] is None  # a model that gives no confidence
