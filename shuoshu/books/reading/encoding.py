"""Which encoding a text file is in, found from its content alone.

A byte-order mark settles it; so does text that is valid UTF-8. Otherwise the file is decoded under each encoding
books come in, and the one that gives the most everyday characters and the fewest impossible ones is taken. Unlike a
validity check this also works on a file cut in mid-character or with broken bytes. `chardet` is asked only where no
candidate looks like a book (Japanese, Korean, Russian text and the like).
"""

import codecs
import re
from dataclasses import dataclass

from shuoshu.books.everyday import EVERYDAY, reading
from shuoshu.books.reading.resync import PAIRS, decode_pairs, decode_utf8
from shuoshu.books.scan import codes

WINDOW = 16_384
"""Bytes of each of the (at most three) windows the encoding is judged by."""

CANDIDATES = ("utf-8", "gb18030", "big5hkscs", "utf-16-le", "utf-16-be", "cp1252")
"""Encodings weighed against each other; gb2312 and gbk are read as gb18030, of which they are parts."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_HIGH = re.compile(rb"[\x80-\xff]")
_REST = re.compile(rb"\A[\x80-\xbf]{1,3}")  # of a cut character
_BEHIND = 256  # bytes looked at from a place that is not ASCII
_GAP = 16  # bytes of ASCII behind which a character surely begins
_SHORT = 64  # bytes up to which other text may be valid UTF-8 by chance
_PIECE = 64  # bytes, at least, that are read in the better of two phases
_NO_BOOK = 0.05  # a score that no text of the candidates has


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A file's text and how it was read."""

    text: str
    """The text; bytes that mean nothing in the encoding are U+FFFD. A byte-order mark, whole or damaged, is U+FEFF."""
    encoding: str
    """`utf-8`, `utf-8-sig` (with a mark), `gb18030`, `big5`, `big5hkscs`, `utf-16-le` …"""
    confidence: float
    """1 where a mark or valid UTF-8 proves it; otherwise grows with the lead over the second-best candidate."""


def decode(data: bytes) -> Decoded:
    """Decode a whole file by the encoding its content shows."""
    text = _valid_utf8(data)
    if text is not None:
        name = "utf-8-sig" if text.startswith("\ufeff") else "utf-8"
        return Decoded(text=text, encoding=name, confidence=1.0)
    encoding, confidence = _found(data)
    if mark := _damaged_mark(data, encoding):
        rest = decode_utf8(data[mark:]) if encoding == "utf-8" else decode_pairs(data[mark:], encoding)
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        return Decoded(text=f"\ufeff{rest}", encoding=encoding, confidence=confidence)
    if encoding == "utf-8":
        text = decode_utf8(data)
        encoding = "utf-8-sig" if text.startswith("\ufeff") else "utf-8"
    else:
        text = decode_pairs(data, encoding) if encoding in PAIRS else data.decode(encoding, "replace")
    if encoding == "big5hkscs" and _is_plain_big5(data, text):
        encoding = "big5"
    return Decoded(text=text, encoding=encoding, confidence=confidence)


def looks_binary(text: str) -> bool:
    """Whether a decoded text is no text at all: control characters or unreadable bytes on every line."""
    head = text[:100_000]
    points = codes(head)
    control = int(((points < 9) | ((points > 13) & (points < 32))).sum())
    return control + 0.25 * head.count("\ufffd") > 0.02 * len(head)


def _found(data: bytes) -> tuple[str, float]:
    """Name the encoding of what is not valid UTF-8, and the confidence, 0 to 1."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, 1.0
    plain, high = _plain_windows(data), _high_windows(data)
    scores = {name: _score(plain if name.startswith("utf-16") else high, name) for name in CANDIDATES}
    best, second = sorted(scores, key=lambda name: -scores[name])[:2]
    if scores[best] < _NO_BOOK:
        foreign = _ask_chardet(data)
        if foreign is not None:
            return foreign
    return best, round(min(0.99, 0.5 + max(0.0, scores[best] - scores[second])), 2)


def _valid_utf8(data: bytes) -> str | None:
    """The text of valid UTF-8 that reads as such: no NUL bytes (UTF-16) and, if short, no accidental letters (GBK)."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.startswith("\ufeff"):
        return text
    if "\0" in text[: 4 * WINDOW]:
        return None
    # 联通 in GBK is valid UTF-8 of two Latin letters: beyond a few characters that does not happen by chance.
    if len(data) > _SHORT or text.isascii() or _score([data], "utf-8") >= _score([data], "gb18030"):
        return text
    return None


