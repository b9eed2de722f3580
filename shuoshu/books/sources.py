"""Which files a list of paths means: folders walked in natural order, what is no book left aside and named."""

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from shuoshu.books.numerals import DIGITS, NUMERAL, UNITS, parse
from shuoshu.errors import UserError

FORMATS = {".txt": "text", ".text": "text", ".epub": "epub"}
"""Formats by file name; anything else is read as text, and refused where it is none."""

_NO_BOOK = re.compile(
    r"(readme|license|licence|copying|changelog|notice|thumbs\.db|desktop\.ini)(\..*)?", re.IGNORECASE
)
_NUMBERS = re.compile(rf"({NUMERAL}+)")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to read."""

    path: Path
    format: str
    explicit: bool
    """Named by the user: without text in it, it is an error; inside a folder it is reported and skipped."""


def find_sources(paths: list[str]) -> tuple[list[Source], list[tuple[Path, str]]]:
    """The files `paths` mean, and (file, reason) of those left aside. Raises UserError for a path that is not there."""
    if not paths:
        raise UserError("No books given; name files or folders, or `demo` for the bundled book.")
    sources: list[Source] = []
    skipped: list[tuple[Path, str]] = []
    for name in paths:
        if name == "demo" and not Path(name).exists():
            sources.append(_source(demo_book(), explicit=True))
            continue
        path = Path(name).expanduser()
        if path.is_dir():
            _walk(path, path.resolve(), sources, skipped)
        elif path.is_file():
            sources.append(_source(path, explicit=True))
        elif path.exists() or path.is_symlink():
            raise UserError(f"{path} is no file that can be read; name a file or a folder of books.")
        else:
            raise UserError(f"{path} is not there; name a file or a folder of books, or `demo` for the bundled book.")
    return list({source.path.resolve(): source for source in reversed(sources)}.values())[::-1], skipped


def demo_book() -> Path:
    """The bundled novella, in the checkout or in the installed package."""
    folder = Path(str(resources.files("shuoshu.demo")))
    return next(folder.glob("*.txt"))


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which 第2回 comes before 第10回 and 第二回 before 第十回."""
    parts = _NUMBERS.split(name.lower())
    key: list[tuple[int, int, str]] = []
    for i, part in enumerate(parts):
        number = parse(part) if i % 2 else None
        if number is not None and (len(part) > 1 or part in DIGITS or part in UNITS):
            key.append((0, number, part))
        elif part:
            key.append((1, 0, part))
    return key


def _walk(folder: Path, root: Path, sources: list[Source], skipped: list[tuple[Path, str]]) -> None:
    try:
        children = sorted(folder.iterdir(), key=lambda child: natural_key(child.name))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}).") from error
    for child in children:
        if child.name.startswith("."):
            continue
        if child.is_symlink() and not child.resolve().is_relative_to(root):
            skipped.append((child, "a link out of the folder"))
        elif child.is_dir():
            if not child.is_symlink():  # a linked folder inside the folder is walked where it really stands
                _walk(child, root, sources, skipped)
        elif not child.is_file():
            skipped.append((child, "no ordinary file"))
        elif _NO_BOOK.fullmatch(child.name):
            skipped.append((child, "by its name no book"))
        else:
            sources.append(_source(child, explicit=False))


def _source(path: Path, *, explicit: bool) -> Source:
    return Source(path=path, format=FORMATS.get(path.suffix.lower(), "text"), explicit=explicit)
