"""Whole texts looked through at once, against plain Python."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.books.account import Account
from shuoshu.books.scan import Words, alphabet

LETTERS = st.text(alphabet="甲乙丙丁ab\n\ud800𠀀", max_size=60)
WORDS = st.lists(st.text(alphabet="甲乙丙ab𠀀", min_size=1, max_size=3), min_size=1, max_size=5)


@given(text=st.text() | LETTERS)
def test_alphabet_is_the_set_of_characters(text: str) -> None:
    assert alphabet(text) == "".join(sorted(set(text)))


@given(text=LETTERS, words=WORDS, filler=st.sampled_from([0, 16_383, 16_384, 40_000]))
@settings(deadline=None)
def test_every_word_is_among_the_places(text: str, words: list[str], filler: int) -> None:
    text = "。" * filler + text
    places = list(Words(words).places(text))
    begins = [i for i in range(len(text)) if any(text.startswith(word, i) for word in words)]
    assert set(begins) <= set(places)
    assert places == sorted(set(places))
    first_two = [word[:2] for word in words]
    assert len(first_two) > 1 or places == [i for i in range(len(text)) if text.startswith(first_two[0], i)]


def test_account_looks_again_when_the_text_changes() -> None:
    account = Account(3)
    assert account.alphabet("乙甲乙") == "乙甲"
    assert account.alphabet("丙") == "丙"