def _plain_windows(data: bytes) -> list[bytes]:
    """Windows from head, middle and tail."""
    if len(data) <= 3 * WINDOW:
        return [data]
    return [data[start : start + WINDOW] for start in (0, len(data) // 4 * 2, (len(data) - WINDOW) // 2 * 2)]


def _high_windows(data: bytes) -> list[bytes]:
    """The same of what is not ASCII, with a little before it: in a page of markup, all that tells."""
    starts = (0,) if len(data) <= 3 * WINDOW else (0, len(data) // 2, len(data) - WINDOW)
    windows: list[bytes] = []
    for start in starts:
        left, at = (WINDOW if len(starts) > 1 else len(data)), start
        while left > 0 and (found := _HIGH.search(data, at)):
            end = found.start() + _BEHIND
            if at > start and found.start() - at < _GAP:
                windows[-1] += data[at:end]
            else:
                windows.append(data[max(at, found.start() - _GAP) : end])
            left -= end - at
            at = end
    return windows or [data[:WINDOW]]


def _score(windows: list[bytes], encoding: str) -> float:
    """How much like a book some bytes read in `encoding`: 0.8 for Chinese or English prose, below 0 for nonsense.

    A cut or broken byte shifts the pairs of GB18030 and Big5 until the next ASCII character, and those of UTF-16 for
    good, so these are read in pieces, each from its first byte or its second, whichever reads better.
    """
    length = sum(map(len, windows))
    size = max(_PIECE, length // 128 * 2) if encoding in PAIRS else max(_PIECE, length)
    pieces = [data[i : i + size] for data in windows for i in range(0, len(data), size)] or [b""]
    return sum(_reading(piece, encoding) * len(piece) for piece in pieces) / max(1, length)


def _reading(data: bytes, encoding: str) -> float:
    decode = codecs.getincrementaldecoder(encoding)
    if encoding == "utf-8":
        data = _REST.sub(b"", data, count=1)
    shifts = (0, 1) if encoding in PAIRS else (0,)
    # A character cut at either end is no damage. Of readings as good, the one that begins with the first byte is taken.
    return max(reading(decode("replace").decode(data[shift:], False)) - 0.01 * shift for shift in shifts)


def _damaged_mark(data: bytes, encoding: str) -> int:
    """Bytes of a byte-order mark that is itself damaged, at the head of a file; 0 where there is none."""
    if encoding == "utf-8":
        head = data[:3].decode("utf-8", "replace")
        kept = sum(map(int.__eq__, data, codecs.BOM_UTF8))
        begins = data[3:4] < b"\x80" or data[3:4] >= b"\xc0"  # a character begins behind it: the file is not cut there
        return 3 if kept == 2 and "\ufffd" in head and begins else 0
    if encoding in ("utf-16-le", "utf-16-be"):
        mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else codecs.BOM_UTF16_BE
        kept = sum(map(int.__eq__, data, mark))
        first = data[:2].decode(encoding, "replace")
        return 2 if kept == 1 and first not in EVERYDAY and not first.isascii() else 0
    return 0


def _ask_chardet(data: bytes) -> tuple[str, float] | None:
    import chardet

    guess = chardet.detect(data[: 4 * WINDOW], no_match_encoding="gb18030")
    name, confidence = guess["encoding"], guess["confidence"] or 0.0
    return (name.lower(), round(confidence, 2)) if name and confidence >= 0.5 and name.lower() != "ascii" else None


def _is_plain_big5(data: bytes, text: str) -> bool:
    try:
        return data.decode("big5") == text
    except UnicodeDecodeError:
        return False
