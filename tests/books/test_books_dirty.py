"""Copies made dirty on purpose, of some kinds that people have, against the book they were made of.

All kinds, over a hundred, and all works: benchmarks/books_dirty.py.
"""

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from shuoshu.books.sources import demo_book

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "../shared/corpus"
FLOORS = {
    "big5 ?": 0.998,
    "one line, wide gaps": 0.998,
    "one line, contents": 0.998,
    "traditional gbk, contents": 0.998,
    "stand-ins all, many, site": 0.99,
    "heading + first sentence, space": 0.998,
}
"""Least likeness of the cleaned copy to the clean book, by the kind of dirt."""


@pytest.fixture(scope="module")
def dirty() -> ModuleType:
    pytest.importorskip("opencc", reason="opencc (extra `books`) is not installed")
    spec = importlib.util.spec_from_file_location("benchmarks_books_dirty", ROOT / "benchmarks/books_dirty.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("work", ["澹江七灯录", "儒林外史"])
@pytest.mark.parametrize("kind", FLOORS)
def test_floor(dirty: ModuleType, tmp_path: Path, kind: str, work: str) -> None:
    file = demo_book() if work == demo_book().stem else CORPUS / f"{work}.txt"
    if not file.is_file():
        pytest.skip("the public-domain corpus is not beside the repository")
    draft = dirty.read_clean(file, random.Random(f"{kind} {work}"))
    score = dirty.measure(draft, dirty.CHINESE[kind], folder=tmp_path, stem=work, step=12)
    assert score.found == score.chapters
    assert score.numbers == 1
    assert score.titles >= 0.85  # a lost character may be in one
    assert score.likeness >= FLOORS[kind]
    assert score.adverts >= 0.85  # stand-ins stand in adverts too
