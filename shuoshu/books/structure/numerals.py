"""Numbers as headings and file names write them: 12, １２, 十二, 廿三, 一百零一, 一〇一, 叁, IV, Seven."""

import re

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {
    **{c: i for i, c in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    **{c: i for i, c in enumerate("○壹貳叄肆伍陸柒捌玖")},
    **dict.fromkeys("◯ＯO", 0),
    **{c: i for i, c in enumerate("０１２３４５６７８９")},
    **{c: i for i, c in enumerate("0123456789")},
    "两": 2,
    "兩": 2,
    "參": 3,
}
UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "廿": 20, "卅": 30, "卌": 40}
NUMERAL = f"[{''.join(DIGITS)}{''.join(UNITS)}]"
"""Pattern of one character of a Chinese or Arabic numeral."""

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_ONES += " seventeen eighteen nineteen twenty"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"
ENGLISH = {word: i for words in (_ONES, _ORDINALS) for i, word in enumerate(words.split(" "), 1)}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ROMAN = re.compile(r"M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def parse(text: str) -> int | None:
    """The value of a numeral in any of these forms; None where it is none."""
    text = text.strip()
    if not text or len(text) > 20:
        return None
    if all(c in DIGITS or c in UNITS for c in text):
        return _chinese(text)
    return roman(text) or _english(text.lower())


def roman(text: str) -> int | None:
    """`XLIV` → 44; None for what is no Roman numeral as Romans wrote it."""
    text = text.upper()
    if not text or not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[c] for c in text]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def _chinese(text: str) -> int:
    if not any(c in UNITS for c in text):
        return int("".join(str(DIGITS[c]) for c in text))  # digits in a row: 12, 一〇一, 001
    total, digit = 0, None
    for c in text:
        if c in DIGITS:
            digit = DIGITS[c] if not digit else digit * 10 + DIGITS[c]
            continue
        unit = UNITS[c]
        total += unit if c in "廿卅卌" else unit * (1 if digit is None or digit == 0 else digit)
        digit = None
    return total + (digit or 0)


def _english(text: str) -> int | None:
    if text in ENGLISH:
        return ENGLISH[text]
    tens, _, ones = text.replace("-", " ").partition(" ")
    if tens in TENS and (not ones or ENGLISH.get(ones, 99) < 10):
        return TENS[tens] + ENGLISH.get(ones, 0)
    return None
