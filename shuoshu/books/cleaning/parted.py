"""Words whose letters a site has parted by signs, so that no filter finds them: 小.说.网, w w w . t x t 8 0 . c o m."""

import re
from collections.abc import Iterator

import numpy as np

RUN = re.compile(
    r"(?<![a-z0-9])(?:[a-z0-9]{1,2}|[^\W_a-z0-9])(?:[^\w，。！？：；、“”‘’…《》（）\n]{1,3}(?:[a-z0-9]{1,2}(?![a-z0-9])|[^\W_a-z0-9])){4,60}"
)
"""Five letters and more with signs between them (of a line as `advert_words.plain` gives it)."""

_AT_ONCE = 1 << 14
_LETTER, _SIGN = 1, 2
_KINDS = np.zeros(0x110000, np.uint8)
_KINDS[0x4E00:0xA000] = _LETTER
for _start, _end in (("0", "9"), ("a", "z"), ("A", "Z"), ("０", "９"), ("ａ", "ｚ"), ("Ａ", "Ｚ")):
    _KINDS[ord(_start) : ord(_end) + 1] = _LETTER
for _sign in " \u3000\t.．·*＊?？-－_＿|｜/／\\＼^~～`｀•+=＝#＃@＠$&♂♀∴☆★◆◇▲∷∞□'\"“”【】[]":
    _KINDS[ord(_sign)] = _SIGN


def parted_places(text: str) -> Iterator[int]:
    """Offsets of three letters with single signs between them, rising."""
    for start in range(0, len(text), _AT_ONCE):
        piece = text[start : start + _AT_ONCE + 4].encode("utf-32-le", "surrogatepass")
        kinds = _KINDS.take(np.frombuffer(piece, "<u4"))
        if len(kinds) < 5:
            return
        letters, signs = kinds == _LETTER, kinds == _SIGN
        found = letters[:-4] & signs[1:-3] & letters[2:-2] & signs[3:-1] & letters[4:]
        yield from (start + np.flatnonzero(found)).tolist()
