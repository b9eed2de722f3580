import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.answer.tips import apply_tips

TITLES = ["三国演义", "水浒传", "三国", "Emma"]


@pytest.mark.parametrize(
    ("question", "better"),
    [
        ("三国演义里 关羽的坐骑是什么", "《三国演义》里关羽的坐骑是什么？"),
        ("《水浒传》中林冲的绰号是什么？", "《水浒传》中林冲的绰号是什么？"),
        ("“水浒传”里,ＡＢＣ１２是谁?", "《水浒传》里，ABC12是谁？"),
        ("<三国>的主人公是谁", "《三国》的主人公是谁？"),
        ("《新三国演义》是三国吗", "《新三国演义》是《三国》吗？"),
        ("请介绍林冲。", "请介绍林冲。"),
        ("林冲是谁？（水浒传）", "林冲是谁？（《水浒传》）"),
        ("比分是3:1吗", "比分是3:1吗？"),
        ("  who is\u3000Emma ", "who is Emma?"),
        ('In "Emma", who is Harriet?', "In 《Emma》, who is Harriet?"),
        ("", ""),
    ],
)
def test_tips(question: str, better: str) -> None:
    assert apply_tips(question, TITLES) == better


def test_without_titles() -> None:
    assert apply_tips("水浒传里谁最高", []) == "水浒传里谁最高？"


MESSY = st.lists(st.sampled_from([*TITLES, *'林冲是谁《》<>"“”？?., 　A１（）()…!‘’「」\n']), max_size=14).map("".join)


@given(MESSY | st.text())
def test_a_second_time_changes_nothing(question: str) -> None:
    once = apply_tips(question, TITLES)
    assert apply_tips(once, TITLES) == once


@given(MESSY)
def test_no_word_is_lost(question: str) -> None:
    def letters(text: str) -> str:
        return "".join(c for c in text if c.isalnum()).translate(str.maketrans("１", "1"))

    assert letters(apply_tips(question, TITLES)) == letters(question)
