import asyncio
import time
from contextlib import aclosing
from pathlib import Path

import pytest
from page_runs import ENDLESS, RECITED

from shuoshu.answer.ask import Answer, Storyteller
from shuoshu.errors import UserError
from shuoshu.recipe import Sampling
from shuoshu.serve.desk import Desk, Waiting

LONG = Sampling(max_new_tokens=100)
SHORT = Sampling(max_new_tokens=20)


@pytest.fixture(scope="module")
def endless_desk(endless: Path) -> Desk:
    desk = Desk(Storyteller(endless))
    _ = desk.storyteller.engine
    return desk


async def listen(desk: Desk, sampling: Sampling, log: list[str] | None = None, name: str = "") -> list[object]:
    """Everything the desk says but its waiting; each piece also goes into `log` under a name."""
    heard = []
    async with aclosing(desk.answer("谁？", "closed", sampling)) as parts:
        async for part in parts:
            if not isinstance(part, Waiting):
                heard.append(part)
                if log is not None:
                    log.append(name)
    return heard


def test_pieces_join_to_the_answer(recites: Path) -> None:
    desk = Desk(Storyteller(recites))
    *pieces, answer = asyncio.run(listen(desk, Sampling()))
    assert isinstance(answer, Answer)
    assert "".join(map(str, pieces)) == answer.answer == RECITED
    desk.close()


def test_one_answer_at_a_time_in_the_order_of_asking(endless_desk: Desk) -> None:
    log: list[str] = []

    async def crowd() -> None:
        await asyncio.gather(*(listen(endless_desk, SHORT, log, name) for name in "abc"))

    asyncio.run(crowd())
    assert "".join(dict.fromkeys(log)) == "abc"
    assert log == sorted(log)


def test_who_waits_is_told_how_many_are_before(endless_desk: Desk) -> None:
    async def queue() -> list[int]:
        first = asyncio.create_task(listen(endless_desk, LONG))
        await asyncio.sleep(0)
        second = asyncio.create_task(listen(endless_desk, SHORT))
        await asyncio.sleep(0)
        ahead = []
        async with aclosing(endless_desk.answer("谁？", "closed", SHORT)) as parts:
            async for part in parts:
                if isinstance(part, Waiting):
                    ahead.append(part.ahead)
        await asyncio.gather(first, second)
        return ahead

    ahead = asyncio.run(queue())
    assert ahead[0] == 2
    assert ahead == sorted(ahead, reverse=True)


def test_leaving_early_frees_the_model(endless_desk: Desk) -> None:
    async def leave() -> str:
        async with aclosing(endless_desk.answer("谁？", "closed", Sampling(max_new_tokens=150))) as parts:
            async for part in parts:
                if isinstance(part, str):
                    return part
        raise AssertionError("nothing was said")

    assert ENDLESS.startswith(asyncio.run(leave()))
    began = time.monotonic()
    *_, answer = asyncio.run(listen(endless_desk, SHORT))
    after_leaving = time.monotonic() - began
    began = time.monotonic()
    asyncio.run(listen(endless_desk, Sampling(max_new_tokens=150)))
    assert isinstance(answer, Answer)
    assert after_leaving < 0.5 * (time.monotonic() - began)


def test_leaving_the_line_before_the_turn_comes(endless_desk: Desk) -> None:
    async def leave() -> list[object]:
        first = asyncio.create_task(listen(endless_desk, SHORT))
        await asyncio.sleep(0)
        async with aclosing(endless_desk.answer("谁？", "closed", LONG)) as parts:
            await anext(parts)
        return await first

    assert isinstance(asyncio.run(leave())[-1], Answer)


def test_a_question_too_long_is_an_error_and_the_next_one_is_answered(recites: Path) -> None:
    desk = Desk(Storyteller(recites))

    async def ask(question: str) -> object:
        async with aclosing(desk.answer(question, "closed", Sampling())) as parts:
            return [part async for part in parts][-1]

    assert isinstance(asyncio.run(ask("灯" * 300)), UserError)
    assert isinstance(asyncio.run(ask("谁？")), Answer)
    desk.close()


def test_what_a_run_can_do(recites: Path, tmp_path: Path) -> None:
    assert Desk(Storyteller(recites)).modes == ("open", "closed")
    assert Desk(Storyteller(recites / "finetune" / "model")).modes == ("closed",)
    (tmp_path / "books").mkdir()
    with pytest.raises(UserError, match="no model"):
        Desk(Storyteller(tmp_path))
