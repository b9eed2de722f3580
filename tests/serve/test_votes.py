import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.errors import UserError
from shuoshu.serve.page.votes import CHOICES, Contender, Vote, Z, append_vote, read_votes, standings, wilson

CONTENDERS = [Contender(model, mode) for model in ("甲", "乙") for mode in ("open", "closed")]
PAIRS = st.sampled_from([(one, other) for one in CONTENDERS for other in CONTENDERS if one != other])
VOTES = st.lists(st.builds(lambda pair, vote: Vote(pair[0], pair[1], vote), PAIRS, st.sampled_from(CHOICES)))


def record(vote: str, left: str = "甲", right: str = "乙") -> dict[str, object]:
    sides = {"left": {"model": left, "mode": "open"}, "right": {"model": right, "mode": "open"}}
    return {"question": "谁？", **sides, "vote": vote}


@settings(deadline=None)
@given(VOTES)
def test_the_table_counts_every_vote(votes: list[Vote]) -> None:
    """Against a count by hand, contender by contender."""
    table = standings(votes)
    assert table["votes"] == len(votes)
    for line in table["contenders"]:
        me = Contender(line["model"], line["mode"])
        mine = [vote for vote in votes if me in (vote.left, vote.right)]
        won = sum(getattr(vote, vote.vote, None) == me for vote in mine)
        decided = sum(vote.vote in ("left", "right") for vote in mine)
        assert (line["won"], line["lost"]) == (won, decided - won)
        assert line["good"] == sum(vote.vote == "good" for vote in mine)
        assert line["bad"] == sum(vote.vote == "bad" for vote in mine)
        assert line["share"] == (won / decided if decided else None)
    for pair in table["pairs"]:
        one, other = Contender(**pair["one"]), Contender(**pair["other"])
        between = [vote for vote in votes if {vote.left, vote.right} == {one, other}]
        assert pair["one_won"] == sum(getattr(vote, vote.vote, None) == one for vote in between)
        assert pair["other_won"] == sum(getattr(vote, vote.vote, None) == other for vote in between)
        assert sum(pair[name] for name in ("one_won", "other_won", "good", "bad")) == len(between)
    shares = [line["share"] for line in table["contenders"] if line["share"] is not None]
    assert shares == sorted(shares, reverse=True)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_shares_a_test_would_not_reject(case: tuple[int, int]) -> None:
    """The ends are where |share - p| = Z × the standard error at p."""
    wins, of = case
    low, high = wilson(wins, of)
    share = wins / of
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            assert math.isclose(abs(share - end), Z * math.sqrt(end * (1 - end) / of), rel_tol=1e-6, abs_tol=1e-9)


def test_votes_are_lines_that_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "votes.jsonl"
    assert read_votes(path) == []
    for choice in CHOICES:
        append_vote(path, record(choice))
    assert [json.loads(line)["vote"] for line in path.read_text("utf-8").splitlines()] == list(CHOICES)
    assert read_votes(path) == [Vote(Contender("甲", "open"), Contender("乙", "open"), choice) for choice in CHOICES]


def test_votes_of_many_at_once_are_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    with ThreadPoolExecutor(8) as voters:
        for _ in voters.map(lambda _: append_vote(path, record("good", left="长" * 3000)), range(64)):
            pass
    assert len(read_votes(path)) == 64
    assert all(json.loads(line) for line in path.read_text("utf-8").splitlines())


def test_a_line_that_broke_off_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    append_vote(path, record("left"))
    with path.open("ab") as file:
        file.write(b'{"question": "\xe8')  # the power went within a character
    append_vote(path, record("right"))
    with pytest.raises(UnicodeDecodeError):
        path.read_text("utf-8")
    assert [vote.vote for vote in read_votes(path)] == ["left", "right"]


@pytest.mark.parametrize("line", ["[]", "{}", "1", '{"left": 1}', '{"vote": "maybe"}', "\u2028"])
def test_lines_that_are_no_vote_do_not_count(tmp_path: Path, line: str) -> None:
    path = tmp_path / "votes.jsonl"
    itself = record("left", left="乙", right="乙")
    lines = [line, json.dumps(record("left")), json.dumps(itself), json.dumps({**record("left"), "vote": "maybe"})]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert len(read_votes(path)) == 1


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"votes\.jsonl: the vote cannot be kept"):
        append_vote(tmp_path / "file" / "votes.jsonl", record("left"))
