"""Which files a list of paths means: folders walked in natural order, what is no book left aside and named."""

import re
from importlib import resources
from pathlib import Path, PurePath

from shuoshu.books.reading.containers import Source, archive_members, display_name
from shuoshu.books.reading.formats import BY_NAME, CONVERT
from shuoshu.books.structure.numerals import DIGITS, NUMERAL, UNITS, parse
from shuoshu.errors import UserError
from shuoshu.recipe import DEMO

_NO_BOOK = re.compile(
    r"(readme|license|licence|copying|changelog|notice|thumbs\.db|desktop\.ini)(\..*)?", re.IGNORECASE
)
_NUMBERS = re.compile(rf"({NUMERAL}+)")


def find_sources(paths: list[str]) -> tuple[list[Source], list[tuple[Path, str]]]:
    """The files `paths` mean, and (file, reason) of those left aside. Raises UserError for a path that is not there."""
    if not paths:
        raise UserError("No books given; name files or folders, or `demo` for the bundled book.")
    sources: list[Source] = []
    skipped: list[tuple[Path, str]] = []
    for name in paths:
        if name == DEMO and not Path(name).exists():
            _add(demo_book(), True, sources, skipped)
            continue
        path = Path(name).expanduser()
        if path.is_dir():
            _walk(path, path.resolve(), sources, skipped)
        elif path.is_file():
            _add(path, True, sources, skipped)
        elif path.exists() or path.is_symlink():
            raise UserError(f"{path} is no file that can be read; name a file or a folder of books.")
        else:
            raise UserError(f"{path} is not there; name a file or a folder of books, or `demo` for the bundled book.")
    return list({(source.path.resolve(), source.member): source for source in sources}.values()), skipped


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
        if child.is_symlink() and not _leads_inside(child, root):
            skipped.append((child, "a link out of the folder"))
        elif child.is_dir():
            if not child.is_symlink():  # a linked folder inside the folder is walked where it really stands
                _walk(child, root, sources, skipped)
        elif not child.is_file():
            skipped.append((child, "no ordinary file"))
        elif _NO_BOOK.fullmatch(child.name):
            skipped.append((child, "by its name no book"))
        else:
            _add(child, False, sources, skipped)


def _leads_inside(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        return False


def _add(path: Path, explicit: bool, sources: list[Source], skipped: list[tuple[Path, str]]) -> None:
    """Add a file, or the files in it where it is a zip archive."""
    try:
        if path.suffix.lower() in CONVERT:
            raise UserError(f"{path}: {path.suffix} files are not read; convert it to EPUB or txt (calibre does it).")
        if path.suffix.lower() != ".zip":
            sources.append(Source(path=path, format=_format(path.name), explicit=explicit))
            return
        members = sorted(archive_members(path), key=lambda info: natural_key(display_name(info.filename)))
        if explicit and not members:
            raise UserError(f"{path}: an empty archive; name one with books in it.")
        alone = explicit and len(members) == 1
        for info in members:
            name = info.filename
            if PurePath(name).suffix.lower() in (*CONVERT, ".zip", ".gz"):
                skipped.append((path / display_name(name), "a format to be unpacked or converted first"))
            else:
                sources.append(Source(path=path, format=_format(name), explicit=alone, member=name))
    except UserError as error:
        if explicit:
            raise
        skipped.append((path, str(error)))


def _format(name: str) -> str:
    name = name.lower().removesuffix(".gz")
    return BY_NAME.get(PurePath(name).suffix, "text")
