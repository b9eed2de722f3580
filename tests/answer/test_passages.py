import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.answer.passages import cut_passages, split_units, windows
from shuoshu.books.chapter import Chapter

# Texts dense in what splitting is about: marks, closing quotes, white space, long stretches without any.
ALPHABET = "林冲道说。！？…，；：“”’』（）—Mr. A!?,;'\"\n \u3000\u2028３ﬁ"
PROSE = st.text(alphabet=st.sampled_from(ALPHABET), max_size=400) | st.text(max_size=200)


def chapter(text: str, title: str = "") -> Chapter:
    return Chapter(book="书", number=1, title=title, text=text, start=0)


def sentences(text: str, limit: int = 1000) -> list[str]:
    return [text[start:end] for unit in split_units(text, 0, len(text), limit) for start, end in unit]


@given(PROSE, st.integers(1, 60))
def test_offsets_are_exact_and_nothing_is_lost(text: str, limit: int) -> None:
    covered = set()
    starts = []
    for passage in cut_passages(chapter(text), limit):
        assert text[passage.start : passage.end] == passage.text
        assert passage.text == passage.text.strip() != ""
        assert len(passage.text) <= limit
        starts.append(passage.start)
        covered.update(range(passage.start, passage.end))
    assert starts == sorted(set(starts))
    assert all(character.isspace() for place, character in enumerate(text) if place not in covered)


@given(PROSE, st.integers(4, 60))
def test_windows_stay_within_the_limit_and_cover_the_text(text: str, limit: int) -> None:
    covered = set()
    spans = windows(text, limit)
    assert len(spans) == len(set(spans))
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""
        assert len(unicodedata.normalize("NFKC", text[start:end])) <= limit
        covered.update(range(start, end))
    # One character may be longer than the limit after NFKC (U+FDFA becomes 18).
    short = (place for place, c in enumerate(text) if len(unicodedata.normalize("NFKC", c)) <= limit)
    assert all(text[place].isspace() or place in covered for place in short)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=12), st.integers(30, 80))
def test_windows_are_all_runs_of_whole_sentences(lengths: list[int], limit: int) -> None:
    parts = ["字" * (length - 1) + "。" for length in lengths]
    text = "".join(parts)
    edges = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    brute = {(a, b) for a in edges for b in edges if 0 < b - a <= limit}
    assert set(windows(text, limit)) == brute


def test_sentences_keep_their_closing_quotes() -> None:
    assert sentences("他道：“走罢！”众人都去了。“什么？（真的。）”") == [
        "他道：“走罢！”",
        "众人都去了。",
        "“什么？",
        "（真的。）”",
    ]


def test_english_sentences() -> None:
    text = 'Mr. Holmes, of J. H. & Co., paid 3.50 for it. "Well!" said he. Who? Watson asked.'
    assert sentences(text) == [
        "Mr. Holmes, of J. H. & Co., paid 3.50 for it.",
        '"Well!" said he.',
        "Who?",
        "Watson asked.",
    ]


def test_a_long_sentence_is_cut_at_clauses_then_hard() -> None:
    text = "一二三四，五六七八九十一二三四五；好。"
    assert sentences(text, 8) == ["一二三四，", "五六七八九十一二", "三四五；", "好。"]
    assert sentences("of the strange hound", 8) == ["of the", "strange", "hound"]


def test_passages_overlap_by_about_half() -> None:
    text = "".join(f"第{n:03d}句话说完了。" for n in range(100))
    passages = cut_passages(chapter(text), 200)
    for one, two in pairwise(passages[:-1]):
        assert 0.4 < (one.end - two.start) / len(one.text) < 0.6


@pytest.mark.parametrize("head", ["第一回 起\n", "第一卷\n第一回 起\n"])
def test_headings_are_no_part_of_a_passage(head: str) -> None:
    text = head + "从前有座山。\n"
    assert [p.text for p in cut_passages(chapter(text, "第一回 起"), 200)] == ["从前有座山。"]


def test_dots_count_as_a_reader_counts_them() -> None:
    # Six dots after NFKC, two characters before: 10 + 6 + 1 is more than 16.
    assert windows("一二三四五六七八九十……。", 16) != [(0, 13)]
    assert windows("一二三四五六七八九十……。", 17) == [(0, 13)]
