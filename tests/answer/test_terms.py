import jieba
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.answer.terms import bare, find_term, fold, terms
from shuoshu.books.chapter import Chapter


@given(st.text())
def test_folding_keeps_every_offset(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


def test_folding() -> None:
    assert fold("Ｗatson１２，《İﬁ》") == "watson12,《İﬁ》"


def test_terms_of_chinese_and_latin() -> None:
    found = terms("鲁智深 meets DR. Watson's２dogs")
    assert found["characters"] == ["鲁", "智", "深", "meets", "dr", "watson's2dogs"]
    assert found["pairs"] == ["鲁智", "智深", "meets", "dr", "watson's2dogs"]
    assert terms("3D打印")["pairs"] == ["3d", "打印"]
    assert terms("，。！ ——") == {"characters": [], "pairs": [], "words": []}


def test_words_are_those_of_jieba(novella: list[Chapter]) -> None:
    for sentence in novella[0].text.split("。")[:60]:
        run = "".join(c for c in sentence if "\u4e00" <= c <= "\u9fff")
        assert terms(run)["words"] == [word for word in jieba.cut_for_search(run) if len(word) > 1]


@given(st.text(alphabet="林冲abA 。", max_size=30), st.sampled_from(["林", "林冲", "冲冲", "ab", "a"]))
def test_found_terms_are_the_terms_of_the_text(text: str, term: str) -> None:
    kind = "pairs" if len(term) == 2 else "characters"
    folded = fold(text)
    places = find_term(folded, term)
    assert len(places) == terms(text)[kind].count(term)
    assert all(folded[place : place + len(term)] == term for place in places)


def test_the_frame_of_a_question_is_left_out() -> None:
    titles = ["水浒传", "西游记"]
    for question, rest in {
        "请问《水浒传》里，林冲的绰号是什么？": "，林冲的绰号 ？",
        "按《西游记》所写，通天河有多宽？": "，通天河有多宽？",
        "请介绍一下郓城县的都头。（《水浒传》）": "郓城县的都头。",
        "秦明一家老小是被谁杀害的？": "秦明一家老小是被 杀害的？",
        "曹髦的《潜龙诗》是为了什么写的？": "曹髦的《潜龙诗》是为了 写的？",
        "Who is the father of Emma?": "father Emma?",
    }.items():
        assert " ".join(bare(question, titles).split()) == rest
    assert bare("《水浒传》里是谁？", titles) == "《水浒传》里是谁？"
