"""What the page can ask the server: each event takes one JSON object and says one or more.

A fault is an object too, `{"state": "failed", "code", "fill"}`: the page has a sentence in two languages for each code
(`fault_…` in `web/labels.json`). Code `told` is for those that come with a sentence, as `fault`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from shuoshu.answer.ask import Mode
from shuoshu.errors import UserError
from shuoshu.evaluate.metrics import has_verdict, is_right
from shuoshu.files import reason
from shuoshu.recipe import Sampling
from shuoshu.serve.narrator import Narrator
from shuoshu.serve.page.arena import Arena
from shuoshu.serve.page.controls import chosen_sampling, controls
from shuoshu.serve.page.examples import example_questions
from shuoshu.serve.page.library import Library
from shuoshu.serve.page.sheet import MOST_BYTES, as_question, from_base64, read_sheet
from shuoshu.serve.page.talk import TICK, listened, whole
from shuoshu.serve.page.votes import CHOICES, Contender
from shuoshu.serve.sentences import Sentence

LONGEST = 2000
"""Characters of a question. What the model cannot take in it refuses itself; this keeps a pasted book off the line."""
AT_ONCE = 32
"""Questions of a file that one call may hold."""
SIDE_BY_SIDE = 4
"""Questions of a file that are with a model at the same time: others ask as well."""

Said = dict[str, Any]
log = logging.getLogger(__name__)


def fault(code: str, **fill: Any) -> Said:
    """What is said where the page has a sentence of its own."""
    return {"state": "failed", "code": code, "fill": fill}


BUSY = fault("busy")


class Events:
    """The events of one server. Raises UserError where a run's question files, or the file to review, are broken."""

    def __init__(self, narrators: Sequence[Narrator], votes: Path, review: Path | None = None) -> None:
        self.narrators = {narrator.name: narrator for narrator in narrators}
        self.libraries = {
            one.name: Library(one.storyteller.run, lambda one=one: one.storyteller.index) for one in narrators
        }
        self.arena = Arena(narrators, votes)
        self._about: Said = {
            "models": [_introduced(narrator) for narrator in narrators],
            "controls": controls(),
            "most_characters": LONGEST,
            "most_bytes": MOST_BYTES,
            "review": None if review is None else _review(review),
        }

    async def about(self, request: dict) -> dict:
        """The models, what each can do and some questions to begin with; the controls; the file to review."""
        return self._about

    async def ask(self, request: Mapping[str, Any]) -> AsyncGenerator[Said, None]:
        """One answer as it comes (`talk.listened`). Takes `question`, `model`, `mode`, `sampling`."""
        async with aclosing(_streamed(lambda: self._ask(request))) as said:
            async for each in said:
                yield each

    async def answer_some(self, request: Mapping[str, Any]) -> AsyncGenerator[Said, None]:
        """Answer the `questions` of a file, at most AT_ONCE; each `done` is `{"place", "answer", "right"}`.

        `right` is None where the file does not say what is.
        """
        async with aclosing(_streamed(lambda: self._answer_some(request))) as said:
            async for each in said:
                yield each

    async def duel(self, request: Mapping[str, Any]) -> AsyncGenerator[Said, None]:
        """Two answers without names (`Arena.duel`). Takes `question`, `id`, `contenders`, `sampling`."""
        async with aclosing(_streamed(lambda: self._duel(request))) as said:
            async for each in said:
                yield each

    async def vote(self, request: dict) -> dict:
        """Vote on the duel `id` with `choice`; says who wrote what, and the `standings`."""
        choice = request.get("choice")
        if choice not in CHOICES:
            return fault("crash")

        def vote() -> Said:
            return {**self.arena.vote(str(request.get("id")), choice), "standings": self.arena.standings()}

        return await _told(vote)

    async def standings(self, request: dict) -> dict:
        """The table of wins."""
        return await _told(self.arena.standings)

    async def chapter(self, request: dict) -> dict:
        """The chapter `chapter` of `book`, cut at `start` and `end` (`Library.open`)."""
        library = self.libraries.get(str(request.get("model")))
        if library is None:
            return fault("no_mode")
        number, start, end = (_whole_number(request.get(name)) for name in ("chapter", "start", "end"))
        return await _told(lambda: library.open(str(request.get("book")), number, start, end))

    async def read_file(self, request: dict) -> dict:
        """The questions of a file, `name` with its bytes in base64 as `data`."""
        name, data = str(request.get("name") or "file")[-80:], str(request.get("data") or "")
        return await _told(lambda: {"questions": read_sheet(name, from_base64(data))})

    async def _ask(self, request: Mapping[str, Any]) -> AsyncGenerator[Said, None]:
        narrator, mode = self._chosen(request)
        question = _question(request.get("question"))
        async with aclosing(listened(narrator, question, mode, _sampling(request))) as said:
            async for each in said:
                yield each

    async def _answer_some(self, request: Mapping[str, Any]) -> AsyncGenerator[Said, None]:
        narrator, mode = self._chosen(request)
        questions = [as_question(record) for record in list(request.get("questions") or ())[:AT_ONCE]]
        room, sampling = asyncio.Semaphore(SIDE_BY_SIDE), _sampling(request)

        async def answered(place: int) -> Said:
            question = questions[place]
            async with room:
                answer = await whole(narrator, _question(question.question), mode, sampling)
            right = is_right(answer["answer"], question) if has_verdict(question) else None
            return {"place": place, "answer": answer, "right": right}

        coming: set[asyncio.Task[Said]] = {asyncio.create_task(answered(place)) for place in range(len(questions))}
        all_of_them = list(coming)
        try:
            while coming:
                done, coming = await asyncio.wait(coming, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                yield {"state": "writing", "done": [one.result() for one in done]}
        finally:
            for one in all_of_them:
                one.cancel()
            await asyncio.gather(*all_of_them, return_exceptions=True)

    async def _duel(self, request: Mapping[str, Any]) -> AsyncGenerator[Said, None]:
        asked = request.get("contenders")
        contenders = [
            Contender(str(one.get("model")), str(one.get("mode")))
            for one in (asked if isinstance(asked, list) else [])
            if isinstance(one, dict)
        ]
        question, id = _question(request.get("question")), str(request.get("id") or "")[:200]
        async with aclosing(self.arena.duel(question, contenders, _sampling(request), id)) as said:
            async for each in said:
                yield each

    def _chosen(self, request: Mapping[str, Any]) -> tuple[Narrator, Mode]:
        narrator = self.narrators.get(str(request.get("model")))
        mode = request.get("mode")
        if narrator is None or mode not in narrator.modes:
            raise Sentence("no_mode", "This model cannot answer that way.")
        return narrator, mode


async def _streamed(make: Callable[[], AsyncGenerator[Said, None]]) -> AsyncGenerator[Said, None]:
    """What is said, and a fault as the last thing where there is one."""
    try:
        async with aclosing(make()) as said:
            async for each in said:
                yield each
    except Exception as error:
        yield _failed(error)


async def _told(work: Callable[[], Said]) -> Said:
    """What comes of some work with files, done beside the others; a fault where it fails."""
    try:
        return await asyncio.to_thread(work)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Said:
    from shuoshu.generate.scheduler import Closed, QueueFull

    if isinstance(error, Sentence):
        return fault(error.code, **error.fill)
    if isinstance(error, UserError):
        return {"state": "failed", "code": "told", "fault": str(error)}
    if isinstance(error, QueueFull | Closed):
        return BUSY
    log.error("an event of the page failed", exc_info=error)
    return fault("crash")


def _introduced(narrator: Narrator) -> Said:
    storyteller = narrator.storyteller
    examples = example_questions(storyteller.run)
    return {"name": narrator.name, "modes": list(narrator.modes), "titles": storyteller.titles, "examples": examples}


def _review(path: Path) -> Said:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)}).") from error
    return {"name": path.name, "questions": read_sheet(path.name, content)}


def _question(value: Any) -> str:
    question = value.strip() if isinstance(value, str) else ""
    if len(question) > LONGEST:
        raise Sentence("too_long", f"The question is too long: {LONGEST} characters at most.", n=LONGEST)
    if not question:
        raise Sentence("no_question", "The question is empty; write one.")
    return question


def _sampling(request: Mapping[str, Any]) -> Sampling:
    asked = request.get("sampling")
    return chosen_sampling(asked if isinstance(asked, dict) else {})


def _whole_number(value: Any) -> int:
    return value if isinstance(value, int) else 0
