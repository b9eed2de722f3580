"""PDF with a text layer, read with pypdfium2 (extra `books`). Scanned pages have none: they need OCR first."""

import contextlib
from collections import Counter

from shuoshu.books.account import Account
from shuoshu.books.reading.extract import HEADING_MARK, Extract
from shuoshu.errors import UserError

PAGES = 20_000
"""Most pages read; a file that claims more is refused."""


def pdf_extract(data: bytes, name: str) -> Extract:
    """The text of a PDF, running heads and page numbers left out."""
    try:
        import pypdfium2
    except ImportError as error:
        raise UserError(f"{name}: reading PDF needs pypdfium2; run `pip install shuoshu[books]`.") from error
    try:
        with pypdfium2.PdfDocument(data) as document:
            if len(document) > PAGES:
                raise UserError(f"{name}: claims {len(document):,} pages, too many for a book; split it.")
            pages = [_page(document, number) for number in range(len(document))]
            title = document.get_metadata_dict(skip_empty=True).get("Title", "")
    except pypdfium2.PdfiumError as error:
        raise UserError(f"{name}: a damaged or protected PDF ({error}); get another copy.") from error
    text = "\n".join(pages)
    if not text.strip():
        raise UserError(f"{name}: a PDF without a text layer (scanned pages); run OCR on it first.")
    account = Account(len(text))
    lines = text.split("\n")
    lines = account.drop_lines("running-heads", lines, _running(pages))
    return Extract(text="\n".join(lines), encoding="pdf", title=title, account=account)


def _page(document, number: int) -> str:
    with contextlib.closing(document[number]) as page, contextlib.closing(page.get_textpage()) as layer:
        text = layer.get_text_bounded()
    return text.replace("\r\n", "\n").replace(HEADING_MARK, "").strip("\n")


def _running(pages: list[str]) -> set[int]:
    """Line numbers of what stands first or last on many pages alike, its digits apart, and of bare page numbers."""
    ends: list[tuple[int, str]] = []
    at = 0
    for page in pages:
        lines = page.split("\n")
        for i in {0, len(lines) - 1}:
            if lines[i].strip():
                ends.append((at + i, "".join(c for c in lines[i] if not c.isdigit()).strip(" \t-—·")))
        at += len(lines)
    counts = Counter(text for _, text in ends)
    often = max(3, 0.2 * len(pages))
    return {line for line, text in ends if not text or counts[text] >= often}
