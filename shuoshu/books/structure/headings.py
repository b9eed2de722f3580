"""What a heading looks like: one line of a book, read as volume, chapter, foreword or afterword, or as none of them.

The judgement here is of one line alone. Whether a line that may be a heading is one is decided in `structure`, from
the run of numbers in the whole book.
"""

import re
from dataclasses import dataclass
from typing import Literal

from shuoshu.books.structure.numerals import ENGLISH, NUMERAL, TENS, parse

LONGEST = 60
"""Longest heading line, in characters, Chinese; English ones may be twice as long."""

GAP = r"[ \t\u3000\xa0]"
"""Pattern of white space within a line."""
_CHAPTER_UNITS = "回囘迴囬章话話节節幕折出篇夜讲講课課"
_VOLUME_UNITS = "卷部册冊集辑輯季编編"
_NUMBER = rf"{NUMERAL}(?:{GAP}?{NUMERAL}){{0,9}}"
CORE = re.compile(rf"[第笫苐弟]{GAP}?(?P<num>{_NUMBER}){GAP}?(?P<unit>[{_CHAPTER_UNITS}])")
"""第十二回, wherever it stands."""
_LEAD = 40  # characters that may stand before it in a heading
_VOLUME = (
    rf"[第笫苐]{GAP}?(?P<v1>{NUMERAL}{{1,6}}){GAP}?(?P<vu>[{_VOLUME_UNITS}])|卷之?(?P<v2>{NUMERAL}{{1,6}})"
    rf"|(?P<v3>[上中下])[卷部册冊集编編篇]|卷(?P<v4>[上中下])"
)
_SITE_WORDS = r"正文卷?|目录|目錄|章节目录|章節目錄|最新章节|VIP章节|VIP卷|分节阅读|《[^》\n]{0,20}》"
_SITE_PREFIX = rf"(?:《[^》\n]{{0,20}}》{GAP}*)?(?:(?:正文|目录|目錄|章节目录){GAP}+)?"
# What may stand before 第十二回: a site's words, signs, a volume with its title, the name of the book.
_BEFORE = re.compile(
    rf"[\W_]*(?:(?:{_SITE_WORDS})[\W_]*)*(?:(?P<volume>{_VOLUME})(?P<vtitle>{GAP}+[^第\s]{{1,15}})?(?P<vgap>[\W_]*))?"
    rf"(?P<name>[^\s，。！？；：“”]{{1,15}}?)?(?P<gap>[\W_]*)"
)
_SIGNS = "\\s☆★◆◇■□●○◎※=＝\\-—–_~～*＊#＃+·•.．>＞|｜【】〖〗〔〕\\[\\]［］『』「」"
_OPENING = re.compile(rf"[{_SIGNS}、:：《]*")
_CLOSING = re.compile(rf"[{_SIGNS}]*(?<![）)》])$")
_TRAILING = re.compile(r"\s*([=＝\-—_~*＊#＃★☆※])\1{2,}\s*$")
_VOLUME_ALONE = re.compile(
    rf"[{_SIGNS}]*(?P<prefix>{_SITE_PREFIX})(?P<volume>{_VOLUME})(?P<rest>.*?)[{_SIGNS}]*", re.DOTALL
)
_FRONT = (
    "楔子|引首|引子|引言|序章|序幕|序言|自序|代序|原序|总序|總序|前言|小引|题记|題記|题词"
    "|題詞|导言|導言|弁言|凡例|例言|缘起首回|緣起首回|缘起|緣起|开篇|開篇|入话|入話|序"
)
_BACK = "尾声|尾聲|后记|後記|终章|終章|跋|附录|附錄|番外|大结局|大結局"
_ENGLISH_FRONT = "prologue|preface|introduction|foreword"
_ENGLISH_BACK = "epilogue|afterword|appendix|conclusion"
_NAMED = re.compile(
    rf"[{_SIGNS}]*(?P<prefix>{_SITE_PREFIX})(?:(?P<front>{_FRONT}|(?i:{_ENGLISH_FRONT}))|(?P<back>{_BACK}|(?i:{_ENGLISH_BACK})))"
    rf"(?P<rest>(?:[{NUMERAL[1:-1]}]{{0,3}})(?:(?:{GAP}|[:：、.．—-]).{{0,40}})?)[】〗\]]?"
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
    rf"[{_SIGNS}]*(?:《|正文|目录|目錄|章节目录|卷|[上中下][卷部册冊集编編篇]|[第笫苐]|{_FRONT}|{_BACK}"
    rf"|(?i:chapter|canto|letter|act|scene|book|part|volume|{_ENGLISH_FRONT}|{_ENGLISH_BACK}))"
)
_MAY_LEAD = re.compile(rf"[^。！？，；“”\n]{{0,{_LEAD}}}?[第笫苐弟]{GAP}?{NUMERAL}")
_ENDS_SENTENCE = re.compile(r"[。，；：,;:、”」』]\s*$")
_SEPARATED = re.compile(r"$|[\s：:、.．·—–\-《【「（(“_|｜=~〖】〗］\]』」]")
_UNITS = {"囘": "回", "迴": "回", "囬": "回", "話": "话", "節": "节", "講": "讲", "課": "课"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A line that reads as a heading."""

    kind: Literal["volume", "chapter", "front", "back"]
    unit: str
    """The word counted by: 回, 章, 卷, chapter; empty for a foreword or afterword."""
    number: int | None
    """The number it claims."""
    title: str
    """The line without what a site put around it, gaps made single spaces."""
    volume: str = ""
    """The volume a chapter heading names before itself: 上卷, 第二卷."""
    sure: bool = True
    """False where words follow the number without a gap, as in the body sentence 第三回里说过."""
    lead: str = ""
    """A name before the number, as the book's: it is believed where most headings have it."""


def parse_heading(line: str) -> Heading | None:
    """Read a line as a heading, or return None."""
    if len(line) > 2 * LONGEST or not (_MAY_BE.match(line) or _MAY_LEAD.match(line)):
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
    core = CORE.search(line, 0, _LEAD + 20)
    before = _BEFORE.fullmatch(line, 0, core.start()) if core else None
    if core is None or before is None or len(before[0].strip()) > _LEAD:
        return None
    name = before["name"] or ""
    if name and not before["gap"]:
        return None  # 他想起第三章
    rest = line[core.end() :]
    volume = " ".join(f"{before['volume'] or ''}{before['vtitle'] or ''}".split())
    number = clean_title(core[0])
    opening = _OPENING.match(rest)[0]  # type: ignore[index]
    decorated = bool(before[0].strip().strip("《》正文目录錄") and _decorated(before[0])) or bool(
        opening.strip(" \t\u3000\xa0：:、《.．·—–-")
    )
    if decorated:
        words = clean_title(_CLOSING.sub("", rest[len(opening) :]))
        title = f"{number} {words}" if words else number
    else:
        title = clean_title(_TRAILING.sub("", number + rest))
    return Heading(
        kind="chapter",
        unit=_UNITS.get(core["unit"], core["unit"]),
        number=parse("".join(core["num"].split())),
        title=f"{volume} {title}" if volume else title,
        volume=volume,
        sure=bool(_SEPARATED.match(rest)) and not (rest.endswith("。") and len(rest) > 20),
        lead=name,
    )


def _decorated(before: str) -> bool:
    """Whether signs stand before the number."""
    return bool(re.search(rf"[{_SIGNS[2:]}、]", before))


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
        title=clean_title(found["volume"] + found["rest"]),
        sure=bool(_SEPARATED.match(found["rest"])),
    )


def _named(line: str) -> Heading | None:
    found = _NAMED.fullmatch(line)
    if found is None:
        return None
    kind = "front" if found["front"] else "back"
    return Heading(
        kind=kind, unit="", number=None, title=clean_title((found["front"] or found["back"]) + found["rest"])
    )


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
