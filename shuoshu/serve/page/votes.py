"""Votes of the arena: one line of JSON each, appended whole; and the table of wins that they make.

A line: `{"time", "question", "id", "left": {"model", "mode", "answer"}, "right": {…}, "sampling", "vote"}`, where
`vote` is `left`, `right`, `good` (both) or `bad` (both), and `id` the question's in its file. Lines are only ever
appended, by one write each, so that several servers may share a file; who voted is not kept.
"""

import json
import math
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast, get_args

from shuoshu.files import reason
from shuoshu.serve.sentences import Sentence

Choice = Literal["left", "right", "good", "bad"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
Z = 1.959964
"""Half the width of a 95 % interval, in standard deviations."""

_lock = Lock()


@dataclass(frozen=True, order=True)
class Contender:
    """A model with one of its ways to answer."""

    model: str
    mode: str


@dataclass(frozen=True)
class Vote:
    """What counts of a line."""

    left: Contender
    right: Contender
    vote: Choice


def append_vote(path: Path, record: dict[str, Any]) -> None:
    """Add a line. Raises UserError where the file cannot be written."""
    line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock, path.open("ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:  # a machine that lost its power within a line must not spoil the next one
                file.seek(size - 1)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            os.fsync(file.fileno())
    except OSError as error:
        why = f"{path}: the vote cannot be kept ({reason(error)})."
        raise Sentence("vote_lost", why, file=path.name, why=reason(error)) from error


def read_votes(path: Path) -> list[Vote]:
    """The votes of a file, none where there is no file. A line that is no vote, a broken one say, does not count."""
    if not path.is_file():
        return []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        why = f"{path}: cannot be read ({reason(error)})."
        raise Sentence("votes_unread", why, file=path.name, why=reason(error)) from error
    votes = []
    for line in lines:
        try:
            record = json.loads(line)
            sides = [Contender(str(record[side]["model"]), str(record[side]["mode"])) for side in ("left", "right")]
            vote = record["vote"]
        except (ValueError, TypeError, KeyError):
            continue
        if vote in CHOICES and sides[0] != sides[1]:
            votes.append(Vote(sides[0], sides[1], cast(Choice, vote)))
    return votes


def standings(votes: list[Vote]) -> dict[str, Any]:
    """The table of wins, as the page takes it.

    `contenders`: model, mode, won, lost, good, bad, share (of the decided votes, None without any), low, high (its 95 %
    interval), best first. `pairs`: one, other, one_won, other_won, good, bad, the most voted on first.
    """
    counts: dict[tuple[Contender, Contender], Counter[str]] = {}
    for vote in votes:
        one, other = sorted((vote.left, vote.right))
        kind: str = vote.vote
        if kind in ("left", "right"):
            kind = "one" if (vote.left if kind == "left" else vote.right) == one else "other"
        counts.setdefault((one, other), Counter())[kind] += 1
    contenders = sorted({contender for pair in counts for contender in pair})
    lines = [_line(contender, counts) for contender in contenders]
    lines.sort(key=lambda line: (-(line["share"] if line["share"] is not None else -1), -line["won"]))
    pairs = [
        {
            "one": asdict(one),
            "other": asdict(other),
            "one_won": count["one"],
            "other_won": count["other"],
            "good": count["good"],
            "bad": count["bad"],
        }
        for (one, other), count in sorted(counts.items(), key=lambda item: -item[1].total())
    ]
    return {"votes": len(votes), "contenders": lines, "pairs": pairs}


def wilson(wins: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, "Probable inference", equation of the score interval); of > 0."""
    share = wins / of
    middle = share + Z * Z / (2 * of)
    reach = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    whole = 1 + Z * Z / of
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def _line(contender: Contender, counts: dict[tuple[Contender, Contender], Counter[str]]) -> dict[str, Any]:
    won = lost = good = bad = 0
    for (one, other), count in counts.items():
        if contender in (one, other):
            mine, theirs = ("one", "other") if contender == one else ("other", "one")
            won, lost = won + count[mine], lost + count[theirs]
            good, bad = good + count["good"], bad + count["bad"]
    decided = won + lost
    low, high = wilson(won, decided) if decided else (None, None)
    share = won / decided if decided else None
    figures = {"won": won, "lost": lost, "good": good, "bad": bad, "share": share, "low": low, "high": high}
    return {**asdict(contender), **figures}
