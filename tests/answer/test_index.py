import json
import math
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from shuoshu.answer import index as index_module
from shuoshu.answer.index import Index, build_index
from shuoshu.answer.terms import KINDS, bare, terms
from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.recipe import IndexOptions


def chapter(book: str, text: str, number: int = 1) -> Chapter:
    return Chapter(book=book, number=number, title="", text=text, start=0)


def brute_scores(index: Index, query: str) -> list[float]:
    """BM25 with Lucene's idf, written from the formula (Robertson & Zaragoza 2009, and Lucene's ln(1 + …))."""
    scores = [0.0] * len(index.passages)
    for kind in KINDS:
        documents = [Counter(terms(passage.text)[kind]) for passage in index.passages]
        mean = sum(document.total() for document in documents) / len(documents)
        for term in terms(bare(query, index.books))[kind]:
            having = sum(term in document for document in documents)
            idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
            for place, document in enumerate(documents):
                length = 1 - index_module.B + index_module.B * document.total() / mean
                tf = document[term] / (document[term] + index_module.K1 * length)
                scores[place] += index_module.WEIGHTS[kind] * idf * tf
    return scores


@pytest.mark.parametrize("query", ["邵拙的灯铺开在折柳镇的什么位置？", "谁教了虞照川剑法", "铁橹帮"])
def test_scores_are_those_of_the_formula(novella_index: Index, query: str) -> None:
    brute = brute_scores(novella_index, query)
    hits = novella_index.search(query, 10)
    places = [novella_index.passages.index(hit.passage) for hit in hits]
    np.testing.assert_allclose([hit.score for hit in hits], [brute[place] for place in places], rtol=1e-4)
    assert sorted(brute, reverse=True)[9] == pytest.approx(hits[-1].score, rel=1e-4)


def test_passages_lie_in_their_chapters(novella: list[Chapter], novella_index: Index) -> None:
    texts = {(c.book, c.number): c.text for c in novella}
    for passage in novella_index.passages:
        assert texts[passage.book, passage.chapter][passage.start : passage.end] == passage.text


def test_a_title_limits_the_search_to_its_book(tmp_path: Path) -> None:
    chapters = [chapter("甲书", "王五在此。"), chapter("乙书", "王五在彼。"), chapter("甲书", "王五又来。", 2)]
    build_index(chapters, tmp_path / "index", IndexOptions())
    index = Index.open(tmp_path / "index")
    assert index.books == ["甲书", "乙书"]
    assert {hit.passage.book for hit in index.search("王五是谁？", 9)} == {"甲书", "乙书"}
    assert [hit.passage.text for hit in index.search("《乙书》里王五是谁？", 9)] == ["王五在彼。"]
    assert len(index.search("《乙书》和《甲书》里的王五", 9)) == 3
    assert len(index.search("《丙书》里的王五", 9)) == 3


def test_ties_go_to_the_earlier_passage(tmp_path: Path) -> None:
    build_index([chapter("书", "王五在此。", n) for n in range(1, 30)], tmp_path / "index", IndexOptions())
    hits = Index.open(tmp_path / "index").search("王五", 7)
    assert [hit.passage.chapter for hit in hits] == [1, 2, 3, 4, 5, 6, 7]
    assert len({hit.score for hit in hits}) == 1


@pytest.mark.parametrize("query", ["", "？？", "xyzzy", "\ud83d\ude00", "囧囧"])
def test_no_known_term_finds_nothing(novella_index: Index, query: str) -> None:
    assert novella_index.search(query, 5) == []


def test_english_books(tmp_path: Path) -> None:
    text = "The hound was seen near the hall.\nMr. Barrymore, the butler, walked at night with a candle.\n"
    build_index([chapter("Moor", text)], tmp_path / "index", IndexOptions(passage=60))
    index = Index.open(tmp_path / "index")
    assert index.search("Who was the BUTLER?", 1)[0].passage.text.startswith("Mr. Barrymore")
    assert index.search("butl", 1) == []


def test_building_twice_gives_the_same_bytes(novella: list[Chapter], novella_folder: Path, tmp_path: Path) -> None:
    build_index(novella, tmp_path / "index", IndexOptions())
    files = sorted(path.relative_to(novella_folder) for path in novella_folder.rglob("*") if path.is_file())
    assert not [file for file in files if file.suffix == ".pkl"]
    for file in files:
        if file.name != "index.json":  # holds the seconds it took
            assert (tmp_path / "index" / file).read_bytes() == (novella_folder / file).read_bytes()


def test_figures(novella: list[Chapter], tmp_path: Path) -> None:
    figures = build_index(novella, tmp_path / "index", IndexOptions())
    assert figures["passages"] == len(Index.open(tmp_path / "index").passages)
    assert figures["books"] == 1
    assert figures["characters"] == sum(len(c.text) for c in novella)


