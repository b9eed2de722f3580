"""One file becomes one book: the function every way of running the stage calls, alone, in parallel or on a cluster."""

from collections import Counter
from dataclasses import dataclass, replace

from shuoshu.books.account import Account
from shuoshu.books.chapter import Chapter
from shuoshu.books.cleaning import rules
from shuoshu.books.reading import formats
from shuoshu.books.reading.containers import Source
from shuoshu.books.reading.extract import HEADING_MARK
from shuoshu.books.structure.counting import number_chapters
from shuoshu.books.structure.headings import Heading, parse_heading
from shuoshu.books.structure.outline import find_headings
from shuoshu.books.structure.titles import book_title, drop_title_page
from shuoshu.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Book:
    """A book read and cleaned, with the account of it."""

    file: str
    title: str
    encoding: str
    confidence: float
    volumes: int
    chapters: list[Chapter]
    account: Account

    @property
    def characters(self) -> int:
        """Characters of the clean text."""
        return sum(len(chapter.text) for chapter in self.chapters)


def read_book(source: Source, *, simplify: bool = False, skip: frozenset[str] = frozenset()) -> Book:
    """Read, clean and divide one file. Raises UserError where it is missing, unreadable or holds no text."""
    extract = formats.extract(source)
    account, marked = extract.account, extract.marked
    text = extract.text if marked else rules.heading_marks(extract.text, account)
    extract = replace(extract, text="")  # a book may be a gigabyte: one text of it at a time
    for rule in rules.chosen(rules.BEFORE, skip):
        text = rule(text, account)
    if simplify:
        text = rules.simplify(text, account)
    headings, text = _divide(text, marked=marked, contents="contents" not in skip, account=account)
    title = book_title(source.stem, extract.title, text)
    if "title-page" not in skip:
        text = drop_title_page(text, title, account)
    for rule in rules.chosen(rules.AFTER, skip):
        text = rule(text, account)
    if not text.strip(HEADING_MARK + "\n"):
        raise UserError(f"{source.name} holds no text; name a file with a book in it.")
    if not text.endswith("\n"):
        account.note("line-ends", added=1)
        text += "\n"
    chapters, volumes = _chapters(title, text, headings, account)
    account.balance(sum(len(chapter.text) for chapter in chapters))
    return Book(
        file=source.name,
        title=title,
        encoding=extract.encoding,
        confidence=extract.confidence,
        volumes=volumes,
        chapters=chapters,
        account=account,
    )


def _divide(text: str, *, marked: bool, contents: bool, account: Account) -> tuple[list[Heading], str]:
    """Mark the heading lines of a text; returns the headings, in order, and the text."""
    lines = text.split("\n")
    if marked:
        at = [i for i, line in enumerate(lines) if line.startswith(HEADING_MARK)]
        found = [(i, _known_heading(lines[i][1:])) for i in at]
        # Two marks begin a piece without a heading: the line is its text, and stays as it is.
    else:
        lines, places = find_headings(lines, account, contents=contents)
        found = [(place.line, place.heading) for place in places]
    for i, heading in found:
        if not heading.title:
            lines[i] = HEADING_MARK + lines[i].lstrip(HEADING_MARK)
            continue
        plain = lines[i].removeprefix(HEADING_MARK)
        if plain != heading.title:
            account.note("headings", dropped=len(plain) - len(heading.title), sample=plain)
        lines[i] = HEADING_MARK + heading.title
    return [heading for _, heading in found], "\n".join(lines)


def _known_heading(line: str) -> Heading:
    if line.startswith(HEADING_MARK):
        return Heading(kind="chapter", unit="", number=None, title="")
    title = " ".join(line.split())
    return parse_heading(title) or Heading(kind="chapter", unit="", number=None, title=title)


def _chapters(title: str, text: str, headings: list[Heading], account: Account) -> tuple[list[Chapter], int]:
    """Cut the marked text at its headings. A volume heading with little under it goes with the chapter that follows."""
    before, *bodies = text.split(HEADING_MARK)
    pieces: list[tuple[Heading | None, str, str]] = [(None, "", before)] if before else []
    carried = ""
    for i, (heading, body) in enumerate(zip(headings, bodies, strict=True)):
        if body.startswith("\n"):  # the line was dropped: it stood in the book already, or was an advert
            account.note("blank-lines", dropped=1)
            body = body[1:]
        if heading.kind == "volume" and len(body) < 200 and i < len(headings) - 1:
            carried += body
        elif carried + body:
            name = body.partition("\n")[0] if heading.title and bodies[i] == body else ""
            pieces.append((heading, name, carried + body))
            carried = ""
    numbers = iter(number_chapters([heading for heading, _, _ in pieces if heading is not None]))
    chapters: list[Chapter] = []
    start = 0
    for heading, name, body in pieces:
        number = next(numbers) if heading else (0 if headings else 1)
        chapters.append(Chapter(book=title, number=number, title=name, text=body, start=start))
        start += len(body)
    named = {heading.volume for heading in headings if heading.volume}
    alone = Counter(heading.title for heading in headings if heading.kind == "volume")
    return chapters, len(alone) or len(named)
