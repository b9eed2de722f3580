"""The per-file function for frameworks that map over batches of rows: Hugging Face `datasets`, Ray Data, Spark.

They want a function that can be imported, from columns to columns (`benchmarks/books_datasets.py` shows it at work).
"""

from pathlib import Path
from typing import Any

from shuoshu.books.book import read_book
from shuoshu.books.reading.containers import Source
from shuoshu.errors import UserError

Columns = dict[str, list[Any]]
NAMES = ("file", "book", "number", "title", "text", "start", "dropped", "reason")


def read_files(batch: Columns) -> Columns:
    """A batch of sources (columns path, format, member) to a batch of chapters (`NAMES`)."""
    rows: list[tuple[Any, ...]] = []
    for path, form, member in zip(batch["path"], batch["format"], batch["member"], strict=True):
        source = Source(path=Path(path), format=form, explicit=False, member=member or None)
        try:
            book = read_book(source)
        except UserError as error:
            rows.append((source.name, "", -1, "", "", 0, 0, str(error)))
            continue
        dropped = book.account.dropped
        rows += [(source.name, c.book, c.number, c.title, c.text, c.start, dropped, "") for c in book.chapters]
    return {name: list(column) for name, column in zip(NAMES, zip(*rows, strict=True), strict=True)}
