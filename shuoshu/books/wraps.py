"""Hard wraps: lines broken at a fixed width, joined to paragraphs again."""

import re
from collections import Counter

from shuoshu.books.account import Account
from shuoshu.books.extract import HEADING_MARK

# A long line that ends in a comma; short ones are verse.
_OPEN_END = re.compile(r"[，、](?<=[^\n]{25}.)(?:[^\S\n]*\n[^\S\n]*(?:\n[^\S\n]*)?(?=[\u4e00-\u9fff“‘]))")
_OPEN_ENDS = 3  # so many in a book are no slips of the printer
_SENTENCE_END = frozenset("。！？…”’」』）》.!?\"')]：:")
_WIDE = re.compile(
    r"[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6—…“”‘’]"
)
_NARROWEST, _WIDEST = 30, 150  # columns; verse is narrower, paragraphs are wider
_LINES = 1500  # judged, from the middle of the book


def wraps(text: str, account: Account) -> str:
    """Join lines broken at a fixed width, and lines that end in a comma with what follows."""
    width = wrap_width(text)
    if width is not None:
        text = _join(text, width, account)
    if not any(end in text for end in ("，\n", "、\n", "， ", "，\u3000")) or len(_OPEN_END.findall(text)) < _OPEN_ENDS:
        return text
    return account.sub("wraps", _OPEN_END, lambda found: found[0][0], text)


def wrap_width(text: str) -> int | None:
    """The width lines are broken at, in columns (a Chinese character takes two), or None where lines are paragraphs."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith(HEADING_MARK)]
    start = max(0, (len(lines) - _LINES) // 2)
    lines = lines[start : start + _LINES]
    if len(lines) < 8:
        return None
    widths = [columns(line.rstrip()) if len(line) <= _WIDEST else _WIDEST + 1 for line in lines]
    counts = Counter(widths)
    # Lines cut at a width crowd within two characters of it and none goes beyond.
    width = max(counts, key=lambda w: (sum(counts[w - i] for i in range(4)) if _NARROWEST <= w <= _WIDEST else 0, w))
    crowd = [line for line, w in zip(lines, widths, strict=True) if width - 4 < w <= width]
    beyond = sum(w > width + 2 for w in widths)
    broken = sum(line.rstrip()[-1] not in _SENTENCE_END for line in crowd)
    if width < _NARROWEST or len(crowd) < 0.4 * len(lines) or beyond > 0.02 * len(lines) or broken < 0.5 * len(crowd):
        return None
    return width


def columns(line: str) -> int:
    """Width of a line in columns of a terminal: two for a Chinese character or mark, one for a letter."""
    return len(line) + len(_WIDE.findall(line))


def _join(text: str, width: int, account: Account) -> str:
    """Join every full line with the line behind it, unless that is indented, empty or a heading."""
    out: list[str] = []
    joined = dropped = changed = 0
    full = False
    for line in text.split("\n"):
        stripped = line.strip()
        indented = line[:1].isspace()
        if full and stripped and not indented and not line.startswith(HEADING_MARK):
            end = out[-1].rstrip()
            gap = " " if end[-1:].isascii() and stripped[0].isascii() else ""
            dropped += len(out[-1]) - len(end) + 1 - len(gap)
            changed += len(gap)
            joined += 1
            out[-1] = f"{end}{gap}{line}"
        else:
            out.append(line)
        # A line a word short of the width is full as well: an English word, or a mark that may not begin a line.
        slack = 14 if stripped[-1:].isascii() else 5
        full = bool(stripped) and not line.startswith(HEADING_MARK) and columns(line.rstrip()) > width - slack
    if joined:
        account.note("wraps", times=joined, dropped=dropped, changed=changed, sample=f"lines of {width} columns")
    return "\n".join(out)
