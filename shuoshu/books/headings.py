"""What a heading looks like: one line of a book, read as volume, chapter, foreword or afterword, or as none of them.

The judgement here is of one line alone. Whether a line that may be a heading is one is decided in `structure`, from
the run of numbers in the whole book.
"""

import re
from dataclasses import dataclass
from typing import Literal

from shuoshu.books.numerals import ENGLISH, NUMERAL, TENS, parse

LONGEST = 60
"""Longest heading line, in characters, Chinese; English ones may be twice as long."""

_CHAPTER_UNITS = "回囘迴章话話节節幕折出篇夜讲講课課"
_VOLUME_UNITS = "卷部册冊集编編辑輯季"
_GAP = r"[ \t\u3000\xa0]"
_SITE_PREFIX = rf"(?:《[^》\n]{{0,20}}》{_GAP}*)?(?:(?:正文|目录|目錄|章节目录){_GAP}+)?"
_VOLUME = (
    rf"第{_GAP}?(?P<v1>{NUMERAL}{{1,6}}){_GAP}?(?P<vu>[{_VOLUME_UNITS}])|卷之?(?P<v2>{NUMERAL}{{1,6}})"
    rf"|(?P<v3>[上中下])[卷部册冊集编編篇]|卷(?P<v4>[上中下])"
)
_CHAPTER = rf"第{_GAP}?(?P<num>{NUMERAL}{{1,9}}){_GAP}?(?P<unit>[{_CHAPTER_UNITS}])"
_NUMBERED = re.compile(
    rf"{_GAP}*(?P<prefix>{_SITE_PREFIX})(?:(?P<volume>{_VOLUME})(?P<vtitle>{_GAP}+[^第\s]{{1,15}})?{_GAP}*)?{_CHAPTER}(?P<rest>.*)"
)
_VOLUME_ALONE = re.compile(rf"{_GAP}*(?P<prefix>{_SITE_PREFIX})(?P<volume>{_VOLUME})(?P<rest>.*)")
_FRONT = (
    "楔子|序章|序幕|序言|自序|代序|原序|总序|前言|引子|引言|导言|導言|弁言|凡例|例言|缘起首回|緣起首回|缘起|緣起|序"
)
_BACK = "尾声|尾聲|后记|後記|终章|終章|跋|附录|附錄|番外|大结局|大結局"
_ENGLISH_FRONT = "prologue|preface|introduction|foreword"
_ENGLISH_BACK = "epilogue|afterword|appendix|conclusion"
_NAMED = re.compile(
    rf"{_GAP}*(?P<prefix>{_SITE_PREFIX})(?:(?P<front>{_FRONT}|(?i:{_ENGLISH_FRONT}))|(?P<back>{_BACK}|(?i:{_ENGLISH_BACK})))"
    rf"(?P<rest>(?:[{NUMERAL[1:-1]}]{{0,3}})(?:(?:{_GAP}|[:：、.．—-]).{{0,40}})?)"
)
_TENS = "|".join(TENS)
_WORD_NUMBER = "|".join(sorted(ENGLISH, key=len, reverse=True))
_ENGLISH = re.compile(
    rf"\s*(?P<kind>chapter|canto|letter|act|scene|book|part|volume)\s+(?:the\s+)?"
    rf"(?P<num>\d{{1,4}}|[ivxlcdm]{{1,9}}|(?:(?:{_TENS})[- ]?)?(?:{_WORD_NUMBER})?)"
    rf"(?P<rest>(?:[\s.:,—–-].*)?)",
    re.IGNORECASE,
)
# A cheap look before the patterns: nearly every line of a book stops here.
_MAY_BE = re.compile(
    rf"{_GAP}*(?:《|正文|目录|目錄|章节目录|第|卷|[上中下][卷部册冊集编編篇]|{_FRONT}|{_BACK}"
    rf"|(?i:chapter|canto|letter|act|scene|book|part|volume|{_ENGLISH_FRONT}|{_ENGLISH_BACK}))"
)
_ENDS_SENTENCE = re.compile(r"[。，；：,;:、”」』]\s*$")
_SEPARATED = re.compile(r"$|[\s：:、.．·—–\-《【「（(“]")


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A line that reads as a heading."""

    kind: Literal["volume", "chapter", "front", "back"]
    unit: str
    """The word counted by: 回, 章, 卷, chapter; empty for a foreword or afterword."""
    number: int | None
    """The number it claims."""
    title: str
    """The line without what a site put before it, gaps made single spaces."""
    volume: str = ""
    """The volume a chapter heading names before itself: 上卷, 第二卷."""
    sure: bool = True
    """False where words follow the number without a gap, as in the body sentence 第三回里说过."""


def parse_heading(line: str) -> Heading | None:
    """Read a line as a heading, or return None."""
    if len(line) > 2 * LONGEST or not _MAY_BE.match(line):
        return None
    if (english := _english(line)) is not None:
        return english
    if len(line) > LONGEST or _ENDS_SENTENCE.search(line):
        return None
    return _chapter(line) or _volume(line) or _named(line)


def clean_title(line: str, prefix: str = "") -> str:
    """A heading line without `prefix` and with its gaps made single spaces."""
    return " ".join(line.strip().removeprefix(prefix.strip()).split())


def _chapter(line: str) -> Heading | None:
    found = _NUMBERED.fullmatch(line)
    if found is None:
        return None
    rest = found["rest"]
    return Heading(
        kind="chapter",
        unit={"囘": "回", "迴": "回", "話": "话", "節": "节", "講": "讲", "課": "课"}.get(found["unit"], found["unit"]),
        number=parse(found["num"]),
        title=clean_title(line, found["prefix"]),
        volume=(found["volume"] or "") + (found["vtitle"] or ""),
        sure=bool(_SEPARATED.match(rest)) and not (rest.endswith("。") and len(rest) > 20),
    )


def _volume(line: str) -> Heading | None:
    found = _VOLUME_ALONE.fullmatch(line)
    if found is None:
        return None
    numeral = found["v1"] or found["v2"]
    position = found["v3"] or found["v4"]
    number = parse(numeral) if numeral else "上中下".index(position) + 1
    unit = found["vu"] or "卷"
    return Heading(
        kind="volume",
        unit={"冊": "册", "編": "编", "輯": "辑"}.get(unit, unit),
        number=number,
        title=clean_title(line, found["prefix"]),
        sure=bool(_SEPARATED.match(found["rest"])),
    )


def _named(line: str) -> Heading | None:
    found = _NAMED.fullmatch(line)
    if found is None:
        return None
    kind = "front" if found["front"] else "back"
    return Heading(kind=kind, unit="", number=None, title=clean_title(line, found["prefix"]))


def _english(line: str) -> Heading | None:
    found = _ENGLISH.fullmatch(line)
    number = parse(found["num"]) if found and found["num"] else None
    if found is None or number is None:
        return None
    kind, rest = found["kind"].lower(), found["rest"].strip()
    return Heading(
        kind="volume" if kind in ("book", "part", "volume") else "chapter",
        unit=kind,
        number=number,
        title=clean_title(line),
        sure=not rest or not rest.lstrip(".:,—–- ")[:1].islower(),
    )
