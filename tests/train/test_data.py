"""Batches: everything learned once an epoch, answers alone in fine-tuning, little padding."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.books.chapter import Chapter
from shuoshu.finetune import learned_pairs
from shuoshu.questions.stage import read_named
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.data import IGNORE, PairSource, TextSource, hold_out

documents = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=30), min_size=1, max_size=12)


@given(documents, st.integers(1, 40), st.integers(1, 5), st.integers(0, 3))
@settings(deadline=None)
def test_an_epoch_learns_every_token_once(texts: list[list[int]], context: int, batch: int, epoch: int):
    source = TextSource(texts, mark=0, characters=1, context=context, batch=batch)
    learned = Counter(int(t) for _, targets in source.epoch(epoch) for t in targets.ravel() if t != IGNORE)
    assert learned == Counter(token for text in texts for token in [*text, 0])
    assert sum(learned.values()) == source.tokens
    assert len(source.epoch(epoch)) == source.steps


@given(documents, st.integers(1, 40), st.integers(1, 5))
@settings(deadline=None)
def test_a_batch_knows_where_it_stands(texts: list[list[int]], context: int, batch: int):
    # Every token of document i is i, so that the ids themselves tell where they come from.
    numbered = [[i + 1] * len(text) for i, text in enumerate(texts)]
    names = [f"chapter {i + 1}" for i in range(len(texts))]
    source = TextSource(numbered, mark=0, characters=1, context=context, batch=batch, names=names)
    for index, (ids, targets) in enumerate(source.epoch(2)):
        named = source.where(2, index).split(", ")
        assert {f"chapter {token}" for token in ids[targets != IGNORE].tolist() if token} <= set(named)
        assert len(named) <= ids.size


@given(documents, st.integers(2, 40))
@settings(deadline=None)
def test_a_target_is_the_next_token_of_its_document_or_its_mark(texts: list[list[int]], context: int):
    following = {(a, b) for text in texts for a, b in zip([0, *text], [*text, 0], strict=True)}
    source = TextSource(texts, mark=0, characters=1, context=context, batch=3)
    for ids, targets in source.epoch(1):
        for token, target in zip(ids.ravel().tolist(), targets.ravel().tolist(), strict=True):
            assert target == IGNORE or (token, target) in following


def test_epochs_differ_and_repeat_themselves():
    source = TextSource([list(range(1, 40)), list(range(40, 90))], mark=0, characters=1, context=16, batch=2)
    first, again, second = (np.concatenate([ids for ids, _ in source.epoch(n)]) for n in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_a_text_shorter_than_the_context_is_one_short_row():
    ((ids, targets),) = TextSource([[5, 6]], mark=0, characters=2, context=512, batch=8).epoch(0)
    assert ids.size <= 4
    assert (targets != IGNORE).sum() == 3


def test_only_answers_and_their_end_are_learned(tokenizer: Tokenizer):
    questions = read_named("demo", "train")[:40]
    pairs, characters = learned_pairs(tokenizer, questions, 256)
    source = PairSource(pairs, tokenizer.end_of_text, characters, batch=16)
    answers = Counter()
    for ids, targets in source.epoch(0):
        for row, wanted in zip(ids, targets, strict=True):
            places = np.flatnonzero(wanted != IGNORE)
            assert places.size  # no row without a lesson, so no batch without one
            assert (np.diff(places) == 1).all()
            learned = wanted[places]
            assert learned[-1] == tokenizer.chat_end
            assert (row[places[1:]] == learned[:-1]).all()
            assert tokenizer.decode(row[: places[0] + 1]).startswith("user\n")
            answers[tokenizer.decode(learned)] += 1
    assert answers == Counter(question.answer for question in questions for _ in question.wordings())


@pytest.mark.parametrize("batch", [8, 32, 64])
def test_little_is_padding(tokenizer: Tokenizer, batch: int):
    pairs, characters = learned_pairs(tokenizer, read_named("demo", "train"), 256)
    source = PairSource(pairs, 0, characters, batch)
    assert source.padding() < 0.1
    assert len(source.epoch(0)) == source.steps


def _book(title: str, lengths: list[int]) -> list[Chapter]:
    starts = np.cumsum([0, *lengths[:-1]])
    texts = ["字" * (length // 2 - 1) + "\n" + "句" * (length - length // 2 - 1) + "\n" for length in lengths]
    return [
        Chapter(book=title, number=i, title="", text=text, start=int(start))
        for i, (text, start) in enumerate(zip(texts, starts, strict=True), 1)
    ]


def test_every_tenth_chapter_of_each_book_is_held_out():
    learned, held = hold_out([*_book("甲", [500] * 25), *_book("乙", [500] * 12)])
    assert [(chapter.book, chapter.number) for chapter in held] == [("甲", 10), ("甲", 20), ("乙", 10)]
    assert len(learned) == 34


def test_short_books_give_their_tail_and_scraps_give_nothing():
    book = _book("丙", [9000])
    learned, held = hold_out(book)
    assert learned[0].text + held[0].text == book[0].text
    assert held[0].start == len(learned[0].text)
    assert hold_out(_book("丁", [300])) == (_book("丁", [300]), [])
