"""ROUGE against jieba and a brute-force LCS; right, garbled, empty, repetitive and cited answers."""

import itertools
import logging
import unicodedata
from pathlib import Path
from typing import NamedTuple

import jieba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shuoshu.demo
from shuoshu.evaluate import metrics
from shuoshu.evaluate.untold import says_untold
from shuoshu.files import read_jsonl, read_utf8
from shuoshu.questions.question import Question

DEMO = Path(shuoshu.demo.__file__).parent
jieba.setLogLevel(logging.ERROR)
unhurried = settings(deadline=None)  # the machine may be busy with other things


class Quote(NamedTuple):
    book: str
    chapter: int
    quote: str


def lcs(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, by its recurrence."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, j in itertools.product(range(len(a)), range(len(b))):
        table[i + 1][j + 1] = table[i][j] + 1 if a[i] == b[j] else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def reference_rouge(a: list[str], b: list[str]) -> float:
    common = lcs(a, b)
    if common == 0:
        return 0.0
    precision, recall = common / len(a), common / len(b)
    return 2 * precision * recall / (precision + recall)


def jieba_words(text: str) -> list[str]:
    return [word for word in jieba.lcut(text) if word.strip()]


def test_words_are_those_of_jieba_on_the_whole_novella() -> None:
    lines = read_utf8(next(DEMO.glob("*.txt"))).splitlines()
    assert len(lines) > 500
    for line in lines:
        assert metrics.words(line) == jieba_words(line)


def test_rouge_l_agrees_with_jieba_and_a_brute_force_lcs() -> None:
    pairs = [(record["question"], record["answer"]) for _, record in read_jsonl(DEMO / "questions.test.jsonl")]
    for question, answer in pairs:
        expected = reference_rouge(jieba_words(question), jieba_words(answer))
        assert metrics.rouge_l(question, answer) == pytest.approx(expected)
        expected = reference_rouge(list(question), list(answer))
        assert metrics.rouge_l_char(question, answer) == pytest.approx(expected)


@unhurried
@given(st.text("天地玄黄ab 。", max_size=24), st.text("天地玄黄ab 。", max_size=24))
def test_rouge_l_char_on_any_text(a: str, b: str) -> None:
    score = metrics.rouge_l_char(a, b)
    expected = reference_rouge([c for c in a if c != " "], [c for c in b if c != " "])
    assert score == pytest.approx(expected)
    assert score == metrics.rouge_l_char(b, a)


@unhurried
@given(st.text(max_size=40), st.text(max_size=40))
def test_rouge_l_stays_within_its_bounds(a: str, b: str) -> None:
    assert 0 <= metrics.rouge_l(a, b) <= 1
    assert metrics.rouge_l(a, a) == (1 if metrics.words(a) else 0)


def test_rouge_l_rewards_the_wrong_name_in_the_right_sentence() -> None:
    # Why accuracy stands first: the numbers of the classic pitfall.
    assert metrics.rouge_l("郭靖的师父是欧阳锋", "郭靖的师父是洪七公") == pytest.approx(0.8)
    assert metrics.rouge_l("洪七公", "郭靖的师父是洪七公") == pytest.approx(1 / 3)


TOLD = Question(question="虞照川的师父是谁？", answer="是邵拙。", key=("邵拙", "412"))
UNTOLD = Question(question="他的妹妹叫什么？", answer="书中没有提到。", key=("没有",), level="NA")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("他的师父是邵拙。", True),
        ("一共４１２人", True),  # NFKC
        ("他的师父是简霜娥。", False),
        ("", False),
        ("邵拙" + "。" * 58, True),
        ("邵拙" + "。" * 59, False),
        ("  邵拙" + "。" * 58 + "\n", True),
        ("书中没有提到。", False),
    ],
)
def test_is_right(answer: str, right: bool) -> None:
    assert metrics.is_right(answer, TOLD) is right


def test_unanswerable_is_right_only_where_the_answer_says_so() -> None:
    assert metrics.is_right("书中没有提到。", UNTOLD)
    assert not metrics.is_right("他没有妹妹。", UNTOLD)  # holds 没有, and claims something
    assert not metrics.is_right("", UNTOLD)


def test_without_a_key_there_is_no_verdict() -> None:
    assert metrics.has_verdict(TOLD)
    assert metrics.has_verdict(Question(question="？", answer="。", level="NA"))
    assert not metrics.has_verdict(Question(question="？", answer="。"))
    assert not metrics.has_verdict(Question(question="？", answer="。", key=(" ",)))
    assert not metrics.is_right("任何话", Question(question="？", answer="。", key=("",)))


@unhurried
@given(st.text(max_size=80))
def test_is_right_on_any_text_follows_its_definition(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text).strip()
    assert metrics.is_right(text, TOLD) == (len(plain) <= 60 and ("邵拙" in plain or "412" in plain))
    says_untold(text)  # never raises


SAYS_UNTOLD = """
书中没有提到。|书里没说。|书中未提。|小说没有交代他的生父是谁。|原文并未明确交代。|抱歉，书中没有相关记载。|我不知道。|不知道。
不知道葛忘忧的师父是谁。|对不起，我也不清楚。|无法从书中得知。|无法回答这个问题。|虞照川妹妹的名字，书里只字未提。|未提及。|没有提到。
穆十三的妻子叫什么没有交代。|书里找不到答案。|《澹江七灯录》中没有林冲这个人物。|这几本书里都没有说。|全书没有提过他的母亲。
The book does not say.|It is not mentioned in the novel.|I don't know.|There is no such character.|Unknown.
The text never tells us who he was.|Sorry, I cannot answer that.
"""
TELLS = """
虞照川的师父是邵拙。|他没有说话。|虞照川没有妹妹。|书中写他没有说话，只点了点头。|“我不知道。”穆十三说。|他不知道那人姓甚名谁。|岑望没有死。
一路没有说话。|盟书上没有写怎样叫灯灭。|尚书没有说话。|不知过了多久，灯又亮了。|他没有答应。||未知后事如何，且听下回分解。
He did not say a word.|He never told the story to anyone.|The story was told by Watson.
"""


