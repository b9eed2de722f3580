"""The report a person reads: what came of each file, what was dropped and why, what looks wrong."""

from importlib import resources
from pathlib import Path
from typing import Any

from shuoshu.files import write_text

_EACH = 3  # problems of one book in the list of all
_ALL = 50


def write_report(path: Path, books: list[dict[str, Any]], skipped: list[dict[str, str]]) -> None:
    """Write the HTML report of the books described (`parts.describe`), one page with nothing from outside."""
    import jinja2

    template = resources.files("shuoshu.books").joinpath("report_template.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True)
    environment.filters["ord"] = ord
    books = [book | {"longest": max([length for _, _, length in book["table"]] or [1]) or 1} for book in books]
    page = environment.from_string(template).render(books=books, problems=worst(books), skipped=skipped)
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))


def worst(books: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The problems of all books, the worst first, a few of each: title, file name and sentence.

    Of a book left out as a copy only that is told.
    """
    found = [
        (rank, book["title"], Path(book["file"]).name, sentence)
        for book in books
        for rank, sentence in book["problems"][: 1 if "duplicate_of" in book else _EACH]
    ]
    return [problem[1:] for problem in sorted(found, key=lambda problem: problem[0])[:_ALL]]
