"""The legal head and tail that Project Gutenberg puts around a book."""

import re

from shuoshu.books.account import Account

_NEAR = 60_000  # characters from the beginning in which the head ends
_SHORT = 300  # characters that go with a mark alone; a stray one in mid-book takes nothing along
_LONGEST = 25_000  # characters of the licence
_NAMED = 1500  # characters of it in which the name comes at least once; usually it does in every 200
_NAME = re.compile("Gutenberg", re.IGNORECASE)
_START = re.compile(
    r"^[^\n]{0,20}\*\*\*?[ ]?START OF (?:THE|THIS) PROJECT GUTENBERG[^\n]*(?:\n[^\n]+?\*\*\*)?[^\S\n]*$"
    r"|^\*END\*? ?THE SMALL PRINT![^\n]*\*END\*[^\S\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
_END = re.compile(
    r"^[^\n]{0,20}(?:\*\*\*?[ ]?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the |this )?Project Gutenberg)",
    re.MULTILINE | re.IGNORECASE,
)
_CREDITS = re.compile(
    r"\s*(?:Produced by|E-?text prepared by|Transcribed (?:by|from)|Scanned (?:and|by)"
    r"|This (?:e-?book|e-?text|file) was|Credits:|Prepared by)[^\n]*(?:\n[^\n]+)*",
    re.IGNORECASE,
)


def gutenberg(text: str, account: Account) -> str:
    """Drop what stands before the line `*** START OF …` and behind `*** END OF …`, and the credits below the first."""
    if "utenberg" not in text and "UTENBERG" not in text:
        return text
    starts = [found for found in _START.finditer(text, 0, _NEAR) if _legal(text[: found.end()])]
    start = starts[-1].end() if starts else 0
    if starts and (credits := _CREDITS.match(text, start)) is not None:
        start = credits.end()
    ends = (found.start() for found in _END.finditer(text, start))
    stop = next((at for at in ends if _legal(text[at:])), len(text))
    for gone in (text[:start], text[stop:]):
        if gone:
            account.note("gutenberg", dropped=len(gone), sample=gone)
    return text[start:stop]


def _legal(text: str) -> bool:
    """Whether a stretch long for a head or tail is what the lawyers wrote, not a book with a stray mark in it."""
    return len(text) <= _SHORT or _LONGEST >= len(text) <= _NAMED * (
        len(_NAME.findall(text)) - 1
    )  # less the mark's own