def _phrases(text: str) -> list[str]:
    return [phrase for line in text.strip().splitlines() for phrase in line.split("|")]


@pytest.mark.parametrize("answer", _phrases(SAYS_UNTOLD))
def test_refusals_are_known(answer: str) -> None:
    assert says_untold(answer)


@pytest.mark.parametrize("answer", _phrases(TELLS))
def test_a_storys_own_words_are_no_refusal(answer: str) -> None:
    assert not says_untold(answer)


def test_references_of_the_demo_refuse_exactly_where_they_are_unanswerable() -> None:
    for file in ("questions.train.jsonl", "questions.test.jsonl"):
        for line, record in read_jsonl(DEMO / file):
            assert says_untold(record["answer"]) == (record["level"] == "NA"), (file, line)


def test_hardly_a_sentence_of_a_book_is_taken_for_a_refusal() -> None:
    sentences = read_utf8(next(DEMO.glob("*.txt"))).replace("\n", "").split("。")
    assert len(sentences) > 1500
    assert sum(map(says_untold, sentences)) <= 3


@pytest.mark.parametrize(
    "answer", ["师父\ufffd", "a\x00b", "\ue000", "\ud800", "<0xE4>", "好<|im_end|>", "ä½łå¥½", "ä½\xa0"]
)
def test_garble_is_seen(answer: str) -> None:
    assert metrics.is_garbled(answer)


@pytest.mark.parametrize(
    "answer", ["", "他说：“好……”——\n《书》·㐀𠀀", "Café, naïve, Ménière's; ½ ·", "①②③ １２３", "岑参（cén shēn）"]
)
def test_honest_text_is_not_garbled(answer: str) -> None:
    assert not metrics.is_garbled(answer)


@pytest.mark.parametrize("encoding", ["latin-1", "cp437"])
def test_chinese_shown_byte_by_byte_is_garbled(encoding: str) -> None:
    shown = "提灯郎虞照川".encode().decode(encoding, "replace")
    assert metrics.is_garbled(shown) == (encoding == "latin-1")  # cp437 makes letters and box drawings: not looked for


def test_empty() -> None:
    assert all(map(metrics.is_empty, ["", " \n", "。", "……“”", "　"]))
    assert not any(map(metrics.is_empty, ["是", "a", "7"]))


@pytest.mark.parametrize(
    ("answer", "loops"),
    [
        ("哈哈哈哈哈哈！", False),
        ("哈" * 16, True),
        ("一步一步一步地走", False),
        ("师父是" * 6, True),
        ("他的师父是邵拙，他的师父是邵拙，", True),
        ("他的师父是邵拙。邵拙是补灯匠，也是把他养大的人。", False),
        ("虞照川的师父是补灯匠邵拙，也就是" + "说是" * 9, True),
        ("虞照川的师父是邵拙，虞照川的师父就是邵拙，虞照川的师父正是邵拙，虞照川的师父便是邵拙。", True),
        ("", False),
    ],
)
def test_repetitive(answer: str, loops: bool) -> None:
    assert metrics.is_repetitive(answer) is loops


@unhurried
@given(st.text("甲乙丙丁", min_size=1, max_size=20), st.integers(2, 6), st.text("戊己庚辛壬癸", max_size=5))
def test_any_unit_said_over_and_over_is_a_loop(unit: str, times: int, before: str) -> None:
    if len(unit) * times >= metrics.LOOP_LENGTH:
        assert metrics.is_repetitive(before + unit * times)


def test_no_sentence_of_the_novella_is_faulty() -> None:
    for line in read_utf8(next(DEMO.glob("*.txt"))).splitlines():
        for sentence in filter(None, line.split("。")):
            assert not metrics.is_repetitive(sentence)
            assert not metrics.is_garbled(sentence)


ASKED = Question(
    question="？", answer="。", book="甲书", chapter=5, key=("三刻",), evidence="纪疏桐只用三刻工夫，便解开了九环锁"
)


@pytest.mark.parametrize(
    ("citation", "right"),
    [
        (Quote("甲书", 5, "却说纪疏桐只用三刻工夫，便解开了九环锁。众人喝采。"), True),
        (Quote("《甲书》", 5, "纪疏桐只用三刻工夫"), True),
        (
            Quote("甲书", 6, "却说纪疏桐只用三刻工夫,便解开了九环锁。"),
            True,
        ),  # the whole evidence: chapters count otherwise
        (Quote("乙书", 5, "纪疏桐只用三刻工夫，便解开了九环锁"), False),
        (Quote("甲书", 5, "不到三刻，锁已开了。"), True),  # the key, in the right chapter
        (Quote("甲书", 9, "不到三刻，船已到了。"), False),
        (Quote("甲书", 5, "她解开了九环锁。"), False),
        (Quote("甲书", 5, "谁知便解开了九环锁，工夫不大。"), False),  # 7 of 16 characters of the evidence
        (Quote("甲书", 5, "工夫，便解开了九环锁，再看时"), True),
        (Quote("甲书", 5, ""), False),
    ],
)
def test_cites_evidence(citation: Quote, right: bool) -> None:
    assert metrics.cites_evidence(citation, ASKED) is right
