"""Tables with a column of text: JSON Lines, CSV and Parquet. Every row is a piece of its own."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from shuoshu.books.account import Account
from shuoshu.books.reading.extract import HEADING_MARK, Extract
from shuoshu.errors import UserError

TEXT_COLUMNS = ("text", "content", "body", "正文", "内容", "文本", "passage", "article")
TITLE_COLUMNS = ("title", "chapter", "heading", "标题", "章节", "name")


def jsonl_extract(text: str, encoding: str, name: str) -> Extract:
    """JSON Lines, or a JSON list of records. Raises UserError naming the line that is not JSON."""
    return _extract(_json_records(text, name), encoding, name)


def csv_extract(text: str, encoding: str, name: str) -> Extract:
    """Comma- or tab-separated values with a header row."""
    csv.field_size_limit(1 << 30)
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    try:
        return _extract(csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter), encoding, name)
    except csv.Error as error:
        raise UserError(f"{name}: not a table of comma-separated values ({error}); save it as CSV again.") from error


def parquet_extract(data: bytes, name: str) -> Extract:
    """A Parquet file, read with pyarrow (extra `books`), a batch of rows at a time."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(f"{name}: reading Parquet needs pyarrow; run `pip install shuoshu[books]`.") from error
    try:
        table = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        wanted = [c for c in table.schema_arrow.names if c.lower() in (*TEXT_COLUMNS, *TITLE_COLUMNS)]
        rows = (row for batch in table.iter_batches(1000, columns=wanted) for row in batch.to_pylist())
        return _extract(rows, "parquet", name)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{name}: a damaged Parquet file ({str(error)[:100]}); get another copy.") from error


def _json_records(text: str, name: str) -> Iterator[Any]:
    text = text.lstrip("\ufeff")
    if text.lstrip()[:1] == "[":
        try:
            yield from json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise UserError(f"{name}: not valid JSON ({error}).") from error
        return
    for number, line in enumerate(_lines(text), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise UserError(f"{name}, line {number}: not valid JSON; mend or remove that line.") from error


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, one at a time: all of them at once would take twice the memory of the text."""
    at = 0
    while (feed := text.find("\n", at)) >= 0:
        yield text[at:feed]
        at = feed + 1
    yield text[at:]


def _extract(rows: Iterable[Any], encoding: str, name: str) -> Extract:
    parts: list[str] = []
    account = Account(0)
    for row in rows:
        text, title = _columns(row)
        if not text.strip():
            continue
        text = text.replace(HEADING_MARK, "")
        account.characters += len(text) + 1
        if title and title != text.lstrip().partition("\n")[0].strip():
            account.note("headings", added=len(title) + 1)
            parts.append(f"{HEADING_MARK}{title}\n{text}")
        else:
            parts.append((HEADING_MARK if title else 2 * HEADING_MARK) + text.lstrip("\n"))
            account.note("blank-lines", times=0, dropped=len(text) - len(text.lstrip("\n")))
    if not parts:
        raise UserError(f"{name}: no row with a text; name its column one of {', '.join(TEXT_COLUMNS)}.")
    account.characters -= 1
    return Extract(text="\n".join(parts), encoding=encoding, marked=True, account=account)


def _columns(row: Any) -> tuple[str, str]:
    """Text and title of a row; both empty where it has no text."""
    if isinstance(row, str):
        return row, ""
    if not isinstance(row, dict):
        return "", ""
    known = {key.lower(): value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
    text = next((known[column] for column in TEXT_COLUMNS if known.get(column)), "")
    title = next((known[column] for column in TITLE_COLUMNS if known.get(column)), "")
    return text, " ".join(title.replace(HEADING_MARK, "").split())[:100]
