"""Texts that a program read in a wrong encoding and stored so: read again in the right one.

浣犲ソ is 你好 whose UTF-8 bytes were read as GBK, ÄãºÃ its GBK bytes read as Latin-1, â€™ an English apostrophe. Whole
texts are told by samples, passages by runs of letters that no Chinese book has in a row. What was lost on the way stays
lost (□).
"""

import codecs
import re
from typing import NamedTuple

from shuoshu.books.account import Account
from shuoshu.books.cleaning.characters import MISSING
from shuoshu.books.everyday import EVERYDAY

_SAMPLE = 1500  # characters of each of three samples
_CLEAR = 0.6
"""Share of everyday characters from which a text reads as Chinese."""
_DARK = 0.35  # and up to which it does not
_BETTER = 0.25  # more of them than before, at least
_SHORTEST = 6  # characters of a passage, where its bytes do not prove it


class _Way(NamedTuple):
    """How a text was spoiled: read as `read`, being `written`."""

    read: str
    written: str


_WHOLE = tuple(
    _Way(read, written)
    for read, written in (
        ("gb18030", "utf-8"), ("big5hkscs", "utf-8"), ("western", "utf-8"), ("western", "gb18030"),
        ("western", "big5hkscs"), ("gb18030", "big5hkscs"), ("big5hkscs", "gb18030"),
    )
)  # fmt: skip
# cp1252 has 27 signs where Latin-1 has control characters; programs that read the one write the other.
_SIGNS = {
    chr(code): bytes([byte])
    for byte in range(0x80, 0xA0)
    if (code := ord(bytes([byte]).decode("cp1252", "replace"))) != 0xFFFD
}
_HIGH = "\x80-\xff" + "".join(_SIGNS)
_RUN = re.compile(f"[{_HIGH}\ufffd](?:[ -~{_HIGH}\ufffd]*[{_HIGH}\ufffd])?")
_LATIN = re.compile("[\x80-\xff]")
_TWO_LATIN = re.compile(f"[\xc2-\xf4][{_HIGH}]|[\xa1-\xfe]{{4}}")
_FEW = 12  # pairs that are looked for one by one: a tenth of the time of the pattern
_LOST = re.compile("[\ufffd\x00]+\\??")


def _raw(error: UnicodeError) -> tuple[bytes, int]:
    """Bytes of the characters that Latin-1 lacks but cp1252 has; a question mark for all others."""
    assert isinstance(error, UnicodeEncodeError)
    return b"".join(_SIGNS.get(c, b"?") for c in error.object[error.start : error.end]), error.end


codecs.register_error("shuoshu.western", _raw)


def reread(text: str, account: Account) -> str:
    """Read a text, or passages of it, again that had been read in a wrong encoding."""
    way = _whole(text)
    if way is not None:
        lines = [_again(line, way) for line in text.split("\n")]
        new = "\n".join(lines)
        kept = min(len(text), len(new))
        sample = f"{text.strip()[:40]}⟧→{new.strip()[:40]}"
        account.note("reread", dropped=len(text) - kept, added=len(new) - kept, changed=kept, sample=f"⟦{sample}")
        return new
    if not _may_be_latin(text, account.alphabet(text)) or not _TWO_LATIN.search(text):
        return text
    return _RUN.sub(lambda found: _passage(found, account), text)


def _may_be_latin(text: str, alphabet: str) -> bool:
    """A cheap look whether two letters that make mojibake stand side by side; most books have none but é or ·."""
    latin = _LATIN.findall(alphabet)
    signs = [*latin, *_SIGNS.keys() & set(alphabet)]
    pairs = [a + b for a in latin for b in (signs if "\xc2" <= a <= "\xf4" else latin)]
    return len(pairs) > _FEW or any(pair in text for pair in pairs)


def _whole(text: str) -> _Way | None:
    """How the whole text was spoiled, if it was."""
    if len(text) < 40:
        return None
    samples = [text[at : at + _SAMPLE] for at in sorted({0, len(text) // 2, max(0, len(text) - _SAMPLE)})]
    sample = "\n".join(samples)
    plain = share(sample)
    if plain > _DARK or sample.isascii():
        return None
    readings = {way: share(_again(sample, way)) for way in _WHOLE}
    best = max(readings, key=readings.__getitem__)
    return best if readings[best] >= max(_CLEAR, plain + _BETTER) else None


def _again(text: str, way: _Way) -> str:
    """A line read again; what cannot be is □."""
    if way.read == "western":
        data = text.encode("latin-1", "shuoshu.western")
    else:
        data = text.replace("\ufffd", "?").encode(way.read, "ignore")
    return _LOST.sub(MISSING, data.decode(way.written, "replace"))


def _passage(found: re.Match[str], account: Account) -> str:
    """A run of Western letters read again, where that makes UTF-8 of it or everyday Chinese."""
    old = found[0]
    if not _TWO_LATIN.search(old):
        return old
    new = _strict(old)
    if new is None and len(old) >= _SHORTEST:
        readings = [_again(old, _Way("western", written)) for written in ("utf-8", "gb18030", "big5hkscs")]
        best = max(readings, key=share)
        new = best if share(best) >= _CLEAR and share(old) < _DARK and _chinese(best) else None
    if new is None:
        return old
    kept = min(len(old), len(new))
    sample = f"{found.string[max(0, found.start() - 8) : found.start()]}⟦{old}⟧→{new[:60]}"
    account.note("reread", dropped=len(old) - kept, added=len(new) - kept, changed=kept, sample=sample)
    return new


def _strict(old: str) -> str | None:
    """A run as UTF-8 without a fault, as no other writing is: itâ€™s, CafÃ©."""
    data = old.encode("latin-1", "shuoshu.western")
    try:
        new = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return new if len(new) < len(old) and not re.search("[\x80-\x9f]", new) else None


def _chinese(text: str) -> bool:
    return sum("\u4e00" <= c <= "\u9fff" for c in text) >= 0.4 * len(text)


def share(text: str) -> float:
    """Share of everyday Chinese characters and marks among those that are not ASCII."""
    others = [c for c in text if not c.isascii()]
    return sum(map(EVERYDAY.__contains__, others)) / max(1, len(others))
