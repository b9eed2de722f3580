"""One book read is one part file, so that a stage killed or run again reads only what it has not read.

A part is named by a hash of everything it depends on: the file's bytes, the options, and the code of this package.
Its first line describes the book, every further line is a chapter.
"""

import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shuoshu.books.book import Book, read_book
from shuoshu.books.chapter import Chapter
from shuoshu.books.editions import signature
from shuoshu.books.problems import find_problems, odd_characters
from shuoshu.books.reading.containers import Source
from shuoshu.errors import UserError
from shuoshu.files import hash_file, hash_json, reason, write_jsonl

EDGE = 8
"""Paragraphs at either end of a book that are compared with those of other books."""


def read_part(source: Source, folder: Path, simplify: bool, skip: frozenset[str]) -> dict[str, Any]:
    """Read a source into its part, unless it is there; returns its description. Raises UserError like `read_book`."""
    try:
        content = hash_file(source.path)
    except OSError as error:
        raise UserError(f"{source.path}: cannot be read ({reason(error)}).") from error
    key = hash_json([content, source.member, source.stem, source.format, simplify, sorted(skip), _code()])[:32]
    path = folder / f"{key}.jsonl"
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            return json.loads(file.readline()) | {"file": source.name, "part": path.name}
    book = read_book(source, simplify=simplify, skip=skip)
    record = describe(book) | {"part": path.name}
    write_jsonl(path, (record, *(asdict(chapter) for chapter in book.chapters)))
    return record


def part_chapters(path: Path) -> Iterator[Chapter]:
    """The chapters of a part, one at a time."""
    with path.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            yield Chapter(**json.loads(line))


def describe(book: Book) -> dict[str, Any]:
    """All that the report says of a book, and what is needed to compare it with others."""
    text = "".join(chapter.text for chapter in book.chapters)
    paragraphs = [line for line in text.split("\n") if line]
    return {
        "file": book.file,
        "title": book.title,
        "encoding": book.encoding,
        "confidence": book.confidence,
        "volumes": book.volumes,
        "chapters": sum(chapter.number > 0 for chapter in book.chapters),
        "characters": book.characters,
        "characters_in": book.account.characters,
        "dropped": book.account.dropped,
        "added": book.account.added,
        "rules": {name: asdict(tally) for name, tally in sorted(book.account.rules.items())},
        "problems": find_problems(book.chapters, book.account, book.confidence),
        "odd": odd_characters(book.chapters),
        "table": [[chapter.number, chapter.title, len(chapter.text)] for chapter in book.chapters],
        "gaps": text.count("□") + text.count("\ufffd"),
        "edges": [line for line in dict.fromkeys([*paragraphs[:EDGE], *paragraphs[-EDGE:]]) if 8 <= len(line) <= 200],
        "signature": signature(text),
    }


@functools.cache
def _code() -> str:
    """Hash of this package's code: another version reads again."""
    modules = sorted(file for file in Path(__file__).parent.rglob("*") if file.suffix in (".py", ".txt"))
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()
