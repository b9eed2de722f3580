"""The stage `books`: files and folders in, `chapters.jsonl` out."""

import time
from pathlib import Path
from typing import Any

from shuoshu.books.book import Book, read_book
from shuoshu.books.chapter import write_chapters
from shuoshu.books.containers import Source
from shuoshu.books.sources import find_sources
from shuoshu.errors import UserError
from shuoshu.recipe import BooksOptions
from shuoshu.terminal import progress


def read_books(paths: list[str], out: Path, options: BooksOptions) -> dict[str, Any]:
    """Read every book under `paths` and write `out/chapters.jsonl`; returns the figures of the command.

    A file named in `paths` that holds no text raises UserError; one met in a folder is left aside and reported.
    """
    start = time.monotonic()
    sources, skipped = find_sources(paths)
    books: list[Book] = []
    with progress("reading", max(1, len(sources))) as bar:
        for i, source in enumerate(sources):
            try:
                books.append(read_book(source, simplify=options.simplify))
            except UserError as error:
                if source.explicit:
                    raise
                skipped.append((source.path, str(error)))
                bar.line(f"left aside: {error}")
            bar.update(i + 1, source.path.name)
    if not books:
        raise UserError(_nothing(paths, sources, skipped))
    write_chapters(out / "chapters.jsonl", [chapter for book in books for chapter in book.chapters])
    return {
        "books": [_figures(book) for book in books],
        "characters": sum(book.characters for book in books),
        "seconds": round(time.monotonic() - start, 3),
        "skipped": [{"file": str(path), "reason": reason} for path, reason in skipped],
    }


def _figures(book: Book) -> dict[str, Any]:
    return {
        "file": book.file,
        "title": book.title,
        "encoding": book.encoding,
        "volumes": book.volumes,
        "chapters": sum(chapter.number > 0 for chapter in book.chapters),
        "characters": book.characters,
        "characters_in": book.account.characters,
        "dropped": book.account.dropped,
        "rules": {name: vars(tally) | {"samples": tally.samples} for name, tally in book.account.rules.items()},
    }


def _nothing(paths: list[str], sources: list[Source], skipped: list[tuple[Path, str]]) -> str:
    where = ", ".join(paths)
    if not sources and not skipped:
        return f"{where}: no file in it; name a folder with books."
    return f"{where}: no text in any of {len(sources) + len(skipped)} files; name txt or EPUB files."
