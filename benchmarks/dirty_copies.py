"""Dirty copies of clean books, made as scanners, download sites and old programs make them, with the truth beside them.

A `Draft` is a book on its way to becoming such a copy. Every step changes it in one way and keeps account of what was
planted and of what was destroyed; `finish` lays it out and encodes it. `books_dirty.py` puts steps together to ways.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

MARKED = Path(__file__).resolve().parents[1] / "tests/books/adverts-marked.txt"
NUMERALS = "零一二三四五六七八九"


@dataclass
class Part:
    """A chapter: what the clean copy says, and what the dirty one will."""

    number: int
    title: str
    paragraphs: list[str]
    dirty: list[str] = field(default_factory=list)
    heading: list[str] = field(default_factory=list)
    """Lines of the heading in the dirty copy."""
    glued: bool = False
    """The first paragraph stands on the line of the heading."""
    volume: str = ""
    """A volume heading above this chapter."""

    @property
    def text(self) -> str:
        """The clean text under the heading."""
        return "\n".join(self.paragraphs)


@dataclass
class Draft:
    """A book on its way to becoming a dirty copy."""

    title: str
    author: str
    unit: str
    parts: list[Part]
    rng: random.Random
    truth: list[Part] = field(default_factory=list)
    """The chapters a good reader finds, in order."""
    head: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    planted: list[str] = field(default_factory=list)
    """Adverts and notices put in."""
    foreign: int = 0
    """Letters of other scripts put in for rare characters."""
    destroyed: int = 0
    """Characters that nobody could bring back."""
    indent: str = "\u3000\u3000"
    between: str = "\n"
    """Between two paragraphs."""
    line_end: str = "\n"
    encoding: str = "utf-8"
    lacking: Callable[[str], str] | None = None
    """How a character that the encoding lacks is shown."""
    simplify: bool = False
    titled: bool = True
    """Headings hold the titles."""
    spoil: Callable[[str], str] | None = None
    """What a program made of the whole text by reading its bytes in a wrong encoding."""

    @property
    def each(self) -> list[Part]:
        """The parts, those that stand there twice once."""
        return list({id(part): part for part in self.parts}.values())

    def everywhere(self, change: Callable[[str], str]) -> None:
        """Change all that is written."""
        for part in self.each:
            part.dirty = [change(line) for line in part.dirty]
            part.heading = [change(line) for line in part.heading]
            part.volume = change(part.volume)
        self.head, self.contents, self.tail = (
            [change(line) for line in lines] for lines in (self.head, self.contents, self.tail)
        )


Step = Callable[[Draft], None]


def read_clean(path: Path, rng: random.Random, author: str = "佚名") -> Draft:
    """A clean copy of the corpus, or the bundled book, as a draft with nothing changed."""
    heading = re.compile(r"第[零一二三四五六七八九十百]+([回篇]) (.+)")
    parts: list[Part] = []
    unit, volume = "回", ""
    for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n"):
        if found := heading.fullmatch(line):
            unit = found[1]
            parts.append(Part(number=len(parts) + 1, title=found[2], paragraphs=[], volume=volume))
            volume = ""
        elif re.fullmatch(r"第[一二三四五六七八九十]+卷", line):
            volume = line
        else:
            parts[-1].paragraphs.append(line)
    parts = [part for part in parts if part.paragraphs]
    for number, part in enumerate(parts, 1):
        part.number = number
        part.dirty = list(part.paragraphs)
    draft = Draft(title=path.stem, author=author, unit=unit, parts=parts, rng=rng, truth=list(parts))
    headings("第{c}{u} {t}")(draft)
    return draft


def chinese(number: int) -> str:
    """12 → 十二, 108 → 一百零八."""
    if number < 20:
        return ("" if number < 10 else "十") + ("" if number == 10 else NUMERALS[number % 10])
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{NUMERALS[hundreds]}百" if hundreds else ""
    text += f"{NUMERALS[tens]}十" if tens else ("零" if hundreds and ones else "")
    return text + (NUMERALS[ones] if ones else "")


def roman(number: int) -> str:
    """12 → XII."""
    out = ""
    for value, letters in ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV")):
        out += letters * (number // value)
        number %= value
    return out + "I" * number


def headings(form: str, *, from_number: int = 1) -> Step:
    """Write the headings in a form: `{c}` 十二, `{n}` 12, `{z}` 012, `{d}` 一二, `{w}` １２, `{k}` 廿三, `{r}` XII,
    `{t}` the title, `{u}` the unit, `{b}` the book; a line feed parts the lines of a heading."""

    def step(draft: Draft) -> None:
        draft.titled = "{t}" in form
        for part in draft.each:
            if part.number < from_number:
                continue
            n = part.number
            plain = chinese(n)
            text = form.format(
                c=plain,
                n=n,
                z=f"{n:03d}",
                d="".join("〇一二三四五六七八九"[int(digit)] for digit in str(n)),
                w="".join(chr(ord(digit) + 0xFEE0) for digit in str(n)),
                k=re.sub("^二十(?=.)", "廿", re.sub("^三十(?=.)", "卅", plain)),
                r=roman(n),
                t=part.title,
                u=draft.unit,
                b=draft.title,
            )
            part.heading = text.split("\n")

    return step


def glue_heading(gap: str) -> Step:
    """The first sentence stands on the line of the heading."""

    def step(draft: Draft) -> None:
        for part in draft.each:
            part.heading[-1] += gap
            part.glued = True

    return step


def contents(form: str = "{h}", *, word: str = "目录", across: int = 1) -> Step:
    """A table of contents above the book: `{h}` the heading, `{t}` the title, `{p}` dots and a page."""

    def step(draft: Draft) -> None:
        entries = [
            form.format(
                h=" ".join(part.heading).strip(),
                t=part.title,
                n=part.number,
                z=f"{part.number:03d}",
                c=chinese(part.number),
                u=draft.unit,
                p=f"{'.' * 12}{10 + 9 * i}",
            )
            for i, part in enumerate(draft.parts)
        ]
        rows = ["\u3000\u3000".join(entries[i : i + across]) for i in range(0, len(entries), across)]
        draft.contents = [word, *rows] if word else rows

    return step


def site(lines: int = 4, glued: int = 8, *, chapters: float = 1.0) -> Step:
    """Adverts of a download site: on lines of their own and glued into sentences, in a share of the chapters."""

    def step(draft: Draft) -> None:
        whole, pieces = marked_adverts()
        for part in draft.each:
            if draft.rng.random() > chapters or len(part.dirty) < 3:
                continue
            for _ in range(draft.rng.randint(0, lines)):
                advert = _other_domain(draft.rng.choice(whole), draft.rng)
                part.dirty.insert(draft.rng.choice((0, len(part.dirty), draft.rng.randrange(len(part.dirty)))), advert)
                draft.planted.append(advert)
            for _ in range(draft.rng.randint(0, glued)):
                advert = _other_domain(draft.rng.choice(pieces), draft.rng)
                i = draft.rng.randrange(len(part.dirty))
                line = part.dirty[i]
                if line not in part.paragraphs:  # one advert a line
                    continue
                marks = [found.end() for found in re.finditer("[，。！？；：”]", line)]
                at = draft.rng.choice(marks) if marks and draft.rng.random() < 0.8 else draft.rng.randint(0, len(line))
                part.dirty[i] = line[:at] + advert + line[at:]
                draft.planted.append(advert)

    return step


@cache
def marked_adverts() -> tuple[list[str], list[str]]:
    """The adverts marked by hand in the test data: whole lines, and pieces glued to sentences."""
    whole: list[str] = []
    pieces: list[str] = []
    for line in MARKED.read_text(encoding="utf-8").split("\n"):
        if "⟦" not in line or line.startswith("#"):
            continue
        rest = re.sub("⟦[^⟧]*⟧", "", line)
        found = re.findall("⟦([^⟧]*)⟧", line)
        if not rest:
            whole.append("".join(found))
        elif len(found) == 1 and len(found[0]) > 2:
            pieces.append(found[0])
    return whole, pieces


def _other_domain(advert: str, rng: random.Random) -> str:
    """The same advert of another site."""
    name = "".join(rng.choice("abcdefghklmqstwxyz") for _ in range(rng.randint(3, 7))) + str(rng.randint(2, 99))
    return re.sub(r"(?<=(?:www|wap)\.)[a-z0-9]{3,}(?=\.)|(?<=[\s（(：/]m\.)[a-z0-9]{3,}(?=\.)", name, advert)


def wrapped(width: int, *, blank: bool = False, indent: str = "\u3000\u3000") -> Step:
    """Lines broken at a width; no mark that may not begin a line does."""

    def step(draft: Draft) -> None:
        draft.indent = ""
        feed = "\n\n" if blank else "\n"
        for part in draft.each:
            part.dirty = [_wrap(indent + line, width, feed) for line in part.dirty]

    return step


def _wrap(line: str, width: int, feed: str) -> str:
    rows: list[str] = []
    while len(line) > width:
        cut = width
        while line[cut] in "，。！？；：、”’）》" and cut > width - 3:
            cut -= 1
        rows.append(line[:cut])
        line = line[cut:]
    return feed.join([*rows, line])


def layout(*, indent: str = "\u3000\u3000", between: str = "\n", line_end: str = "\n") -> Step:
    """How paragraphs are set."""

    def step(draft: Draft) -> None:
        draft.indent, draft.between, draft.line_end = indent, between, line_end

    return step


def traditional(config: str = "s2t") -> Step:
    """Written in traditional characters; the truth is what comes back when they are simplified."""

    def step(draft: Draft) -> None:
        import opencc

        there = opencc.OpenCC(config).convert
        back = opencc.OpenCC("tw2s").convert
        draft.everywhere(there)
        draft.planted = [there(advert) for advert in draft.planted]
        for part in {id(part): part for part in [*draft.parts, *draft.truth]}.values():
            part.paragraphs = [back(there(line)) for line in part.paragraphs]
            part.title = back(there(part.title))
        draft.simplify = True

    return step


def encoded(encoding: str, lacking: Callable[[str], str] = lambda c: "?") -> Step:
    """Stored in an encoding that lacks some characters."""

    def step(draft: Draft) -> None:
        draft.encoding, draft.lacking = encoding, lacking

    return step


def render(draft: Draft) -> str:
    """The text of the copy."""
    out: list[str] = [*draft.head, *draft.contents]
    for part in draft.parts:
        if part.volume:
            out.append(part.volume)
        body = [draft.indent + line for line in part.dirty]
        if part.glued:
            body[0] = part.heading[-1] + part.dirty[0]
            out += [*part.heading[:-1], draft.between.join(body)]
        else:
            out += [*part.heading, draft.between.join(body)]
    return draft.between.join([*out, *draft.tail]) + draft.line_end


def finish(draft: Draft) -> bytes:
    """The bytes of the copy."""
    text = render(draft).replace("\n", draft.line_end or "\n")
    if draft.spoil is not None:
        text = draft.spoil(text)
    if draft.lacking is None:
        return text.encode(draft.encoding, "surrogateescape")
    show: dict[str, str] = {}
    for c in set(text):
        try:
            c.encode(draft.encoding)
        except UnicodeEncodeError:
            show[c] = draft.lacking(c)
            if not show[c].startswith("&#"):
                draft.destroyed += text.count(c)
    for c, shown in show.items():
        text = text.replace(c, shown)
    return text.encode(draft.encoding, "replace")
