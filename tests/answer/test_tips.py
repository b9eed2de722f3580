import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.answer.lexicon import learn_lexicon
from shuoshu.answer.tips import Tipped, apply_tips, tip
from shuoshu.books.chapter import Chapter

TITLES = ["三国演义", "水浒传", "三国", "Emma"]
TEXT = (
    "那人姓宋名江，字公明。宋江来。宋公明去。宋江说。江湖上人称及时雨宋江。及时雨宋江到。\n"
    "来将姓孙，名乾，字公祐。孙乾这个人没有来。孙乾说。\n"
    "一人姓刘名备，字玄德。刘备来。玄德道：“好。”玄德去。玄德说。玄德走。\n"
)
BOOK = learn_lexicon([Chapter(book="水浒传", number=1, title="", text=TEXT, start=0)])


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
        ("告诉我武松的兵器", "武松的兵器是什么？"),
        ("武松的兵器", "武松的兵器是什么？"),
        ("武松的哥哥。", "武松的哥哥是谁？"),
        ("水浒传里武松的师父", "《水浒传》里武松的师父是谁？"),
        ("告诉我武松的兵器是什么", "告诉我武松的兵器是什么？"),
        ("请介绍一下武松的兵器", "请介绍一下武松的兵器？"),
        ("武松打虎的故事", "武松打虎的故事？"),
        ("武松是武大郎的弟弟", "武松是武大郎的弟弟？"),
    ],
)
def test_tips(question: str, better: str) -> None:
    assert apply_tips(question, TITLES) == better


@pytest.mark.parametrize(
    ("question", "better"),
    [
        ("及时雨的师父", "宋江的师父是谁？"),
        ("水滸傳裡及時雨殺了誰", "《水浒传》里宋江杀了谁？"),
        ("宋公明有几个兄弟？", "宋江有几个兄弟？"),
        ("玄德有几个兄弟？", "玄德有几个兄弟？"),  # what the book itself says most
        ("宋江为什么叫及时雨？", "宋江为什么叫及时雨？"),
        ("及时雨是谁？", "及时雨是谁？"),
        ("及时雨府在哪座山上？", "及时雨府在哪座山上？"),
        ("谁是及时雨？", "谁是及时雨？"),
        ("及时雨这个绰号怎么来的？", "及时雨这个绰号怎么来的？"),
        ("谁害怕“及时雨”？", "谁害怕“及时雨”？"),
        ("及时雨见到宋公明了吗？", "及时雨见到宋公明了吗？"),
        ("孫乾去了哪裡？", "孙乾去了哪里？"),
        ("孙乾去了哪里？", "孙乾去了哪里？"),
        ("乾隆去了哪裡？", "乾隆去了哪里？"),
    ],
)
def test_tips_with_a_lexicon(question: str, better: str) -> None:
    assert apply_tips(question, TITLES, BOOK) == better


def test_what_was_changed_is_told() -> None:
    assert tip("及时雨在哪里？", TITLES, BOOK) == Tipped("宋江在哪里？", (("及时雨", "宋江"),))
    changed = tip("水浒传里,及时雨在哪里？", TITLES, BOOK)
    assert changed.question == "《水浒传》里，宋江在哪里？"
    assert changed.changes == (
        ("水浒传里,及时雨在哪里？", "《水浒传》里，及时雨在哪里？"),
        ("及时雨", "宋江"),
    )
    assert tip("宋江在哪里？", TITLES, BOOK).changes == ()


def test_traditional_books_keep_their_characters() -> None:
    text = "那人姓宋名江，字公明。宋江說這個時候沒有來。"
    lexicon = learn_lexicon([Chapter(book="水滸傳", number=1, title="", text=text, start=0)])
    assert apply_tips("誰殺了他", ["水滸傳"], lexicon) == "誰殺了他？"


def test_without_titles() -> None:
    assert apply_tips("水浒传里谁最高", []) == "水浒传里谁最高？"


PIECES = [*TITLES, "及时雨", "宋江", "玄德", "告诉我", "的兵器", "是谁", "孫乾", "誰"]
MESSY = st.lists(st.sampled_from([*PIECES, *'林冲是谁《》<>"“”？?., 　A１（）()…!‘’「」\n']), max_size=14).map("".join)


@given(MESSY | st.text())
def test_a_second_time_changes_nothing(question: str) -> None:
    for lexicon in (None, BOOK):
        once = apply_tips(question, TITLES, lexicon)
        assert apply_tips(once, TITLES, lexicon) == once


@given(MESSY)
def test_what_is_at_hand_says_no_name_twice(question: str) -> None:
    tipped = tip(question, TITLES, BOOK)
    for calling, name in tipped.changes[-1:]:
        if calling == "及时雨":
            assert name == "宋江"
            assert tipped.question.count("宋江") == 1
