"""Files made to take all time and memory: each is read or refused with one sentence, in seconds, within its bounds."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from shuoshu.books.book import read_book
from shuoshu.books.reading.containers import Source, archive_members
from shuoshu.errors import UserError

MEASURE = """
import sys, time
from pathlib import Path
from shuoshu.books.book import read_book
from shuoshu.books.sources import find_sources
from shuoshu.errors import UserError
try:
    for source in find_sources([sys.argv[1]])[0]:
        print(len(read_book(source).chapters[-1].text), end=" ")
except UserError as error:
    print(error, end=" ")
memory = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(f"\\n{time.process_time()} {int(memory) / 1024}")
"""


def measured(file: Path) -> tuple[str, float, float]:
    """What reading the file prints, the processor seconds and the MB of memory a process needs for it."""
    done = subprocess.run([sys.executable, "-c", MEASURE, file], capture_output=True, text=True, check=True)
    said, figures = done.stdout.rsplit("\n", 2)[:2]
    seconds, memory = map(float, figures.split())
    return said, seconds, memory


def zipped(kernel: bytes, members: int, *, epub: bool = False) -> bytes:
    """A zip whose members all are the one kernel of packed bytes: what it unpacks to grows with their number."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(kernel) + packer.flush()
    sizes = struct.pack("<LLL", zlib.crc32(kernel), len(packed), len(kernel))
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", 5, 0) + b"a.txt" + packed
    if epub:
        local = local.replace(b"a.txt", b"mimetype", 1)
    entries = b"".join(
        b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
        + struct.pack("<HHHHHLL", 10, 0, 0, 0, 0, 0, 0) + b"%06d.txt" % number
        for number in range(members)
    )  # fmt: skip
    end = struct.pack("<HHHHLLH", 0, 0, members, members, len(entries), len(local), 0)
    return local + entries + b"PK\5\6" + end


def pdf(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    body = bytearray(b"%PDF-1.7\n")
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(body) + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, trailer, len(body))
    )


def stream(data: bytes, keys: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), keys, data)


def pages_pdf(count: int, claimed: int | None = None) -> bytes:
    """A PDF of `count` pages with a head, a sentence and a number each; it says that it has `claimed`."""
    page = (
        b"BT /F1 12 Tf 72 700 Td (A book of rain) Tj 0 -40 Td (On day %d it fell on the town.) Tj 0 -40 Td (%d) Tj ET"
    )
    text = [stream(page % (n, n)) for n in range(count)]
    pages = [
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>" % (4 + n)
        for n in range(count)
    ]
    kids = b" ".join(b"%d 0 R" % (4 + count + n) for n in range(count))
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count %d/Kids[%s]>>" % (count if claimed is None else claimed, kids),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *text,
            *pages,
        ]
    )


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(zipped("第一回 雨夜\n他推开门，雨还在下。\n".encode() * 20_000, 20_000))
    assert file.stat().st_size < 2 << 20  # and would unpack to 20 GB
    said, seconds, memory = measured(file)
    assert said.count("overlap") == 1
    assert seconds < 5
    assert memory < 200


def test_one_member_of_such_an_archive_is_a_book(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(zipped("第一回 雨夜\n他推开门，雨还在下。\n".encode(), 1))
    assert len(archive_members(file)) == 1


def test_an_epub_whose_members_share_their_bytes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.epub"
    file.write_bytes(zipped(b"application/epub+zip" * 50_000, 3000, epub=True))
    said, seconds, memory = measured(file)
    assert "a.epub" in said
    assert seconds < 5
    assert memory < 200


def test_a_pdf_of_ten_thousand_pages(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 (extra `books`) is not installed")
    file = tmp_path / "a.pdf"
    file.write_bytes(pages_pdf(10_000))
    said, seconds, memory = measured(file)
    assert int(said) == sum(len(f"On day {n} it fell on the town.\n") for n in range(10_000))
    assert seconds < 20
    assert memory < 10 * file.stat().st_size / 1e6 + 200


@pytest.mark.parametrize("claimed", [100_000, 2**31 - 1, -5])
def test_a_pdf_that_claims_more_pages_than_it_has(tmp_path: Path, claimed: int) -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 (extra `books`) is not installed")
    file = tmp_path / "a.pdf"
    file.write_bytes(pages_pdf(3, claimed))
    said, seconds, memory = measured(file)
    assert said.strip().isdigit() or said.count("a.pdf") == 1
    assert seconds < 5
    assert memory < 200


def test_a_pdf_with_an_image_of_ten_thousand_million_dots(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 (extra `books`) is not installed")
    dots = zlib.compress(b"\0" * 1000)
    image = b"/Type/XObject/Subtype/Image/Width 100000/Height 100000/ColorSpace/DeviceRGB/BitsPerComponent 8"
    file = tmp_path / "a.pdf"
    resources = b"/Resources<</Font<</F1 3 0 R>>/XObject<</I 4 0 R>>>>"
    file.write_bytes(
        pdf(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Count 1/Kids[6 0 R]>>",
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
                stream(dots, image + b"/Filter/FlateDecode"),
                stream(b"q 500 0 0 500 0 0 cm /I Do Q BT /F1 12 Tf 72 700 Td (The rain fell all night.) Tj ET"),
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]%s/Contents 5 0 R>>" % resources,
            ]
        )
    )
    said, seconds, memory = measured(file)
    assert int(said) == len("The rain fell all night.\n")
    assert seconds < 5
    assert memory < 200


def test_a_pdf_with_a_password(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 (extra `books`) is not installed")
    lock = b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"41" * 32, b"42" * 32)
    file = tmp_path / "a.pdf"
    plain = pages_pdf(1)
    file.write_bytes(plain.replace(b"/Root 1 0 R", b"/Root 1 0 R" + lock))
    with pytest.raises(
        UserError, match=r"^\S*a\.pdf: a damaged or protected PDF \(.*[Pp]assword.*\); get another copy\.$"
    ):
        read_book(Source(path=file, format="pdf", explicit=True))
