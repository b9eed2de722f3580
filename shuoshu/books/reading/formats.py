"""From a source to its text: which reader a file needs, by its first bytes and its name."""

import re

from shuoshu.books.account import Account
from shuoshu.books.reading.containers import Source, read_bytes
from shuoshu.books.reading.encoding import decode, looks_binary
from shuoshu.books.reading.epub import read_epub
from shuoshu.books.reading.extract import HEADING_MARK, Extract
from shuoshu.books.reading.html import html_text, page_title
from shuoshu.books.reading.markdown import markdown_extract
from shuoshu.books.reading.pdf import pdf_extract
from shuoshu.books.reading.tables import csv_extract, jsonl_extract, parquet_extract
from shuoshu.errors import UserError

BY_NAME = {
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    ".epub": "epub",
    ".pdf": "pdf",
    ".parquet": "parquet",
}
"""Formats by the end of the file name; anything else is read as text, and refused where it is none."""

CONVERT = frozenset({".mobi", ".azw", ".azw3", ".doc", ".docx", ".rtf", ".chm", ".djvu", ".umd", ".lit"}) | {
    *(".rar", ".7z", ".tar", ".xz", ".bz2"),
}
"""Formats to be converted first."""

_ANYTHING = re.compile(rb"[^\0 \t\r\n]")
_HTML = re.compile(r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!DOCTYPE\s+html|<html\b)", re.IGNORECASE)


def extract(source: Source) -> Extract:
    """Read a source. Raises UserError where it is empty, binary, damaged, or of a format to be converted first."""
    data = read_bytes(source)
    if not _ANYTHING.search(data):
        raise UserError(f"{source.name} is empty; name a file with a book in it.")
    form = _sniffed(data) or source.format
    if form == "epub":
        return read_epub(data, source.name)
    if form == "pdf":
        return pdf_extract(data, source.name)
    if form == "parquet":
        return parquet_extract(data, source.name)
    decoded = decode(data)
    del data  # it may be a gigabyte
    if looks_binary(decoded.text):
        raise UserError(f"{source.name} is no text file; convert it to txt or EPUB first.")
    text, encoding = decoded.text, decoded.encoding
    if form == "jsonl":
        return jsonl_extract(text, encoding, source.name)
    if form == "csv":
        return csv_extract(text, encoding, source.name)
    if form == "markdown":
        return markdown_extract(text, encoding)
    if form == "html" or _HTML.match(text[:1000].lstrip("\ufeff")):
        return _html(text, encoding)
    return Extract(text=text, encoding=encoding, confidence=decoded.confidence, account=Account(len(text)))


def _sniffed(data: bytes) -> str | None:
    """The format where the first bytes say it, whatever the file is called."""
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith(b"PK\x03\x04") and b"application/epub+zip" in data[:200]:
        return "epub"
    return None


def _html(page: str, encoding: str) -> Extract:
    account = Account(0)
    page = page.replace(HEADING_MARK, "")
    text = html_text(page, account)
    account.characters += len(text)
    return Extract(text=text, encoding=encoding, title=page_title(page), account=account)
