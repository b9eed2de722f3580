"""EPUB files written here with the standard library, read back by the stage's reader."""

import zipfile
from pathlib import Path

import pytest

from shuoshu.books.book import read_book
from shuoshu.books.reading.containers import Source
from shuoshu.errors import UserError

CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
OPF = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>《灯下集》</dc:title></metadata>
<manifest><item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="x" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="a" href="a%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine toc="x"><itemref idref="b"/><itemref idref="a"/></spine></package>"""
NAV = """<html xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol>
<li><a href="b.xhtml">考城隍</a></li><li><a href="a%20b.xhtml#x">第二章 归</a></li></ol></nav></body></html>"""
NCX = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://x/y.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>考城隍</text></navLabel><content src="b.xhtml"/></navPoint>
<navPoint><navLabel><text>第二章 归</text></navLabel><content src="a%20b.xhtml#x"/></navPoint></navMap></ncx>"""
FIRST = """<html><head><style>p{}</style><script>x()</script></head><body><h2>考城隍</h2>
<p>予姊丈之<ruby>祖<rt>zu</rt></ruby>，宋公讳焘<sup>[1]</sup>。</p></body></html>"""
SECOND = "<html><body><p>他回来了。</p><p>雨停了，<b>灯</b>还亮着。</p></body></html>"


def write(path: Path, **changed: str | None) -> Source:
    members = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": OPF,
        "OEBPS/nav.xhtml": NAV,
        "OEBPS/toc.ncx": NCX,
        "OEBPS/b.xhtml": FIRST,
        "OEBPS/a b.xhtml": SECOND,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            content = changed.get(name.rpartition("/")[2].replace(".", "_"), content)
            if content is not None:
                archive.writestr(name, content)
    return Source(path=path, format="epub", explicit=True)


@pytest.mark.parametrize("without", ["nav_xhtml", "toc_ncx"])
def test_spine_order_titles_and_notes(tmp_path: Path, without: str) -> None:
    book = read_book(write(tmp_path / "a.epub", **{without: None}))
    assert book.title == "灯下集"
    assert [(c.number, c.title, c.text) for c in book.chapters] == [
        (1, "考城隍", "考城隍\n予姊丈之祖，宋公讳焘。\n"),
        (2, "第二章 归", "第二章 归\n他回来了。\n雨停了，灯还亮着。\n"),
    ]
    assert book.account.rules["ruby"].dropped == len("zu")
    assert book.account.rules["note-marks"].dropped == len("[1]")


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    opf = OPF.replace("?>", f'?><!DOCTYPE package [<!ENTITY e SYSTEM "file://{secret}">]>', 1)
    book = read_book(write(tmp_path / "a.epub", content_opf=opf.replace("《灯下集》", "灯&e;")))
    assert "SECRET" not in book.title


def test_zip_bomb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unpacks to"):
        read_book(write(tmp_path / "a.epub", b_xhtml="灯" * (20 << 20)))


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "a.epub")
    data = source.path.read_bytes()
    source.path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="damaged"):
        read_book(source)
