"""Bytes of a file, or of a file within a .zip or .gz, never more than a sane book can have.

Nothing is ever unpacked to the disk, so a path that climbs out of an archive leads nowhere.
"""

import gzip
import os
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

from shuoshu.errors import UserError
from shuoshu.files import reason

DENSEST = 100
"""Most bytes that may come out of one packed byte; text packs 3 to 1, a zip bomb 1000 to 1."""
HARMLESS = 4 << 20
"""Bytes that may come out of any archive, however small it is."""
LARGEST = 1 << 30
"""Most bytes of one file, unpacked; to read it takes six times as much memory."""


class Stream(Protocol):
    """What unpacks as it is read."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to read."""

    path: Path
    format: str
    """`text`, `epub`, `html`, `markdown`, `pdf`, `jsonl`, `csv`, `parquet`."""
    explicit: bool
    """Named by the user: without text in it, it is an error; inside a folder it is reported and skipped."""
    member: str | None = None
    """The file within `path`, where that is a zip archive."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        path = readable(self.path)
        return path if self.member is None else f"{path}!{display_name(self.member)}"

    @property
    def stem(self) -> str:
        """The file name without folders and without .gz."""
        name = (
            readable(self.path).rpartition("/")[2]
            if self.member is None
            else display_name(self.member).rpartition("/")[2]
        )
        return name[:-3] if name.lower().endswith(".gz") else name


def read_bytes(source: Source) -> bytes:
    """The content of a source, unpacked. Raises UserError where it cannot be read or unpacks to an absurd size."""
    try:
        if source.member is not None:
            with zipfile.ZipFile(source.path) as archive:
                return read_member(source.path, archive, archive.getinfo(source.member))
        if source.path.suffix.lower() == ".gz":
            with gzip.open(source.path) as stream:
                return _bounded(source.path, stream, source.path.stat().st_size)
        if (size := source.path.stat().st_size) > LARGEST:
            raise UserError(
                f"{source.path}: {size >> 20:,} MB, more than the {LARGEST >> 20:,} MB of a book; split it."
            )
        return source.path.read_bytes()
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _damaged(source.path, error) from error
        raise UserError(f"{source.path}: cannot be read ({reason(error)}).") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        raise _damaged(source.path, error) from error


def read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """One member of an archive. Raises UserError for a bomb, whatever size its header claims."""
    with archive.open(info) as stream:
        return _bounded(path, stream, info.compress_size)


def archive_members(path: Path) -> list[zipfile.ZipInfo]:
    """The files in a zip archive, but those of the system that packed it. Raises UserError for a broken one."""
    try:
        with zipfile.ZipFile(path) as archive:
            _apart(archive, path.stat().st_size)
            return [info for info in archive.infolist() if not info.is_dir() and not _hidden(info.filename)]
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def readable(path: Path) -> str:
    """A path as text: names on old disks may be in GBK or Big5, which Python hands on as half surrogates."""
    from shuoshu.books.reading.encoding import decode

    name = str(path)
    return name if name.isprintable() else "/".join(decode(os.fsencode(part)).text for part in name.split("/"))


def display_name(member: str) -> str:
    """A member's name, readable: old archives store GBK or Big5 bytes, which zipfile reads as cp437."""
    from shuoshu.books.reading.encoding import decode

    try:
        data = member.encode("cp437")
    except UnicodeEncodeError:
        return member
    return member if data.isascii() else decode(data).text


def open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    """An archive in memory. Raises zipfile.BadZipFile, and UserError where its sizes add up to a bomb."""
    archive = zipfile.ZipFile(BytesIO(data))
    _apart(archive, len(data))
    size = sum(info.file_size for info in archive.infolist())
    if size > LARGEST or size > max(HARMLESS, DENSEST * len(data)):
        raise _bomb(Path(name), size)
    return archive


def _bounded(path: Path, stream: Stream, packed: int) -> bytes:
    most = min(LARGEST, max(HARMLESS, DENSEST * packed))
    data = stream.read(most + 1)
    if len(data) > most:
        raise _bomb(path, most)
    return data


def _apart(archive: zipfile.ZipFile, size: int) -> None:
    """Raise zipfile.BadZipFile where members share their bytes, as in a bomb that unpacks one kernel many times."""
    if sum(info.compress_size for info in archive.infolist()) > size:
        raise zipfile.BadZipFile("its files overlap")


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/") if part not in (".", ".."))


def _bomb(path: Path, size: int) -> UserError:
    return UserError(
        f"{path}: unpacks to more than {size >> 20} MB, too much for a book; unpack it yourself if you trust it."
    )


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: damaged or protected ({error}); get another copy, or unpack it yourself.")
