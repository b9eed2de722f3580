"""Quotation marks: corner brackets and straight quotes become “ ” and ‘ ’, as Chinese books are printed today."""

import re

from shuoshu.books.account import Account

_STRAIGHT_LINE = re.compile(r"^.*\".*$", re.MULTILINE)
_SINGLE = re.compile(
    r"(?<=[\u3000-\u303f\u4e00-\u9fff\uff00-\uff5e“”\n])'[^'\n]{1,80}'(?=[\u3000-\u303f\u4e00-\u9fff\uff00-\uff5e“”\n])"
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def quotes(text: str, account: Account) -> str:
    """「」『』 become “”‘’; straight quotes in Chinese paragraphs become pairs."""
    if "「" in text or "『" in text:
        text = _corners(text, account)
    if '"' in text:
        text = account.sub("quotes", _STRAIGHT_LINE, _paired, text)
    if "'" in text:
        text = account.sub("quotes", _SINGLE, lambda found: f"‘{found[0][1:-1]}’", text)
    return text


def _corners(text: str, account: Account) -> str:
    """『』 is the inner quote, but in a book, or a passage, that has no 「 around it, the outer one."""
    text = re.sub("『[^「」『』\n]*』", lambda found: found[0] if _inside(found) else f"「{found[0][1:-1]}」", text)
    for old, new in (("「", "“"), ("」", "”"), ("『", "‘"), ("』", "’")):
        text = account.replace("quotes", old, new, text)
    return text


def _inside(found: re.Match[str]) -> bool:
    line = found.string.rfind("\n", 0, found.start()) + 1
    before = found.string[max(line, found.start() - 2000) : found.start()]
    return before.count("「") > before.count("」")


def _paired(found: re.Match[str]) -> str:
    """One paragraph, its straight quotes opened and closed in turn; inch marks and English lines stay."""
    line = found[0]
    if not _CHINESE.search(line):
        return line
    parts = line.split('"')
    opened = False
    out = [parts[0]]
    for i, part in enumerate(parts[1:], 1):
        before = parts[i - 1][-1:]
        # A quote behind a colon opens, whatever went before it: a closing one was forgotten.
        opened = True if before in ("：", ":") else not opened
        out.append(("“" if opened else "”") + part)
    return "".join(out)
