"""What adverts are made of: addresses, set phrases and the words of the trade, each with its weight.

All patterns look at `plain(line)`: simplified characters, half-width small letters, one for one, so that a place found
there is the same place in the line. That alone undoes most disguises (ｗｗｗ．ＴＸＴ．ｃｏｍ, 電子書, a Cyrillic с).
"""

import itertools
import re
from importlib import resources
from typing import NamedTuple

ADDRESS = 4
SURE = 3
LIKELY = 2
WEAK = 1


class Token(NamedTuple):
    """A piece of an advert found in a line."""

    start: int
    end: int
    weight: int


def _read() -> dict[str, list[str]]:
    """The sections of `advert_words.txt`."""
    text = resources.files("shuoshu.books.cleaning").joinpath("advert_words.txt").read_text(encoding="utf-8")
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    return {section.split()[0]: section.split()[1:] for section in text.split("== ")[1:]}


_WORDS = _read()
_SIMPLIFIED, _TRADITIONAL = "".join(_WORDS["simplified"]), "".join(_WORDS["traditional"])
_BACK = {ord(new): old for old, new in reversed([*zip(_TRADITIONAL, _SIMPLIFIED, strict=True)])}  # the first of several
_LATIN = dict(zip("аеорсухкмтвніјοακρτυχ", "aeopcyxkmtbhijoakptux", strict=True))  # Cyrillic and Greek look-alikes
_PLAIN = (
    {0xFF01 + i: chr(0x21 + i).lower() for i in range(94) if chr(0x21 + i) not in ",!?:;()"}
    | {code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)}
    | {ord(letter): new for old, new in _LATIN.items() for letter in (old, old.upper())}
    | {ord(old): new for old, new in zip(_TRADITIONAL, _SIMPLIFIED, strict=True)}
)


def plain(line: str) -> str:
    """The line in simplified characters and half-width small letters, as long as it was."""
    return line.translate(_PLAIN)


_CLAUSE = r"[^，。！？；：“”\n]"
_DOT = r"[.。·、点•﹒]"
_TLD = "com|net|org|cn|cc|info|tw|xyz|biz|mobi|vip"
_DOUBTFUL_TLD = "me|la|top|co|tv|io|us|hk|in|to|app|site|club|pw|ws|so|asia|wang|online|gg"
_NAME = r"[a-z0-9][a-z0-9_*^-]{0,30}"
_PATH = r"(?:/[!-~]*)?"
_ADDRESS = (
    r"(?=[a-z0-9_.取\\-])(?:"  # what addresses begin with: in Chinese, one look in place of twelve
    r"(?:取自[“\"]?)?https?\s?[:：]\s?/{1,2}\s?[!-~]+(?:[\u4e00-\u9fff]{1,20}(?=[/”\"\s]|$)[!-~]*[”\"]?)?"
    rf"|w{{3}}\s?{_DOT}\s?{_NAME}(?:\s?{_DOT}\s?{_NAME}){{0,4}}{_PATH}"
    rf"|(?<![a-z0-9])(?:{_NAME}{_DOT}){{1,4}}(?:{_TLD})(?![a-z0-9]){_PATH}"
    rf"|(?<![a-z0-9]){_NAME}\s{_DOT}\s?(?:{_TLD})(?![a-z0-9])"
    rf"|(?<![a-z0-9])(?:m|wap|t|book|pan)\.{_NAME}\.(?:{_DOUBTFUL_TLD})(?![a-z0-9]){_PATH}"
    rf"|(?<![a-z0-9])[a-z]{{0,12}}\d[a-z0-9-]{{0,12}}\.(?:{_DOUBTFUL_TLD})(?![a-z0-9]){_PATH}"
    rf"|(?<=[\u4e00-\u9fff：（【“])[a-z][a-z0-9]{{3,20}}\.(?:{_DOUBTFUL_TLD})(?![a-z0-9]){_PATH}"
    rf"|(?<![a-z0-9])t\.me/[a-z0-9_+]+|discord\.gg/\w+"
    rf"|[a-z0-9]{{3,20}}[♂♀☆★∴]{{1,2}}(?:{_TLD}|{_DOUBTFUL_TLD})(?![a-z])"
    r"|w(?:[^\w\n]{1,2}w){2}(?:[^\w\n，。！“”]{1,3}[a-z0-9]{1,2}(?![a-z0-9])){3,40}"
    r"|w{3}[^\w\n]{1,2}[a-z0-9*^_-]{1,20}[^\w\n]{1,2}(?:com|net|org|cn|cc)(?![a-z])"
    r"|[a-z0-9_.-]{2,30}@[a-z0-9-]+\.[a-z.]{2,8}|(?:\\+u[0-9a-f]{4})+(?:\.[a-z0-9]+)*)"
)


def _compiled(*, files: bool) -> re.Pattern[str]:
    """All pieces as one pattern, with names of files or without."""
    kinds = [("address", _ADDRESS)]
    for kind in ("sure", "likely", "weak"):
        words = [word for word in _WORDS[kind] if files or not word.startswith("[^")]
        kinds.append((kind, "|".join(words).replace("◌", _CLAUSE)))
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds))


_TOKENS, _TOKENS_AND_FILES = _compiled(files=False), _compiled(files=True)
_STREWN_SIGNS = "^~*`"
_STREWN = re.compile(r"[^\W_][~^*`][^\W_]")
_WEIGHTS = {"address": ADDRESS, "sure": SURE, "likely": LIKELY, "weak": WEAK}

_WIDE = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
_ENDINGS = "com|net|org|cn|cc|info|tw|xyz|me|la|vip|top|io|biz|mobi"


def anchors() -> list[str]:
    """Words of which every advert has one, as they stand in a text: simplified and traditional, in either width."""
    words = [word.replace(r"\s", " ") for word in _WORDS["anchors"]]
    words += [word.translate(_BACK) for word in words]
    cases = {
        "".join(form)
        for name in (*_ENDINGS.split("|"), "www")
        for form in itertools.product(*zip(name, name.upper(), strict=True))
    }
    cases |= {form.translate(_WIDE) for form in cases}
    words += [form if form.lower() == "www" else f"{dot}{form}" for dot in ".．·。" for form in sorted(cases)]
    return list(dict.fromkeys(words))


def tokens(line: str) -> list[Token]:
    """The pieces of adverts in a line (as `plain` gives it), in order; signs strewn into words do not hide them."""
    where = range(len(line) + 1)
    if _STREWN.search(line):
        where = [i for i, c in enumerate(line) if c not in _STREWN_SIGNS] + [len(line)]
        line = "".join(line[i] for i in where[:-1])
    pattern = _TOKENS_AND_FILES if "." in line else _TOKENS  # a name before .epub: twelve characters looked at for each
    return [
        Token(where[match.start()], where[match.end() - 1] + 1, _WEIGHTS[str(match.lastgroup)])
        for match in pattern.finditer(line)
    ]
