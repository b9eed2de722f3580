"""Numerals of every form, against a second writer of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.books.structure.numerals import parse


def chinese(n: int) -> str:
    """Write 1..9999 the long way: 一千零一十二."""
    out, zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, n = divmod(n, unit)
        if digit:
            out += ("零" if zero else "") + "一二三四五六七八九"[digit - 1] + name
            zero = False
        elif out:
            zero = True
    return out


def roman(n: int) -> str:
    values = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")]
    out = ""
    for value, letters in [*values, (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        while n >= value:
            out, n = out + letters, n - value
    return out


@given(st.integers(1, 3999))
def test_written_and_read_again(n: int) -> None:
    assert parse(chinese(n)) == n
    assert parse(roman(n)) == n
    assert parse(str(n)) == n
    assert parse("".join(chr(ord(c) + 0xFEE0) for c in f"{n:04}")) == n
    assert parse("".join("〇一二三四五六七八九"[int(c)] for c in str(n))) == n


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("廿三", 23),
        ("卅", 30),
        ("十", 10),
        ("一百十九", 119),
        ("一百二", 102),
        ("兩百", 200),
        ("贰拾叁", 23),
        ("001", 1),
        ("Twenty-One", 21),
        ("seven", 7),
        ("IIX", None),
        ("回", None),
        ("", None),
        ("twenty-twelve", None),
    ],
)
def test_forms(text: str, number: int | None) -> None:
    assert parse(text) == number


@given(st.text(max_size=30))
def test_never_crashes(text: str) -> None:
    number = parse(text)
    assert number is None or number >= 0
