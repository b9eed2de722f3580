"""The models that are served: their names, what each can do, and the one engine behind each.

Everything that needs a model goes through `Narrator.write`, the page as well as the API, so that all share one batch.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from shuoshu.answer.ask import Answer, Mode, Storyteller
from shuoshu.answer.tips import apply_tips
from shuoshu.errors import UserError
from shuoshu.recipe import Sampling
from shuoshu.serve.hear import Hearing, Post
from shuoshu.serve.sentences import Sentence

if TYPE_CHECKING:
    from shuoshu.generate.request import Finish
    from shuoshu.generate.scheduler import Scheduler
    from shuoshu.tokenizer import Tokenizer


@dataclass(kw_only=True)
class Narrator:
    """One run as it is served."""

    name: str
    storyteller: Storyteller
    slots: int = 16
    """Texts the model writes at once."""
    queue: int = 128
    """Texts that may wait for it."""
    created: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        self.modes = _modes(self.storyteller)
        """How it can answer, the default first. Raises UserError where the run has neither an index nor a model."""
        self._books = ThreadPoolExecutor(1, thread_name_prefix="books")
        self._post: Post | None = None

    @cached_property
    def scheduler(self) -> "Scheduler":
        """The engine that writes for everybody. Raises UserError where the run has no model."""
        from shuoshu.generate.scheduler import Scheduler

        return Scheduler(self.storyteller.engine, self.slots, self.queue)

    @property
    def tokenizer(self) -> "Tokenizer":
        """That of the model."""
        return self.storyteller.engine.tokenizer

    @property
    def context(self) -> int:
        """Tokens the model sees at most, prompt and answer together."""
        return self.scheduler.engine.network.length

    def load(self) -> None:
        """Bring everything into memory that a question may need. Raises UserError for what is broken."""
        if "open" in self.modes:
            _ = self.storyteller.index
        if "closed" in self.modes:
            _ = self.scheduler, self.tokenizer.bytes_of, self.tokenizer.characters_of

    def question_ids(self, question: str) -> list[int]:
        """The prompt for an answer from memory."""
        wording = apply_tips(question, self.storyteller.titles)
        return self.tokenizer.chat([{"role": "user", "content": wording}])

    def text_ids(self, text: str) -> list[int]:
        """The prompt for going on after a text."""
        return [self.tokenizer.end_of_text, *self.tokenizer.encode(text)]

    async def quote(self, question: str) -> Answer:
        """The answer from the books, looked up in a thread of its own, one after another."""

        def look_up() -> Answer:
            return self.storyteller.ask([question], "open")[0]

        return await asyncio.get_running_loop().run_in_executor(self._books, look_up)

    def write(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> Hearing:
        """Texts the model writes after prompts, each with its sampling; raises what the scheduler raises.

        To be called where an event loop runs.
        """
        loop = asyncio.get_running_loop()
        if self._post is None or self._post.loop is not loop:
            self._post = Post(loop)
        return Hearing(self.scheduler, prompts, samplings, self._post)

    async def answer(self, question: str, mode: Mode, sampling: Sampling) -> AsyncGenerator[str | Answer, None]:
        """Yield the answer's characters as they come, and last the whole `Answer`; closing the iterator stops it.

        Raises UserError for a question that is too long, and `generate.scheduler.QueueFull` where too many wait.
        """
        if mode == "open":
            answer = await self.quote(question)
            yield answer.answer
            yield answer
            return
        began = time.perf_counter()
        text, ids = "", self.question_ids(question)
        if (length := len(ids)) >= self.context:
            words = f"The question has {length} tokens; this model sees {self.context} at most. Shorten it."
            raise Sentence("too_many_tokens", words, n=length, most=self.context)
        finish: Finish | None = None
        with closing(self.write([ids], [sampling])) as news:
            async for _, event in news:
                finish, text = event.finish, text + event.text
                if event.text:
                    yield event.text
        assert finish is not None
        if finish.reason in ("error", "cancelled"):
            raise RuntimeError(finish.error or "the server is closing")
        yield Answer(
            question=question,
            answer=text.strip(),
            mode="closed",
            tokens=finish.usage.completion_tokens,
            seconds=time.perf_counter() - began,
            truncated=finish.reason == "length",
        )

    @property
    def busy(self) -> int:
        """Texts being written or waiting to be."""
        if "scheduler" not in self.__dict__:
            return 0
        load = self.scheduler.load()
        return load.running + load.waiting

    def close(self, drain_seconds: float = 0.0) -> None:
        """Let running answers end within so many seconds, cancel the rest, and free the thread."""
        self._books.shutdown(wait=False, cancel_futures=True)
        if "scheduler" in self.__dict__:
            self.scheduler.close(drain_seconds)


def narrators(storytellers: Sequence[Storyteller], slots: int = 16, queue: int = 128) -> list[Narrator]:
    """The runs by names that tell them apart. Raises UserError where one is given twice."""
    names = served_names(storytellers)
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"Two runs would be served under the name {name}; give each once, or rename a folder.")
    return [
        Narrator(name=name, storyteller=storyteller, slots=slots, queue=queue)
        for name, storyteller in zip(names, storytellers, strict=True)
    ]


def served_names(storytellers: Sequence[Storyteller]) -> list[str]:
    """What to call each run: its folder's name, with the folder above it where two have the same."""
    short = [storyteller.name for storyteller in storytellers]
    folders = [storyteller.run.path.resolve() for storyteller in storytellers]
    return [
        f"{folder.parent.name}/{name}" if short.count(name) > 1 else name
        for name, folder in zip(short, folders, strict=True)
    ]


def _modes(storyteller: Storyteller) -> tuple[Mode, ...]:
    """How a run can answer: open with an index, closed with a model."""
    modes: tuple[Mode, ...] = ("open",) if storyteller.run.index.is_dir() else ()
    try:
        storyteller.run.model()
    except UserError:
        if not modes:
            raise
        return modes
    return (*modes, "closed")
