"""The dirty copies of the corpus, cleaned, against the clean copies: a floor for each file."""

import importlib.util
from pathlib import Path

import pytest

from shuoshu.books.book import read_book
from shuoshu.books.reading.containers import Source

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "../shared/corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public-domain corpus is not beside the repository")
# Every 20th chapter is compared here; benchmarks/books.py compares all.
FLOORS = {
    "三侠五义.big5": 0.995,
    "三国演义.gb18030": 0.99,
    "水浒传.gb18030": 0.995,
    "水浒传.utf8": 0.85,  # another edition
    "聊斋志异.gb18030": 0.93,  # another edition, 160 characters described and not there
    "西游记.utf8-bom": 0.98,
    "西游记.utf8-丢": 0.93,  # the commas are lost
}


@pytest.mark.parametrize("name", FLOORS)
def test_floor(name: str) -> None:
    spec = importlib.util.spec_from_file_location("benchmarks_books", ROOT / "benchmarks/books.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    raw = next((CORPUS / "raw").glob(f"{name}*"))
    ours = read_book(Source(path=raw, format="text", explicit=True), simplify=True)
    theirs = read_book(Source(path=CORPUS / f"{ours.title}.txt", format="text", explicit=True))
    assert benchmark.likeness(ours.chapters, theirs.chapters, step=20) >= FLOORS[name]
