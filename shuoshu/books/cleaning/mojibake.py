"""Garbled passages: repaired where the bytes can be read another way, marked □ where not.

Two accidents make nearly all of them. A lost byte shifts every pair behind it (是你杀了 becomes 鞘悄闵绷) until the
line ends; and a passage was stored in another encoding than the rest (GBK bytes within a Big5 file).
"""

import re

from shuoshu.books.account import Account
from shuoshu.books.cleaning.characters import MISSING
from shuoshu.books.everyday import EVERYDAY

_SUSPECT = re.compile(
    "[\ue000-\uf8ff\ufffd\u3040-\u30ff\u0370-\u04ff\u2502-\u257f\u3100-\u312f\u3400-\u4dbf\U00020000-\U0002ffff]"
)
_WORD = re.compile("[\u3040-\u30ff]{3,}|[\u0370-\u04ff]{2,}")  # a word of another language
_SUSPECTS = re.compile(f"(?:{_SUSPECT.pattern})*")
_TRIES = 500  # vain ones after which a text is taken to be what it looks like
_LETTERS = re.compile("[\u3040-\u30ff\u0370-\u04ff]")
_READINGS: tuple[tuple[str, str, int], ...] = (
    ("gb18030", "gb18030", 1),  # (encoded back as, read as, bytes left off)
    ("big5hkscs", "gb18030", 0),
    ("gb18030", "big5hkscs", 0),
    ("big5hkscs", "big5hkscs", 1),
)
_GAIN = 4  # everyday characters more (and odd ones fewer) that prove a repair
_STRETCH = 300  # characters mended at once
_PLAIN = 0.7  # share of everyday characters that a repaired stretch has, as any prose
_PATIENCE = 12  # characters without gain after which a stretch is over
_HOPELESS = 12  # characters of a stretch that, unrepaired, is struck out


def mojibake(text: str, account: Account) -> str:
    """Repair or mark garbled stretches of lines; ordinary text with a rare character in it is left alone."""
    alphabet = account.alphabet(text)
    if not _SUSPECT.search(alphabet):
        return text
    if _LETTERS.search(alphabet) and len(_LETTERS.findall(text)) > 0.01 * len(text):
        return text  # partly in those scripts
    found = _SUSPECT.search(text)
    out: list[str] = []
    tries = _TRIES
    at = 0
    while found is not None and tries > 0:
        start = max(at, text.rfind("\n", 0, found.start()) + 1)
        feed = text.find("\n", found.start())
        end = len(text) if feed < 0 else feed
        line, tries = _line(text[start:end], tries, account)
        out += [text[at:start], line]
        at = end
        found = _SUSPECT.search(text, end)
    return "".join([*out, text[at:]])


def _line(line: str, tries: int, account: Account) -> tuple[str, int]:
    """One line with its garbled stretches mended, and the tries left."""
    out: list[str] = []
    at = 0
    while tries > 0 and (found := _SUSPECT.search(line, at)):
        if (word := _WORD.match(line, found.start())) is not None:
            out.append(line[at : word.end()])
            at = word.end()
            continue
        start = _start(line, found.start(), at)
        end, new = _repaired(line, start) or _struck_out(line, start) or (found.end(), None)
        if new is None:
            tries -= 1
            end = _SUSPECTS.match(line, end).end()  # type: ignore[union-attr]
            out.append(line[at:end])
            at = end
            continue
        tries = min(_TRIES, tries + 20)
        old = line[start:end]
        changed = min(len(old), len(new))
        account.note(
            "mojibake-garbled" if new == MISSING else "mojibake-repaired",
            dropped=len(old) - changed,
            added=len(new) - changed,
            changed=changed,
            sample=f"{line[max(0, start - 8) : start]}⟦{old}⟧→{new[:60]}",
        )
        out += [line[at:start], new]
        at = end
    return "".join([*out, line[at:]]), tries


def _start(line: str, at: int, floor: int) -> int:
    """Where the stretch around a suspect character begins: behind the last everyday or ASCII character."""
    start = at
    while start > max(floor, at - 40) and line[start - 1] not in EVERYDAY and not line[start - 1].isascii():
        start -= 1
    return start


def _repaired(line: str, start: int) -> tuple[int, str] | None:
    """The end of the stretch and its text read another way, if that makes everyday Chinese of it."""
    best: tuple[int, str] | None = None
    best_gain = _GAIN - 1
    for written, read, shift in _READINGS:
        gained_at = start
        worth = _worth(line[start])
        data = line[start].encode(written, "ignore")
        for end, c in enumerate(line[start + 1 : start + _STRETCH], start + 2):
            if c.isascii() or end - gained_at > _PATIENCE:
                break
            worth += 1 if c in EVERYDAY else -1
            data += c.encode(written, "ignore")
            if (len(data) - shift) // 2 - worth <= best_gain:  # an everyday character takes two bytes
                continue
            new = data[shift:].decode(read, "ignore")
            gain = _worth(new) - worth
            if gain > best_gain and _reads(new) and _share(line[start:end]) <= 0.5 * _share(new):
                best, best_gain, gained_at = (end, new), gain, end
    return best


def _struck_out(line: str, start: int) -> tuple[int, str] | None:
    """The end of a stretch beyond repair, and □: long, rare characters in a jumble with signs of other scripts."""
    end = start
    while end < min(len(line), start + 600) and _share(line[end : end + 8]) <= 0.25 and not line[end].isascii():
        end += 4
    stretch = line[start : min(end, len(line))]
    rare = sum("\u4e00" <= c <= "\u9fff" and c not in EVERYDAY for c in stretch)
    if len(stretch) >= _HOPELESS and rare >= 0.4 * len(stretch) and len(_SUSPECT.findall(stretch)) >= 3:
        return start + len(stretch), MISSING
    return None


def _reads(text: str) -> bool:
    """Prose: mostly everyday characters, and not marks alone."""
    return len(text) > 1 and _share(text) >= _PLAIN and sum("\u4e00" <= c <= "\u9fff" for c in text) >= 0.5 * len(text)


def _worth(text: str) -> int:
    return 2 * sum(map(EVERYDAY.__contains__, text)) - len(text)


def _share(text: str) -> float:
    return sum(map(EVERYDAY.__contains__, text)) / max(1, len(text))
