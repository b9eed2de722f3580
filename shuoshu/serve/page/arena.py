"""The arena: one question, two answers without names, a vote, and then the names.

Who wrote which answer stays here until the vote is in: no name, no source and no time goes to the browser before, and
both answers are shown at the same moment, as one from the books would be there long before one from memory.
"""

import asyncio
import random
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shuoshu.answer.ask import Mode
from shuoshu.recipe import Sampling
from shuoshu.serve.narrator import Narrator
from shuoshu.serve.page.talk import TICK, whole
from shuoshu.serve.page.votes import Choice, Contender, append_vote, read_votes, standings
from shuoshu.serve.sentences import Sentence

MOST_OPEN = 1000
"""Duels that wait for their vote; the oldest are forgotten first."""
KEPT_SAMPLING = ("temperature", "max_new_tokens", "top_k", "top_p", "min_p", "repetition_penalty", "seed")


@dataclass(frozen=True, kw_only=True)
class Duel:
    """Two answers to a question, left and right as they were shown."""

    question: str
    id: str
    """Name of the question in its file; empty for one that a visitor asked."""
    sampling: Sampling
    contenders: tuple[Contender, Contender]
    answers: tuple[dict[str, Any], dict[str, Any]]
    """As `talk.told`."""


class Arena:
    """The duels that wait for a vote, and the file of those that have theirs."""

    def __init__(self, narrators: Sequence[Narrator], votes: Path) -> None:
        self.narrators = {narrator.name: narrator for narrator in narrators}
        self.votes = votes
        self._open: OrderedDict[str, Duel] = OrderedDict()

    async def duel(
        self, question: str, contenders: Sequence[Contender], sampling: Sampling, id: str = ""
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield `{"state": "waiting"}` until two of the contenders, drawn and shuffled, have answered.

        Last `{"state": "done", "id", "left", "right"}` with the words of both; `id` is what `vote` takes. Closing the
        iterator stops both. Raises UserError where fewer than two contenders can be drawn.
        """
        able = [one for one in dict.fromkeys(contenders) if self._can(one)]
        if len(able) < 2:
            raise Sentence("two", "An arena needs two contenders that this server has.")
        pair = random.SystemRandom().sample(able, 2)
        answering = [
            asyncio.ensure_future(whole(self.narrators[one.model], question, _mode(one), sampling)) for one in pair
        ]
        try:
            pending: set[asyncio.Future[dict[str, Any]]] = set(answering)
            while pending:
                _, pending = await asyncio.wait(pending, timeout=TICK, return_when=asyncio.FIRST_EXCEPTION)
                for done in answering:
                    if done.done():
                        done.result()  # a fault of one ends both
                if pending:
                    yield {"state": "waiting"}
        finally:
            for one in answering:
                one.cancel()
            await asyncio.gather(*answering, return_exceptions=True)
        left, right = (one.result() for one in answering)
        duel = Duel(question=question, id=id, sampling=sampling, contenders=(pair[0], pair[1]), answers=(left, right))
        yield {"state": "done", "id": self._keep(duel), "left": left["answer"], "right": right["answer"]}

    def vote(self, id: str, choice: Choice) -> dict[str, Any]:
        """Write the vote on a duel down, and tell who wrote what: `left` and `right`, each a model, mode and answer.

        Raises UserError where the duel has had its vote or is forgotten, or where the file cannot be written; then it
        can be voted on again.
        """
        duel = self._open.get(id)
        if duel is None:
            raise Sentence("duel_gone", "This duel has had its vote, or the server has forgotten it; ask again.")
        sides = [
            {**asdict(contender), "answer": answer}
            for contender, answer in zip(duel.contenders, duel.answers, strict=True)
        ]
        short = [{**side, "answer": side["answer"]["answer"]} for side in sides]
        record = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "question": duel.question,
            **({"id": duel.id} if duel.id else {}),
            "left": short[0],
            "right": short[1],
            "sampling": {name: getattr(duel.sampling, name) for name in KEPT_SAMPLING},
            "vote": choice,
        }
        append_vote(self.votes, record)
        self._open.pop(id, None)
        return {"left": sides[0], "right": sides[1]}

    def standings(self) -> dict[str, Any]:
        """The table of wins of all votes in the file (`votes.standings`), and the file's name."""
        return {**standings(read_votes(self.votes)), "file": self.votes.name}

    def _can(self, contender: Contender) -> bool:
        narrator = self.narrators.get(contender.model)
        return narrator is not None and contender.mode in narrator.modes

    def _keep(self, duel: Duel) -> str:
        id = secrets.token_urlsafe(16)
        self._open[id] = duel
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return id


def _mode(contender: Contender) -> Mode:
    return "open" if contender.mode == "open" else "closed"
