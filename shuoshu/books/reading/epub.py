"""EPUB 2 and 3: chapters in spine order, titles from the navigation, read with the standard library and selectolax."""

import posixpath
import re
import zipfile
import zlib
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from shuoshu.books.account import Account
from shuoshu.books.reading.containers import open_archive, read_member
from shuoshu.books.reading.encoding import decode
from shuoshu.books.reading.extract import HEADING_MARK, Extract
from shuoshu.books.reading.html import html_text
from shuoshu.errors import UserError

_LONGEST_NAV = 2_000_000  # characters of a navigation document that are read
_NO_CHAPTER = re.compile(
    r"\s*(目\s*[录錄次]|封面|书名页|書名頁|版权.*|版權.*|扉页"
    r"|cover|(table of )?contents|copyright.*|title ?page)\s*",
    re.IGNORECASE,
)


def read_epub(data: bytes, name: str) -> Extract:
    """Read an EPUB. Raises UserError where the file is no EPUB, is protected, or unpacks to an absurd size."""
    try:
        with open_archive(data, name) as archive:
            return _read(name, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UserError(f"{name}: a damaged or protected EPUB ({error}); get another copy or convert it.") from error


def _read(file: str, archive: zipfile.ZipFile) -> Extract:
    names = {name.lower(): name for name in archive.namelist()}
    opf_name = _package_name(archive, names)
    if opf_name is None:
        raise UserError(f"{file}: not an EPUB (it names no package file); get another copy or convert it to txt.")
    opf = _xml(_bytes(archive, opf_name))
    folder = posixpath.dirname(opf_name)
    items = {item.get("id"): item for item in opf.iter() if _tag(item) == "item"}
    spine = [items[ref.get("idref")] for ref in opf.iter() if _tag(ref) == "itemref" and ref.get("idref") in items]
    if "META-INF/encryption.xml" in archive.namelist() and "META-INF/rights.xml" in archive.namelist():
        raise UserError(f"{file}: a protected EPUB (DRM); get a copy without protection.")
    titles = _titles(archive, names, folder, items)
    account = Account(0)
    parts: list[str] = []
    for item in spine:
        name = _member(names, folder, item.get("href", ""))
        if name is None or "nav" in (item.get("properties") or "").split():
            continue
        text = html_text(_page(archive, name), account)
        if text:
            parts.append(_marked(text, titles.get(name), account))
    account.characters -= bool(parts)  # n parts have n - 1 line feeds between them
    return Extract(
        text="\n".join(parts),
        title=next((e.text.strip() for e in opf.iter() if _tag(e) == "title" and e.text and e.text.strip()), ""),
        encoding="epub",
        marked=any(part.startswith(HEADING_MARK) for part in parts),
        account=account,
    )


def _package_name(archive: zipfile.ZipFile, names: dict[str, str]) -> str | None:
    container = names.get("meta-inf/container.xml")
    if container is not None:
        for element in _xml(_bytes(archive, container)).iter():
            if _tag(element) == "rootfile" and (name := names.get((element.get("full-path") or "").lower())):
                return name
    return next((name for name in archive.namelist() if name.lower().endswith(".opf")), None)


def _xml(data: bytes) -> ElementTree.Element:
    """Parse XML that may declare no entities: expansion bombs and reads of other files begin with a declaration."""
    text = decode(data).text.lstrip("\ufeff \r\n\t")
    head = re.sub(r"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", "", text[:4096], count=1, flags=re.DOTALL)
    text = head + text[4096:]
    text = re.sub(r"^<\?xml[^>]*\?>", "", text)
    text = re.sub(r"&(?!amp;|lt;|gt;|quot;|apos;|#)\w+;", " ", text)
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise zipfile.BadZipFile(f"its XML is broken: {error}") from error


def _titles(
    archive: zipfile.ZipFile, names: dict[str, str], folder: str, items: dict[str | None, ElementTree.Element]
) -> dict[str, str]:
    """The first title the navigation gives each file: EPUB 3 nav document, else EPUB 2 NCX."""
    titles: dict[str, str] = {}
    for item in items.values():
        name = _member(names, folder, item.get("href", ""))
        if name is None:
            continue
        base = posixpath.dirname(name)
        if "nav" in (item.get("properties") or "").split():
            found = _nav_titles(_page(archive, name))
        elif item.get("media-type") == "application/x-dtbncx+xml":
            found = _ncx_titles(_xml(_bytes(archive, name)))
        else:
            continue
        for href, title in found:
            target = _member(names, base, href)
            if target is not None and title and not _NO_CHAPTER.fullmatch(title):
                titles.setdefault(target, title)
    return titles


def _nav_titles(page: str) -> list[tuple[str, str]]:
    from selectolax.lexbor import LexborHTMLParser

    links = LexborHTMLParser(page[:_LONGEST_NAV]).css("nav a")
    return [(link.attributes.get("href") or "", " ".join(link.text().split())) for link in links]


def _ncx_titles(ncx: ElementTree.Element) -> list[tuple[str, str]]:
    found = []
    for point in ncx.iter():
        if _tag(point) != "navPoint":
            continue
        label = next((e.text or "" for e in point.iter() if _tag(e) == "text"), "")
        source = next((e.get("src") or "" for e in point.iter() if _tag(e) == "content"), "")
        found.append((source, " ".join(label.split())))
    return found


def _marked(text: str, title: str | None, account: Account) -> str:
    """A document's text with its heading marked; a heading that only the navigation has is put in front."""
    account.characters += len(text) + 1
    if title is None:
        return text
    first, feed, rest = text.partition("\n")
    if "".join(first.split()) == "".join(title.split()):
        return HEADING_MARK + text
    second, feed_2, rest_2 = rest.partition("\n")
    if feed and "".join((first + second).split()) == "".join(title.split()):  # 第一章 and its name on two lines
        account.note("headings", changed=1)
        return f"{HEADING_MARK}{first} {second}{feed_2}{rest_2}"
    account.note("headings", added=len(title) + 1, sample=title)
    return f"{HEADING_MARK}{title}\n{text}"


def _page(archive: zipfile.ZipFile, name: str) -> str:
    return decode(_bytes(archive, name)).text.replace(HEADING_MARK, "")


def _bytes(archive: zipfile.ZipFile, name: str) -> bytes:
    return read_member(Path(archive.filename or "the EPUB"), archive, archive.getinfo(name))


def _member(names: dict[str, str], folder: str, href: str) -> str | None:
    """The archive's own name for a link, or None for one that leads nowhere (or outside)."""
    target = posixpath.normpath(posixpath.join(folder, unquote(href.split("#")[0])))
    return names.get(target.lower())


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
