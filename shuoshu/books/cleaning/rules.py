"""The cleaning rules, each with a name to switch it off by.

A rule takes a text and the account and returns the text; it enters everything it drops, adds or changes. Rules work
on the whole text at once: a loop over characters would be a hundred times slower.
"""

import re
from collections.abc import Callable

from shuoshu.books.account import Account
from shuoshu.books.cleaning.adverts import adverts
from shuoshu.books.cleaning.characters import dashes, glyphs, markup, missing, private, stand_ins, variants, width
from shuoshu.books.cleaning.gutenberg import gutenberg
from shuoshu.books.cleaning.mojibake import mojibake
from shuoshu.books.cleaning.notices import decorations, notices
from shuoshu.books.cleaning.oneline import one_line
from shuoshu.books.cleaning.pages import pages
from shuoshu.books.cleaning.quotes import quotes
from shuoshu.books.cleaning.repeats import boilerplate, repeats
from shuoshu.books.cleaning.reread import reread
from shuoshu.books.cleaning.wraps import wraps
from shuoshu.books.reading.extract import HEADING_MARK

Rule = Callable[[str, Account], str]

_LINE_ENDS = re.compile(r"\r\n|\r|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(
    r"[\x00\x02-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
_INDENT = re.compile(r"\n[^\S\n]+")
_FIRST_INDENT = re.compile(r"\A[^\S\n]+")
_SPACE = r"[ \t\u3000\xa0\u2000-\u200a\u202f\u205f]"
_TRAILING = re.compile(rf"{_SPACE}(?<!{_SPACE}.){_SPACE}*+(?=\n|\Z)")  # a run is tried once, however long
_BLANK_LINES = re.compile(r"\n{2,}|\A\n")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def line_ends(text: str, account: Account) -> str:
    """CRLF, CR and other line ends become line feeds."""
    if "\r" in text:
        text = account.replace("line-ends", "\r\n", "\n", text)
    return account.sub("line-ends", _LINE_ENDS, "\n", text) if _LINE_ENDS.search(account.alphabet(text)) else text


def control(text: str, account: Account) -> str:
    """Byte-order marks, control, zero-width and direction characters are dropped; half surrogates become U+FFFD."""
    if not _CONTROL.search(account.alphabet(text)):
        return text
    text = account.sub("control", _LONE_SURROGATE, "\ufffd", text)
    return account.sub("control", _CONTROL, "", text)


def heading_marks(text: str, account: Account) -> str:
    """U+0001 in a text file is a control character as any other; where a reader set it, it marks headings."""
    return account.replace("control", HEADING_MARK, "", text)


def indents(text: str, account: Account) -> str:
    """White space at both ends of a line is dropped."""
    text = account.sub("indents", _FIRST_INDENT, "", text)
    text = account.sub("indents", _INDENT, "\n", text)
    spaces = re.findall(_SPACE, account.alphabet(text))
    if not any(f"{space}\n" in text or text.endswith(space) for space in spaces):
        return text
    return account.sub("indents", _TRAILING, "", text)


def blank_lines(text: str, account: Account) -> str:
    """Empty lines are dropped: one paragraph a line."""
    if "\n\n" not in text and not text.startswith("\n"):
        return text
    return account.sub("blank-lines", _BLANK_LINES, lambda found: "\n" if found.start() else "", text)


def simplify(text: str, account: Account) -> str:
    """Traditional to simplified, by characters, where the text has traditional ones.

    `tw2s` also writes the particle 著 as 着, which `t2s` does not. A text already simplified is left alone: 8 in
    500,000 of its characters would change, 乾坤 among them.
    """
    import opencc

    convert = opencc.OpenCC("tw2s").convert
    middle = len(text) // 2
    sample = text[:20_000] + text[middle : middle + 20_000]
    converted = convert(sample)
    if len(sample) == len(converted) and sum(map(str.__ne__, sample, converted)) < 5e-4 * len(sample):
        return text
    new = convert(text)
    shorter = len(text) - len(new)
    changed = sum(map(str.__ne__, text, new)) if shorter == 0 else 0
    account.note("simplify", dropped=max(0, shorter), added=max(0, -shorter), changed=changed)
    return new


BEFORE: dict[str, Rule] = {
    "reread": reread,
    "line-ends": line_ends,
    "control": control,
    "markup": markup,
    "one-line": one_line,
    "mojibake": mojibake,
    "private": private,
    "stand-ins": stand_ins,
    "missing": missing,
    "variants": variants,
    "gutenberg": gutenberg,
    "adverts": adverts,
    "pages": pages,
    "notices": notices,
    "decorations": decorations,
}
"""Rules that come before the headings are looked for, in their order."""

AFTER: dict[str, Rule] = {
    "wraps": wraps,
    "indents": indents,
    "blank-lines": blank_lines,
    "repeats": repeats,
    "boilerplate": boilerplate,
    "glyphs": glyphs,
    "width": width,
    "quotes": quotes,
    "dashes": dashes,
}
"""Rules that need to know the headings, or whole paragraphs."""

SWITCHABLE = frozenset({*BEFORE, *AFTER, "contents", "title-page", "editions"}) - {
    "line-ends",
    "indents",
    "blank-lines",
}
"""Names that `books.skip_rules` takes: all rules but the three that make one paragraph a line."""


def chosen(rules: dict[str, Rule], skip: frozenset[str]) -> list[Rule]:
    """The rules, in their order, but those named in `skip`."""
    return [rule for name, rule in rules.items() if name not in skip]
