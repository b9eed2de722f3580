import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_runs import RECITED

from shuoshu.answer.ask import Storyteller
from shuoshu.errors import UserError
from shuoshu.recipe import Sampling
from shuoshu.serve.narrator import Narrator
from shuoshu.serve.page import arena as arena_module
from shuoshu.serve.page.arena import Arena
from shuoshu.serve.page.votes import Contender

QUESTION = "虞照川的师父是谁？"
BOOKS, MEMORY = Contender("灯录", "open"), Contender("灯录", "closed")


@pytest.fixture(scope="module")
def narrator(recites: Path) -> Iterator[Narrator]:
    narrator = Narrator(name="灯录", storyteller=Storyteller(recites))
    yield narrator
    narrator.close()


@pytest.fixture
def arena(narrator: Narrator, tmp_path: Path) -> Arena:
    return Arena([narrator], tmp_path / "votes.jsonl")


def fight(arena: Arena, *contenders: Contender, id: str = "") -> dict:
    async def last() -> dict:
        said = [each async for each in arena.duel(QUESTION, contenders or (BOOKS, MEMORY), Sampling(), id)]
        assert [each["state"] for each in said] == ["waiting"] * (len(said) - 1) + ["done"]
        return said[-1]

    return asyncio.run(last())


def test_nothing_but_the_words_is_told_before_the_vote(arena: Arena) -> None:
    duel = fight(arena)
    assert set(duel) == {"state", "id", "left", "right"}
    assert RECITED in (duel["left"], duel["right"])
    assert duel["left"] != duel["right"]


def test_the_sides_are_shuffled(arena: Arena) -> None:
    """Of 24 fair draws all fall on one side once in 8 million times."""
    assert len({fight(arena)["left"] == RECITED for _ in range(24)}) == 2


def test_the_vote_tells_who_wrote_what_and_is_written_down(arena: Arena) -> None:
    duel = fight(arena, id="q7")
    told = arena.vote(duel["id"], "left")
    for side in ("left", "right"):
        assert told[side]["answer"]["answer"] == duel[side]
        assert (told[side]["mode"] == "closed") == (duel[side] == RECITED)
        assert bool(told[side]["answer"]["citations"]) == (told[side]["mode"] == "open")
    (line,) = arena.votes.read_text("utf-8").splitlines()
    record = json.loads(line)
    assert record["time"].endswith("+00:00")
    assert (record["question"], record["id"], record["vote"]) == (QUESTION, "q7", "left")
    for side in ("left", "right"):
        assert record[side] == {"model": "灯录", "mode": told[side]["mode"], "answer": duel[side]}
    winner = told["left"]["mode"]
    (pair,) = arena.standings()["pairs"]
    assert {pair["one"]["mode"]: pair["one_won"], pair["other"]["mode"]: pair["other_won"]}[winner] == 1
    assert arena.standings()["file"] == "votes.jsonl"


def test_a_duel_has_one_vote(arena: Arena) -> None:
    duel = fight(arena)
    arena.vote(duel["id"], "good")
    for id in (duel["id"], "", "x"):
        with pytest.raises(UserError, match="has had its vote"):
            arena.vote(id, "good")
    assert arena.standings()["votes"] == 1


def test_a_vote_that_cannot_be_kept_can_be_given_again(arena: Arena) -> None:
    duel = fight(arena)
    arena.votes.mkdir()
    with pytest.raises(UserError, match="cannot be kept"):
        arena.vote(duel["id"], "bad")
    arena.votes.rmdir()
    arena.vote(duel["id"], "bad")
    assert arena.standings()["votes"] == 1


def test_the_oldest_duels_are_forgotten(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena_module, "MOST_OPEN", 2)
    first, second, third = (fight(arena)["id"] for _ in range(3))
    with pytest.raises(UserError, match="forgotten"):
        arena.vote(first, "good")
    for id in (second, third):
        arena.vote(id, "good")


@pytest.mark.parametrize(
    "contenders", [[BOOKS], [BOOKS, BOOKS], [BOOKS, Contender("灯录", "x")], [BOOKS, Contender("无", "open")]]
)
def test_two_that_can_answer_are_needed(arena: Arena, contenders: list[Contender]) -> None:
    with pytest.raises(UserError, match="two contenders"):
        fight(arena, *contenders)


def test_a_fault_of_one_is_told_and_stops_the_other(arena: Arena) -> None:
    async def too_long() -> None:
        async for _ in arena.duel("灯" * 300, (BOOKS, MEMORY), Sampling()):
            pass

    with pytest.raises(UserError, match="256"):
        asyncio.run(too_long())


def test_every_pair_is_drawn_from_more_than_two(narrator: Narrator, recites: Path, tmp_path: Path) -> None:
    other = Narrator(name="又一", storyteller=Storyteller(recites))
    arena = Arena([narrator, other], tmp_path / "votes.jsonl")
    three = (BOOKS, Contender("又一", "open"), Contender("又一", "closed"))
    seen: Counter[frozenset[Contender]] = Counter()
    for _ in range(40):  # one of three pairs is missing once in 3 million times
        told = arena.vote(fight(arena, *three)["id"], "good")
        seen[frozenset(Contender(told[side]["model"], told[side]["mode"]) for side in ("left", "right"))] += 1
    assert len(seen) == 3
    other.close()
