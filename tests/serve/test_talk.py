import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import pytest
from page_runs import ENDLESS, RECITED

from shuoshu.answer.ask import Citation, Storyteller
from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.recipe import Sampling
from shuoshu.serve.narrator import Narrator
from shuoshu.serve.page.talk import in_passage, listened, ticking, whole

QUESTION = "虞照川的师父是谁？"


@pytest.fixture(scope="module")
def storyteller(recites: Path) -> Storyteller:
    return Storyteller(recites)


def test_a_citation_stands_in_its_passage(storyteller: Storyteller) -> None:
    chapters = {chapter.number: chapter for chapter in read_chapters(storyteller.run.chapters)}
    for question in (QUESTION, "柏七娘的拐杖叫什么名字？", "照夜矶在什么位置？"):
        citation = storyteller.ask([question])[0].citations[0]
        before, after = in_passage(citation, storyteller.index)
        assert before + after
        assert before + citation.quote + after in chapters[citation.chapter].text


def test_the_passage_with_most_on_both_sides_is_shown(storyteller: Storyteller) -> None:
    chapter: Chapter = read_chapters(storyteller.run.chapters)[3]
    start = len(chapter.text) // 2
    before, after = in_passage(_citation(chapter, start, start + 4), storyteller.index)
    margins = [
        min(start - passage.start, passage.end - start - 4)
        for passage in storyteller.index.passages
        if passage.chapter == chapter.number
    ]
    assert min(len(before), len(after)) == max(margins)


def test_a_citation_no_passage_holds_stands_alone(storyteller: Storyteller) -> None:
    chapter = read_chapters(storyteller.run.chapters)[0]
    assert in_passage(_citation(chapter, 0, len(chapter.text)), storyteller.index) == ("", "")


def test_an_answer_grows_to_its_end(recites: Path) -> None:
    narrator = Narrator(name="灯录", storyteller=Storyteller(recites))

    async def listen(mode: str) -> list[dict]:
        return [said async for said in listened(narrator, QUESTION, mode, Sampling())]  # type: ignore[arg-type]

    *before, last = asyncio.run(listen("closed"))
    assert last["state"] == "done"
    assert last["text"] == last["answer"]["answer"] == RECITED
    texts = [said.get("text", "") for said in before]
    assert all(later.startswith(earlier) for earlier, later in pairwise([*texts, RECITED]))
    assert {said["state"] for said in before} <= {"waiting", "writing"}
    told = asyncio.run(listen("open"))[-1]["answer"]
    assert told == asyncio.run(whole(narrator, QUESTION, "open", Sampling())) | {"seconds": told["seconds"]}
    assert len(told["passages"]) == len(told["citations"]) > 0
    narrator.close()


def test_who_stops_listening_frees_the_model(endless: Path) -> None:
    narrator = Narrator(name="endless", storyteller=Storyteller(endless))

    async def leave() -> str:
        async with aclosing(listened(narrator, QUESTION, "closed", Sampling(max_new_tokens=500))) as said:
            async for each in said:
                if each["state"] == "writing":
                    assert narrator.busy == 1
                    return each["text"]
        raise AssertionError("nothing was written")

    assert (ENDLESS * 100).startswith(asyncio.run(leave()))
    narrator.scheduler.close(drain_seconds=0.0)  # waits for the thread, which the cancelled text does not hold up
    assert narrator.busy == 0
    narrator.close()


def test_silence_is_told_and_nothing_lost() -> None:
    async def slow() -> AsyncGenerator[int, None]:
        for number in range(3):
            await asyncio.sleep(0.05 * number)
            yield number

    async def listen() -> list[int | None]:
        return [part async for part in ticking(slow(), 0.02)]

    heard = asyncio.run(listen())
    assert [part for part in heard if part is not None] == [0, 1, 2]
    assert heard.count(None) >= 3


def test_closing_early_closes_what_is_listened_to() -> None:
    closed = []

    async def endless() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(10)
        finally:
            closed.append(True)

    async def leave(after: int) -> None:
        async with aclosing(ticking(endless(), 0.01)) as parts:
            for _ in range(after):
                await anext(parts)

    for after in (0, 1, 3):
        asyncio.run(leave(after))
    assert len(closed) == 2  # the first was never begun


def _citation(chapter: Chapter, start: int, end: int) -> Citation:
    quote = chapter.text[start:end]
    return Citation(book=chapter.book, chapter=chapter.number, title=chapter.title, start=start, end=end, quote=quote)
