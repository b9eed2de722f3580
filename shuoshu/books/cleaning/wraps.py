"""Hard wraps: lines broken at a fixed width, joined to paragraphs again."""

import re
from collections import Counter

import numpy as np

from shuoshu.books.account import Account
from shuoshu.books.reading.extract import HEADING_MARK
from shuoshu.books.scan import Words, codes

# A long line that ends in a comma; short ones are verse.
_OPEN_END = re.compile(r"[，、](?<=[^\n]{25}.)(?:[^\S\n]*\n[^\S\n]*(?:\n[^\S\n]*)?(?=[\u4e00-\u9fff“‘]))")
_MAY_BE_OPEN = Words(comma + space for comma in "，、" for space in map(chr, range(0x3001)) if space.isspace())
_OPEN_ENDS = 3  # so many in a book are no slips of the printer
_SENTENCE_END = frozenset("。！？…”’」』）》.!?\"')]：:")
_RANGES = (
    *((0x1100, 0x115F), (0x2E80, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE6F), (0xFF00, 0xFF60)),
    *((0xFFE0, 0xFFE6), (0x2014, 0x2014), (0x2026, 0x2026), (0x201C, 0x201D), (0x2018, 0x2019)),
)
_WIDE = np.zeros(0x110000, bool)  # of each code point, whether it takes two columns
for _first, _last in _RANGES:
    _WIDE[_first : _last + 1] = True
_ALTERNATING = 0.8  # share of the lines that have an empty line behind them
_NARROWEST, _WIDEST = 30, 150  # columns; verse is narrower, paragraphs are wider
_JUDGED = 1 << 17  # characters from the middle of the book


def wraps(text: str, account: Account) -> str:
    """Join lines broken at a fixed width, and lines that end in a comma with what follows."""
    width = wrap_width(text)
    if width is not None:
        if text.count("\n\n") > _ALTERNATING * sum(1 for line in text.split("\n") if line.strip()):
            text = account.replace("wraps", "\n\n", "\n", text)  # an empty line behind every line, not every paragraph
        text = _join(text, width, account)
    if sum(_OPEN_END.match(text, place) is not None for place in _MAY_BE_OPEN.places(text)) < _OPEN_ENDS:
        return text
    return account.sub("wraps", _OPEN_END, lambda found: found[0][0], text)


def wrap_width(text: str) -> int | None:
    """The width lines are broken at, in columns (a Chinese character takes two), or None where lines are paragraphs."""
    start = max(0, (len(text) - _JUDGED) // 2)
    lines = text[start : start + _JUDGED].split("\n")
    lines = lines[start > 0 : len(lines) - (start > 0)]  # the outer ones are cut
    lines = [line for line in lines if line.strip() and not line.startswith(HEADING_MARK)]
    if len(lines) < 8:
        return None
    short = iter(columns([line.rstrip() for line in lines if len(line) <= _WIDEST]))
    widths = [next(short) if len(line) <= _WIDEST else _WIDEST + 1 for line in lines]
    counts = Counter(widths)
    # Lines cut at a width crowd within two characters of it and none goes beyond.
    width = max(counts, key=lambda w: (sum(counts[w - i] for i in range(4)) if _NARROWEST <= w <= _WIDEST else 0, w))
    crowd = [line for line, w in zip(lines, widths, strict=True) if width - 4 < w <= width]
    beyond = sum(w > width + 2 for w in widths)
    broken = sum(line.rstrip()[-1] not in _SENTENCE_END for line in crowd)
    if width < _NARROWEST or len(crowd) < 0.4 * len(lines) or beyond > 0.02 * len(lines) or broken < 0.5 * len(crowd):
        return None
    return width


def columns(lines: list[str]) -> list[int]:
    """Widths of lines in columns of a terminal: two for a Chinese character or mark, one for a letter."""
    if not lines:
        return []
    points = codes("\n".join(lines))
    wide = np.concatenate(([0], _WIDE.take(points).cumsum()))  # of the characters before each place
    lengths = np.array([len(line) for line in lines])
    starts = np.concatenate(([0], np.cumsum(lengths + 1)[:-1]))
    return (lengths + wide[starts + lengths] - wide[starts]).tolist()


def _join(text: str, width: int, account: Account) -> str:
    """Join every full line with the line behind it, unless that is indented, empty or a heading."""
    out: list[str] = []  # lines, and what stands between them
    joined = dropped = changed = 0
    full = False
    lines = text.split("\n")
    for line, wide in zip(lines, columns([line.rstrip() for line in lines]), strict=True):
        stripped = line.strip()
        indented = line[:1].isspace()
        if full and stripped and not indented and not line.startswith(HEADING_MARK):
            end = out[-1].rstrip()
            gap = " " if end[-1:].isascii() and stripped[0].isascii() else ""
            dropped += len(out[-1]) - len(end) + 1 - len(gap)
            changed += len(gap)
            joined += 1
            out[-1:] = [end, gap, line]
        else:
            out += ["\n", line] if out else [line]
        # A line a word short of the width is full as well: an English word, or a mark that may not begin a line.
        slack = 14 if stripped[-1:].isascii() else 5
        full = bool(stripped) and not line.startswith(HEADING_MARK) and wide > width - slack
    if joined:
        account.note("wraps", times=joined, dropped=dropped, changed=changed, sample=f"lines of {width} columns")
    return "".join(out)
