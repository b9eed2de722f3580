"""Garbled passages: repaired where the bytes can be read another way, marked □ where not.

Two accidents make nearly all of them. A lost byte shifts every pair behind it (是你杀了 becomes 鞘悄闵绷) until the
line ends; and a passage was stored in another encoding than the rest (GBK bytes within a Big5 file).
"""

import re
from typing import Literal

from shuoshu.books.account import Account
from shuoshu.books.characters import MISSING
from shuoshu.books.encoding import EVERYDAY

_SUSPECT = re.compile(
    "[\ue000-\uf8ff\ufffd\u3040-\u30ff\u0370-\u04ff\u2502-\u257f\u3100-\u312f\u3400-\u4dbf\U00020000-\U0002ffff]"
)
_SHORTEST = 6  # characters: fewer prove nothing
_READINGS: tuple[tuple[str, str], ...] = (("gb18030", "gb18030"), ("big5hkscs", "gb18030"), ("gb18030", "big5hkscs"))
_HOPELESS = 12  # characters of a stretch that, unrepaired, is struck out


def mojibake(text: str, account: Account) -> str:
    """Repair or mark garbled stretches of lines; ordinary text with a rare character in it is left alone."""
    found = _SUSPECT.search(text)
    if found is None:
        return text
    out: list[str] = []
    at = 0
    while found is not None:
        start = max(at, text.rfind("\n", 0, found.start()) + 1)
        feed = text.find("\n", found.start())
        end = len(text) if feed < 0 else feed
        out.append(text[at:start])
        out.append(_line(text[start:end], account))
        at = end
        found = _SUSPECT.search(text, end)
    out.append(text[at:])
    return "".join(out)


def _line(line: str, account: Account) -> str:
    """One line with its garbled stretches mended."""
    done = ""
    while found := _SUSPECT.search(line):
        stretch = _stretch(line, found.start())
        if stretch is None:
            done, line = done + line[: found.end()], line[found.end() :]
            continue
        start, end = stretch
        old = line[start:end]
        new = _repaired(old) or (MISSING if _hopeless(old) else None)
        if new is None:
            done, line = done + line[:end], line[end:]
            continue
        kind: Literal["repaired", "garbled"] = "garbled" if new == MISSING else "repaired"
        changed = min(len(old), len(new))
        account.note(
            f"mojibake-{kind}",
            dropped=len(old) - changed,
            added=len(new) - changed,
            changed=changed,
            sample=f"{line[max(0, start - 8) : start]}⟦{old}⟧→{new[:60]}",
        )
        done, line = done + line[:start] + new, line[end:]
    return done + line


def _stretch(line: str, at: int) -> tuple[int, int] | None:
    """The garbled stretch around a suspect character: windows of 8 with next to no everyday character in them."""
    end = at
    while end < len(line) and _share(line[end : end + 8]) <= 0.25 and not line[end].isascii():
        end += 4
    end = min(end, len(line))
    start = at
    while start > 0 and line[start - 1] not in EVERYDAY and not line[start - 1].isascii() and at - start < 40:
        start -= 1
    return (start, end) if end - start >= _SHORTEST and _share(line[start:end]) <= 0.25 else None


def _share(text: str) -> float:
    return sum(c in EVERYDAY for c in text) / max(1, len(text))


def _hopeless(stretch: str) -> bool:
    """Beyond repair for sure: long, and rare Chinese characters in a jumble with signs of other scripts."""
    rare = sum("\u4e00" <= c <= "\u9fff" and c not in EVERYDAY for c in stretch)
    suspects = len(_SUSPECT.findall(stretch))
    return len(stretch) >= _HOPELESS and rare >= 0.4 * len(stretch) and suspects >= 3


def _repaired(stretch: str) -> str | None:
    """The stretch read another way, if that makes everyday Chinese of it."""
    import opencc

    best, best_share = None, 0.5
    # A garbled passage may since have been turned to traditional characters, as if it were text.
    forms = dict.fromkeys((stretch, opencc.OpenCC("t2s").convert(stretch)))
    for form in forms:
        for written, read in _READINGS:
            data = form.encode(written, "ignore")
            for shift in (0, 1):
                if written == read and not shift:
                    continue
                new = data[shift:].decode(read, "ignore")
                share = _share(new)
                if share > best_share:
                    best, best_share = new, share
    return best