@pytest.mark.parametrize("text", [" \n", "", "……\n——"])
def test_books_without_text_leave_the_old_index_as_it_was(text: str, tmp_path: Path) -> None:
    build_index([chapter("书", "王五在此。")], tmp_path / "index", IndexOptions())
    with pytest.raises(UserError, match="no text"):
        build_index([chapter("书", text)], tmp_path / "index", IndexOptions())
    assert len(Index.open(tmp_path / "index").search("王五", 5)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.filterwarnings("error")
def test_a_book_of_one_character(tmp_path: Path) -> None:
    build_index([chapter("书", "王。")], tmp_path / "index", IndexOptions())
    assert [hit.passage.text for hit in Index.open(tmp_path / "index").search("王五", 5)] == ["王。"]


@pytest.mark.parametrize("options", [IndexOptions(passage=0), IndexOptions(window=0), IndexOptions(passage=50)])
def test_options_without_sense(options: IndexOptions, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"index\.window"):
        build_index([chapter("书", "王五在此。")], tmp_path / "index", options)
    assert not list(tmp_path.iterdir())


def test_a_missing_index(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no search index"):
        Index.open(tmp_path / "index")


def damage_format(folder: Path) -> None:
    head = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    (folder / "index.json").write_text(json.dumps({**head, "format": -1}), encoding="utf-8")


def damage_passages(folder: Path) -> None:
    lines = (folder / "passages.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "passages.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")


def damage_record(folder: Path) -> None:
    (folder / "passages.jsonl").write_text('{"book": "书"}\n', encoding="utf-8")


def damage_arrays(folder: Path) -> None:
    next((folder / "pairs").glob("data*.npy")).write_bytes(b"\x93NUMPY")


def damage_vocabulary(folder: Path) -> None:
    next((folder / "words").glob("vocab*.json")).unlink()


DAMAGES = [damage_format, damage_passages, damage_record, damage_arrays, damage_vocabulary]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_broken_index_is_one_clear_sentence(
    damage: Callable[[Path], None], novella_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    shutil.copytree(novella_folder, folder)
    damage(folder)
    with pytest.raises(UserError, match=r"index.*make it again"):
        Index.open(folder)


def test_threads_find_what_one_finds(novella_index: Index) -> None:
    queries = ["邵拙的灯铺", "虞照川的剑叫什么", "铁橹帮的规矩", "闻人肃多少岁"] * 20
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda q: novella_index.search(q, 5), queries)) == [
            novella_index.search(q, 5) for q in queries
        ]


class StandIn:
    """A model as sentence-transformers gives it, that knows one thing: 先生 means what 师父 means."""

    LIKE = (("先生", "师父"),)
    WORDS = ("师父", "剑", "茶", "灯", "雪")

    def __init__(self, name: str, **_: object) -> None:
        if "absent" in name:
            raise OSError(f"{name} is no model")

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        for word, meaning in self.LIKE:
            texts = [text.replace(word, meaning) for text in texts]
        vectors = np.array([[word in text for word in self.WORDS] for text in texts], dtype=np.float32) + 0.01
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def embedding_library(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)


TAUGHT = [
    chapter("书", text, number)
    for number, text in enumerate(("他的师父姓邵。", "他的剑很旧。", "他的茶凉了。", "他的灯灭了。"), 1)
]


def test_an_embedding_model_finds_what_words_do_not(tmp_path: Path, embedding_library: None) -> None:
    build_index(TAUGHT, tmp_path / "words", IndexOptions())
    build_index(TAUGHT, tmp_path / "both", IndexOptions(embedding_model="a/model"))
    question = "先生是哪位"
    assert not Index.open(tmp_path / "words").search(question, 1)  # not a word of it stands in the book
    index = Index.open(tmp_path / "both")
    found = index.search(question, 4)
    assert found[0].passage.text == "他的师父姓邵。"
    # Both orders count alike: where words and meaning point to different passages, both come before all others.
    assert {hit.passage.text for hit in index.search("先生的茶", 2)} == {"他的师父姓邵。", "他的茶凉了。"}
    ranked = index.search("先生的茶", 4)
    assert [hit.score for hit in ranked] == sorted((hit.score for hit in ranked), reverse=True)
    assert ranked[-1].score > 0  # the last of both orders counts a little too


def test_an_embedding_model_that_is_not_there_is_named(tmp_path: Path, embedding_library: None) -> None:
    with pytest.raises(UserError, match=r"absent/model .index\.embedding_model.*not on this machine"):
        build_index(TAUGHT, tmp_path / "index", IndexOptions(embedding_model="absent/model"))
    assert not (tmp_path / "index").exists()
    build_index(TAUGHT, tmp_path / "index", IndexOptions(embedding_model="a/model"))
    np.save(tmp_path / "index" / index_module.VECTORS, np.zeros((1, 5), dtype=np.float16))
    with pytest.raises(UserError, match="vectors are missing"):
        Index.open(tmp_path / "index")
