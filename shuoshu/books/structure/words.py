"""English titles: which words of them go without a capital."""

import re

_SMALL = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "at",
        "but",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "on",
        "or",
        "the",
        "to",
        "upon",
        "with",
    )
)


def is_title(line: str) -> bool:
    """Whether the words of an English line have capitals, but for the small ones, and no sentence goes on behind it."""
    words = [word for word in re.findall(r"[A-Za-z’']+", line) if word.lower() not in _SMALL]
    return bool(words) and all(word[0].isupper() for word in words) and line.rstrip()[-1] not in ",;:"
