"""The report a person reads: what came of each file, what was dropped and why, what looks wrong."""

from importlib import resources
from pathlib import Path
from typing import Any

from shuoshu.files import write_text


def write_report(path: Path, books: list[dict[str, Any]], skipped: list[dict[str, str]]) -> None:
    """Write the HTML report of the books described (`parts.describe`), one page with nothing from outside."""
    import jinja2

    template = resources.files("shuoshu.books").joinpath("report_template.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True)
    environment.filters["ord"] = ord
    books = [book | {"longest": max([length for _, _, length in book["table"]] or [1]) or 1} for book in books]
    deepest = max((len(book["problems"]) for book in books), default=0)
    # The worst of every book before the second-worst of any.
    problems = [
        (book["title"], Path(book["file"]).name, book["problems"][rank])
        for rank in range(min(deepest, 3))
        for book in books
        if rank < len(book["problems"])
    ]
    page = environment.from_string(template).render(books=books, problems=problems[:50], skipped=skipped)
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))
