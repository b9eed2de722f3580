"""What a format reader hands on: a file's text, and what it knows beyond the text."""

from dataclasses import dataclass

from shuoshu.books.account import Account

HEADING_MARK = "\x01"
"""Begins a line known to be a heading. It is no character of the book and is counted nowhere."""


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The text of one file before cleaning."""

    text: str
    encoding: str
    """Encoding of a text file, else the name of the format."""
    account: Account
    """Opened by the reader: characters in, and what the format itself made it drop."""
    title: str = ""
    """Title from the file's metadata."""
    confidence: float = 1.0
    """Of the encoding, 0 to 1."""
    marked: bool = False
    """Headings are marked (`HEADING_MARK`), by the navigation of an EPUB, say; they need not be searched for."""
