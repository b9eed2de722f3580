"""What a request tells as its tokens come: whole characters, stop strings, ends, mistakes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.errors import UserError
from shuoshu.generate.request import Request, StopStrings
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer

TEXT = st.text("ab。\n", max_size=30)


def _cut(text: str, stops: tuple[str, ...]) -> tuple[str, bool]:
    """Letter by letter: the text before the stop string that is complete first, of several the longest."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


@settings(deadline=None)
@given(pieces=st.lists(TEXT, max_size=8), stops=st.lists(st.text("ab。\n", min_size=1, max_size=4), max_size=3))
def test_stop_strings_cut_across_the_borders_of_pieces(pieces: list[str], stops: list[str]):
    held, shown, stopped = StopStrings(tuple(stops)), "", False
    for piece in pieces:
        text, stopped = held.feed(piece)
        shown += text
        if stopped:
            break
    if not stopped:
        assert not any(shown.endswith(stop) for stop in stops)
        shown += held.end()
    assert (shown, stopped) == _cut("".join(pieces), tuple(stops))


def test_nothing_is_held_back_that_cannot_become_a_stop_string():
    held = StopStrings(("。\n\n", "完"))
    assert held.feed("他走了") == ("他走了", False)
    assert held.feed("。\n") == ("", False)
    assert held.feed("又来") == ("。\n又来", False)
    assert held.feed("。\n\n\n") == ("", True)


@settings(deadline=None)
@given(text=st.text(max_size=20))
def test_text_comes_in_whole_characters(text: str, tokenizer: Tokenizer):
    ids = tokenizer.encode(text)
    request = Request([1], Sampling(max_new_tokens=500), tokenizer, 1000)
    events = [request.take(token) for token in [*ids, tokenizer.chat_end]]
    assert "".join(event.text for event in events) == request.text == text.replace("�", "")
    assert [i for event in events for i in event.ids] == request.ids == ids
    assert [event.finish is None for event in events] == [True] * len(ids) + [False]
    assert events[-1].finish.reason == "stop"  # type: ignore[union-attr]


def test_a_stop_string_ends_the_request_within_a_token(tokenizer: Tokenizer, novella: str):
    text = novella[500:560]
    stop = text[30:32]
    request = Request([1], Sampling(max_new_tokens=500, stop=(stop,)), tokenizer, 1000)
    events = []
    for token in tokenizer.encode(text):
        events.append(request.take(token))
        if request.reason:
            break
    assert request.reason == "stop"
    assert request.text == "".join(event.text for event in events) == text[: text.index(stop)]
    assert events[-1].finish.usage.completion_tokens == len(events)  # type: ignore[union-attr]


def test_the_length_limit_lets_held_text_out_and_counts_a_broken_character(tokenizer: Tokenizer):
    ids = tokenizer.encode("天a")
    request = Request([1], Sampling(max_new_tokens=len(ids), stop=("ab",)), tokenizer, 1000)
    last = [request.take(token) for token in ids][-1]
    assert (last.text[-1], last.finish.reason, request.text) == ("a", "length", "天a")  # type: ignore[union-attr]
    first_byte = tokenizer.bytes_of.index(b"\xe5")
    request = Request([1], Sampling(max_new_tokens=1), tokenizer, 1000)
    assert request.take(first_byte).text == ""
    assert request.broken == 1


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ([], {}, "prompt is empty"),
        ([1] * 100, {}, "sees 100 at most"),
        ([10**6], {}, "not among the model"),
        ([-1], {}, "not among the model"),
        ([1], {"max_new_tokens": 0}, "at least one token"),
        ([1], {"temperature": -1.0}, "temperature"),
        ([1], {"temperature": float("nan")}, "temperature"),
        ([1], {"temperature": float("inf")}, "temperature"),
        ([1], {"top_p": 0.0}, "top_p"),
        ([1], {"top_k": -1}, "top_k"),
        ([1], {"min_p": 2.0}, "min_p"),
        ([1], {"seed": -1}, "seed"),
        ([1], {"repetition_penalty": 0.0}, "repetition_penalty"),
        ([1], {"repetition_penalty": float("inf")}, "repetition_penalty"),
        ([1], {"stop": ("",)}, "stop string"),
        ([1], {"logprobs": -1}, "logprobs"),
    ],
)
def test_what_cannot_be_is_refused(prompt, options, message, tokenizer: Tokenizer):
    with pytest.raises(UserError, match=message):
        Request(prompt, Sampling(**options), tokenizer, 100)
