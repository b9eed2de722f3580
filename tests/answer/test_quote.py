import time
import unicodedata
from pathlib import Path

import pytest

from shuoshu.answer.bank import find_evidence
from shuoshu.answer.index import Index, build_index
from shuoshu.answer.quote import best_quote, quote_at, rank_quotes
from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.books.stage import read_books
from shuoshu.evaluate.metrics import is_right
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question
from shuoshu.questions.stage import read_named
from shuoshu.recipe import BooksOptions, IndexOptions

DEMO = Path(__file__).resolve().parents[2] / "shuoshu" / "demo"
SHARED = Path(__file__).resolve().parents[2] / "../shared"


@pytest.fixture(scope="session")
def questions() -> list[Question]:
    return [q for q in read_questions(DEMO / "questions.test.jsonl") if q.level == "L3"]


def test_most_facts_of_the_text_are_quoted_right(novella_index: Index, questions: list[Question]) -> None:
    quotes = [best_quote(question.question, novella_index) for question in questions]
    right = sum(is_right(quote.text, q) for quote, q in zip(quotes, questions, strict=True) if quote is not None)
    assert right / len(questions) >= 0.8


def test_a_quotation_stands_where_it_says(
    novella: list[Chapter], novella_index: Index, questions: list[Question]
) -> None:
    chapters = {c.number: c for c in novella}
    for question in questions:
        for quote in rank_quotes(question.question, novella_index):
            chapter = chapters[quote.chapter]
            assert (quote.book, quote.title) == (chapter.book, chapter.title)
            assert chapter.text[quote.start : quote.end] == quote.text
            assert 0 < len(unicodedata.normalize("NFKC", quote.text)) <= 60


def test_quotations_come_best_first_and_once(novella_index: Index) -> None:
    quotes = rank_quotes("邵拙死前说了什么？", novella_index)
    assert [q.score for q in quotes] == sorted((q.score for q in quotes), reverse=True)
    assert len({(q.chapter, q.start, q.end) for q in quotes}) == len(quotes)
    assert best_quote("邵拙死前说了什么？", novella_index) == quotes[0]


def test_the_evidence_of_every_trained_question_can_be_quoted(novella_index: Index) -> None:
    """Some ends within a long sentence, and no window holds it whole."""
    whole = 0
    trained = [question for question in read_named("demo", "train") if question.level != "NA"]
    for question in trained:
        place = find_evidence(question, novella_index)
        assert place is not None
        quote = quote_at(place, question.key, {}, novella_index)
        assert quote is not None
        assert (quote.book, quote.chapter) == place[:2]
        assert quote.start < place[3]
        assert place[2] < quote.end
        held = quote.start <= place[2] and place[3] <= quote.end
        assert held or any(key in quote.text for key in question.key)
        whole += held
    assert 0.9 * len(trained) < whole < len(trained)


def test_nothing_known_is_nothing_quoted(novella_index: Index) -> None:
    assert best_quote("xyzzy?", novella_index) is None


def test_an_english_quotation(tmp_path: Path) -> None:
    text = "The hound was seen on the moor. Mr. Barrymore, the butler, held a candle at night. Nobody slept.\n"
    chapter = Chapter(book="Moor", number=1, title="", text=text, start=0)
    build_index([chapter], tmp_path / "index", IndexOptions())
    quote = best_quote("Who held the candle?", Index.open(tmp_path / "index"))
    assert quote is not None
    assert "Barrymore" in quote.text
    assert text[quote.start : quote.end] == quote.text


@pytest.mark.skipif(not (SHARED / "corpus").is_dir(), reason="the novels are not beside the repository")
def test_a_novel_is_searched_in_a_blink(tmp_path: Path) -> None:
    paths = [str(SHARED / "corpus" / "三国演义.txt")]
    read_books(paths, tmp_path, BooksOptions(paths=paths))
    build_index(read_chapters(tmp_path / "chapters.jsonl"), tmp_path / "index", IndexOptions())
    index = Index.open(tmp_path / "index")
    questions = read_questions(SHARED / "qa" / "sanguo.train.jsonl")[:80]
    seconds, found = [], 0
    for question in questions:
        started = time.perf_counter()
        quote = best_quote(question.question, index)
        seconds.append(time.perf_counter() - started)
        found += quote is not None and is_right(quote.text, question)
    # The median: on a busy machine single questions wait for others' work.
    assert sorted(seconds)[len(seconds) // 2] < 0.05
    assert found / len(questions) >= 0.25
