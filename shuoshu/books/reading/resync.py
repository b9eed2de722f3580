"""Bytes read on past damage.

A cut or lost byte shifts every pair behind it: in GB18030 and Big5 to the next ASCII character, in UTF-16 to the end of
the file. Where a text reads well it is decoded as it stands. Where it does not, its bytes are parted anew: of all ways
to make characters of them, the one with the most everyday ones and the fewest bytes left over (Viterbi's algorithm).
"""

import codecs
import functools
from collections.abc import Iterator

import numpy as np

from shuoshu.books.everyday import reading, weights
from shuoshu.books.scan import codes

PAIRS = frozenset({"gb18030", "big5hkscs", "utf-16-le", "utf-16-be"})
"""The encodings of pairs."""

_BLOCK = 1 << 16  # bytes decoded at once
_STRETCH = 2048  # the same in a block that has odd places
_KEPT_BACK = 16  # bytes at the end of a stretch that are parted with the next one
_WINDOW, _GAIN = 8, 2.0  # pairs in a row that would read so much better one byte later are shifted
_LEFT_OVER = -3.0  # what a byte left over counts: as much as three everyday characters
_NO_PAIR = -20.0


def decode_pairs(data: bytes, encoding: str) -> str:
    """Decode one of `PAIRS`; bytes left over are U+FFFD."""
    return "".join(_stretches(data, encoding))


def decode_utf8(data: bytes) -> str:
    """Decode UTF-8 with damage in it; a line that is in GB18030 or Big5 by the look of it is read so."""
    text: list[str] = []
    at = 0
    while at < len(data):
        end = data.find(b"\n", at + _BLOCK) + 1 or len(data)
        try:
            text.append(data[at:end].decode("utf-8"))
        except UnicodeDecodeError:
            text += map(_line, data[at:end].splitlines(keepends=True))
        at = end
    return "".join(text)


def _line(line: bytes) -> str:
    own = line.decode("utf-8", "replace")
    if own.count("\ufffd") < max(4, len(own) // 4):
        return own
    return max(own, line.decode("gb18030", "replace"), line.decode("big5hkscs", "replace"), key=reading)


def _stretches(data: bytes, encoding: str) -> Iterator[str]:
    """The text, piece by piece: as it stands where that reads well, parted anew where it does not."""
    decoder = codecs.getincrementaldecoder(encoding)
    at = odd_until = 0
    while at < len(data):
        piece = data[at : at + (_BLOCK if at >= odd_until else _STRETCH)]
        final = at + len(piece) == len(data)
        if not final and not encoding.startswith("utf-16"):
            piece = piece[: piece.rfind(b"\n") + 1] or piece  # to the end of a line, where shifts end too
        reader = decoder("replace")
        text = reader.decode(piece, final)
        used = len(piece) - len(reader.getstate()[0])
        if used == 0 or _is_shifted(piece[:used], text, encoding):
            if at >= odd_until and len(piece) > _STRETCH:
                odd_until = at + len(piece)
                continue
            text, used = _parted(piece, encoding, final)
        yield text
        at += used


def _is_shifted(data: bytes, text: str, encoding: str) -> bool:
    """Whether a byte means nothing, or some pairs in a row would read much better one byte later."""
    if "\ufffd" in text:
        return True
    lengths = _lengths(encoding).take(codes(text))
    ends = lengths.cumsum()
    if not len(ends) or ends[-1] != len(data):
        return True
    points = np.frombuffer(data, np.uint8).astype(np.int32)
    pairs = np.append(_pairs(encoding).take(points[:-1] << 8 | points[1:]), np.float32(0))
    seconds = ends[lengths == 2] - 1
    gains = np.concatenate(([0.0], (pairs[seconds] - pairs[seconds - 1]).cumsum()))
    return bool((gains[_WINDOW:] - gains[:-_WINDOW] if len(gains) > _WINDOW else gains).max() > _GAIN)


def _parted(data: bytes, encoding: str, final: bool) -> tuple[str, int]:
    """The best text that can be made of the bytes, and how many of them it took."""
    alone, pairs = _counts(encoding)
    four = encoding == "gb18030"
    best = [0.0]  # of the bytes so far
    steps = [0]
    for i, byte in enumerate(data, 1):
        score, step = best[i - 1] + alone[byte], 1
        if i > 1 and (other := best[i - 2] + pairs[data[i - 2] << 8 | byte]) > score:
            score, step = other, 2
        if four and i > 3 and (other := best[i - 4] + _four(data[i - 4 : i])) > score:
            score, step = other, 4
        best.append(score)
        steps.append(step)
    ends: list[int] = []
    at = len(data)
    while at:
        if final or at <= len(data) - _KEPT_BACK or not ends:
            ends.append(at)
        at -= steps[at]
    if not final and len(ends) > 1:
        ends.pop(0)
    ends.reverse()
    out: list[str] = []
    start = at = 0
    for end in ends:
        if end - at == 1 and alone[data[at]] == _LEFT_OVER:
            out += [data[start:at].decode(encoding, "replace"), "\ufffd"]
            start = end
        at = end
    return "".join([*out, data[start:at].decode(encoding, "replace")]), at


@functools.cache
def _counts(encoding: str) -> tuple[list[float], list[float]]:
    """What a byte alone counts, and a pair of bytes (256 times the first, and the second)."""
    if encoding.startswith("utf-16"):
        return [_LEFT_OVER] * 256, _pairs(encoding).tolist()
    alone = [float(weights()[byte]) if byte < 0x80 else _LEFT_OVER for byte in range(256)]
    return alone, _pairs(encoding).tolist()


@functools.cache
def _pairs(encoding: str) -> np.ndarray:
    """The weights of all pairs of bytes, one after the other."""
    if encoding.startswith("utf-16"):
        units = weights()[:0x10000].copy()
        units[0xD800:0xE000] = -0.5
        return units if encoding == "utf-16-be" else units.reshape(256, 256).T.ravel()
    pairs = np.full(0x10000, _NO_PAIR, np.float32)
    for first in range(0x81, 0xFF):
        for second in range(0x40, 0xFF):
            text = bytes((first, second)).decode(encoding, "ignore")
            if text and ord(text[0]) >= 0x80:
                pairs[first << 8 | second] = weights()[ord(text[0])]
    return pairs


@functools.cache
def _lengths(encoding: str) -> np.ndarray:
    """Bytes of each code point."""
    lengths = np.full(0x110000, 4, np.int64)
    if encoding.startswith("utf-16"):
        lengths[:0x10000] = 2
        return lengths
    lengths[:0x80] = 1
    lengths[[point for point in range(0x80, 0x30000) if len(chr(point).encode(encoding, "ignore")) == 2]] = 2
    return lengths


def _four(data: bytes) -> float:
    """What four bytes of GB18030 count together."""
    if not (0x30 <= data[3] <= 0x39 and 0x30 <= data[1] <= 0x39 and data[0] >= 0x81 and data[2] >= 0x81):
        return _NO_PAIR
    text = data.decode("gb18030", "ignore")
    return -0.3 if len(text) == 1 else _NO_PAIR
