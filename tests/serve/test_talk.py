from pathlib import Path

import pytest

from shuoshu.answer.ask import Citation, Storyteller
from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.serve.talk import KEPT, Shown, Talk, Turn, in_passage


@pytest.fixture(scope="module")
def storyteller(recites: Path) -> Storyteller:
    return Storyteller(recites)


def test_a_citation_stands_in_its_passage(storyteller: Storyteller) -> None:
    chapters = {chapter.number: chapter for chapter in read_chapters(storyteller.run.chapters)}
    for question in ("虞照川的师父是谁？", "柏七娘的拐杖叫什么名字？", "照夜矶在什么位置？"):
        (citation,) = storyteller.ask([question])[0].citations
        shown = in_passage(citation, storyteller.index)
        assert shown.before + shown.after
        assert shown.before + citation.quote + shown.after in chapters[citation.chapter].text


def test_the_passage_with_most_on_both_sides_is_shown(storyteller: Storyteller) -> None:
    chapter: Chapter = read_chapters(storyteller.run.chapters)[3]
    start = len(chapter.text) // 2
    citation = _citation(chapter, start, start + 4)
    shown = in_passage(citation, storyteller.index)
    margins = [
        min(start - passage.start, passage.end - start - 4)
        for passage in storyteller.index.passages
        if passage.chapter == chapter.number
    ]
    assert min(len(shown.before), len(shown.after)) == max(margins)


def test_a_citation_no_passage_holds_stands_alone(storyteller: Storyteller) -> None:
    chapter = read_chapters(storyteller.run.chapters)[0]
    citation = _citation(chapter, 0, len(chapter.text))
    assert in_passage(citation, storyteller.index) == Shown(citation=citation)


def test_a_conversation_forgets_its_oldest_turns() -> None:
    talk = Talk()
    for place in range(KEPT + 5):
        talk.begin(Turn(question=str(place), mode="open"))
    assert [turn.question for turn in talk.turns] == [str(place) for place in range(5, KEPT + 5)]


def _citation(chapter: Chapter, start: int, end: int) -> Citation:
    quote = chapter.text[start:end]
    return Citation(book=chapter.book, chapter=chapter.number, title=chapter.title, start=start, end=end, quote=quote)
