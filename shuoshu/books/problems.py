"""What looks wrong with a book, said in sentences, the worst first."""

import itertools
import re
from collections import Counter
from statistics import median

from shuoshu.books.account import Account
from shuoshu.books.chapter import Chapter

ODD = re.compile(r"[^\n\x20-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uff5e“”‘’—…·○\u00c0-\u024f]")
"""Characters that ordinary Chinese and English books do not have."""

_WHITE_SPACE = frozenset({"line-ends", "indents", "blank-lines", "wraps", "contents", "headings", "control"})
_LONG = 30_000  # characters of a book that should have chapters
LEFT_OUT = 9
"""Rank of the note that a book is a copy of another: it comes last among all books' problems."""


def find_problems(chapters: list[Chapter], account: Account, confidence: float) -> list[tuple[int, str]]:
    """Suspected problems of one book, the worst first, each with its rank from 0, the worst, to 8."""
    text = "".join(chapter.text for chapter in chapters)
    found = [*_garbled(text, account), *_structure(chapters, text), *_characters(text, confidence)]
    lost = sum(tally.dropped for rule, tally in account.rules.items() if rule not in _WHITE_SPACE)
    if lost > 0.05 * max(1, account.characters):
        found.append((6, f"{lost / account.characters:.0%} of the characters were dropped: look at the samples"))
    return sorted(found, key=lambda problem: problem[0])


def odd_characters(chapters: list[Chapter]) -> dict[str, int]:
    """The commonest characters that do not belong in a book, with their counts."""
    counts: Counter[str] = Counter()
    for chapter in chapters:
        counts.update(ODD.findall(chapter.text))
    return dict(counts.most_common(30))


def _garbled(text: str, account: Account) -> list[tuple[int, str]]:
    found = []
    if tally := account.rules.get("mojibake-garbled"):
        found.append((0, f"{tally.times} garbled passages, {tally.dropped} characters, could not be repaired"))
    if broken := text.count("\ufffd"):
        found.append((1, f"bytes that mean nothing in this encoding: {broken} (shown as \ufffd)"))
    if tally := account.rules.get("mojibake-repaired"):
        found.append((7, f"{tally.times} garbled passages were repaired; their first character may be lost"))
    return found


def _structure(chapters: list[Chapter], text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    numbered = [chapter for chapter in chapters if chapter.number > 0]
    if len(numbered) <= 1 and len(text) > _LONG:
        found.append((2, f"no chapter headings found in {len(text):,} characters"))
    for before, after in itertools.pairwise(numbered):
        missing = range(before.number + 1, after.number)
        if missing:
            names = f"{missing[0]}" if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
            found.append((2, f"chapter {before.number} → {after.number}: {names} missing"))
    if numbered and numbered[0].number > 1:
        found.append((2, f"the book begins with chapter {numbered[0].number}"))
    lengths = [len(chapter.text) for chapter in numbered]
    if len(lengths) >= 5:
        usual = median(lengths)
        for chapter in numbered:
            if len(chapter.text) < 0.1 * usual and usual > 1000:
                found.append((4, f"chapter {chapter.number} has only {len(chapter.text)} characters"))
            elif len(chapter.text) > 5 * usual and len(chapter.text) > 20_000:
                found.append(
                    (5, f"chapter {chapter.number} has {len(chapter.text):,} characters, the usual is {usual:,.0f}")
                )
    return found


def _characters(text: str, confidence: float) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    if confidence < 0.6:
        found.append((1, f"the encoding is uncertain (confidence {confidence})"))
    chinese = len(re.findall(r"[\u4e00-\u9fff]", text[:200_000]))
    commas = text.count("，", 0, 200_000)
    stops = text.count("。", 0, 200_000)
    if chinese > 5000 and commas < 0.01 * chinese and stops > 0.005 * chinese:
        found.append((3, "next to no commas: they were lost, with some of the words perhaps"))
    elif chinese > 5000 and commas + stops < 0.01 * chinese:
        found.append((3, "next to no punctuation"))
    if missing := text.count("□"):
        found.append((8, f"{missing} characters are missing (□)"))
    return found
