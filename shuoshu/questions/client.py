"""Many requests in flight to an OpenAI-compatible endpoint, each asked once, within limit and budget.

Retries, back-off and `retry-after` are those of the `openai` library. What a server does not take (structured output, a
temperature) is left out after its first refusal. An answer that is not what was asked for is asked again up to ATTEMPTS
times; the pieces of it that are whole are taken where that does not help.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shuoshu.errors import UserError
from shuoshu.files import hash_json
from shuoshu.questions.dialect import Dialect
from shuoshu.questions.ledger import Ledger, Reply
from shuoshu.questions.options import GenerateOptions
from shuoshu.questions.parse import ParseError
from shuoshu.terminal import Progress, progress

ATTEMPTS = 3
TOKENS_A_CHARACTER, MOST_TOKENS_A_CHARACTER = 1.4, 2.5
"""Tokens a character costs (cl100k on Chinese novels: 1.36), for estimates; and the most with any tokenizer (GPT-2 on
the same: 2.2), for setting budget aside."""
GIVE_UP = 16
"""Failed requests in a row, with no answer between them, after which the endpoint counts as gone."""

OF_FORMAT = re.compile("response_format|json_schema|grammar", re.IGNORECASE)
"""In a server's own fault (500): it may come from the structured output that was asked for."""


@dataclass(frozen=True)
class Job:
    """One thing to ask: the prompt, how its answer is read, and how long the answer may be."""

    way: str
    prompt: str
    parse: Callable[[str, bool], Any]
    max_tokens: int
    schema: dict[str, Any] | None = None
    """JSON schema of the answer, sent where the server understands it."""


@dataclass
class Account:
    """What became of the jobs, beside the ledger."""

    failed: dict[str, int] = field(default_factory=dict)
    """Requests that never got an answer, by reason."""
    unreadable: int = 0
    """Jobs whose answers could not be read, whatever the attempt."""
    salvaged: int = 0
    """Jobs of which only the whole pieces were taken."""
    stopped: str = ""
    """Why requests were no longer sent: limit, budget; empty where all were."""
    last_failure: str = ""
    """What the last request without an answer ended with."""


class Client:
    """The endpoint, the ledger beside it, and the account of what happened."""

    def __init__(self, options: GenerateOptions, ledger: Ledger) -> None:
        """Raises UserError when the library, the address, the model or the key is missing."""
        try:
            import openai
        except ImportError as error:
            raise UserError("questions generate needs the openai library: pip install 'shuoshu[questions]'") from error
        base_url = options.base_url or os.environ.get("OPENAI_BASE_URL")
        if not base_url or not options.model:
            missing = "an address (--base-url)" if not base_url else "a model (--model)"
            raise UserError(f"questions generate needs {missing}; the way `rules` needs no endpoint.")
        self._key = _read_key(options.api_key_env, bool(re.match(r"https?://(localhost|127\.|\[::1\])", base_url)))
        self._options, self.ledger, self.account = options, ledger, Account()
        self._openai = openai
        self.address = self._scrub(re.sub(r"//[^/]*@|[?#].*", lambda part: "//" * (part[0][0] == "/"), base_url))
        """The endpoint's address, without what it may hold of secrets: for messages."""
        self._base_url = base_url
        self._dialect = Dialect()
        self._reserved_calls, self._reserved_money = 0, 0.0
        self._failures_in_row = 0
        self._next_turn = 0.0
        self._asking: dict[str, asyncio.Event] = {}

    @property
    def spent(self) -> float:
        """Money spent in this folder so far, over all its runs."""
        return self._price(self.ledger.tokens_in, self.ledger.tokens_out)

    def run(self, label: str, jobs: list[Job]) -> list[Any]:
        """Ask all jobs; the parsed answers in the order of the jobs, None where there is none.

        Raises UserError where going on makes no sense (wrong key, unknown model, endpoint gone). Requests under
        way then come to their end first, so that what is paid for is kept.
        """
        with progress(label, len(jobs)) as bar:
            return asyncio.run(self._run(jobs, bar))

    async def _run(self, jobs: list[Job], bar: Progress) -> list[Any]:
        results: list[Any] = [None] * len(jobs)
        queue = iter(enumerate(jobs))
        done = 0
        fatal: list[UserError] = []

        async def work() -> None:
            nonlocal done
            for place, job in queue:
                if fatal:
                    return
                try:
                    results[place] = await self._do(job)
                except UserError as error:
                    fatal.append(error)
                done += 1
                bar.update(done, self._words())

        options = self._options
        self._released = asyncio.Event()
        self._api = self._openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._key or "none",
            max_retries=options.retries,
            timeout=options.timeout,
            http_client=self._openai.DefaultAsyncHttpxClient(event_hooks={"response": [_believe_refusal]}),
        )
        async with self._api:
            await asyncio.gather(*(work() for _ in range(min(options.in_flight, len(jobs)))))
        if fatal:
            raise fatal[0]
        return results

    async def _do(self, job: Job) -> Any:
        replies = []
        for attempt in range(ATTEMPTS):
            reply = await self._ask(job, attempt)
            if reply is None:
                break
            try:
                return job.parse(reply.text, False)
            except ParseError:
                replies.append(reply)
            if reply.cut:  # another attempt would be cut at the same place
                break
        found = []
        for reply in replies:
            try:
                found.append(job.parse(reply.text, True))
            except ParseError:
                continue
        if found:
            self.account.salvaged += 1
            return max(found, key=lambda value: len(value))
        self.account.unreadable += bool(replies)
        return None

    async def _ask(self, job: Job, attempt: int) -> Reply | None:
        """The answer from the ledger, else from the endpoint; None where it is not to be had."""
        name = request_hash(self._options, job.prompt, attempt)
        while name in self._asking:  # the same prompt from another job: its answer will do for both
            await self._asking[name].wait()
        if (known := self.ledger.get(name)) is not None:
            return known
        self._asking[name] = asyncio.Event()
        dearest = self._price(round(len(job.prompt) * MOST_TOKENS_A_CHARACTER) + 50, job.max_tokens)
        if not await self._reserve(dearest):
            self._asking.pop(name).set()
            return None
        try:
            await self._turn()
            reply = await self._request(job, name)
            if reply is not None:
                self.ledger.add(name, reply)
        finally:
            self._asking.pop(name).set()
            self._reserved_calls -= 1
            self._reserved_money -= dearest
            self._released.set()
        return reply

    async def _request(self, job: Job, name: str, again: int = 0) -> Reply | None:
        begin, options = time.monotonic(), self._options
        words = self._dialect.words(job.way, job.max_tokens, options.temperature, job.schema)
        try:
            # The library's own form of this (chat.completions.create) spends 0.5 ms more of a core on types.
            answer: Any = await self._api.post(
                "/chat/completions",
                body={"model": options.model, "messages": [{"role": "user", "content": job.prompt}], **words},
                options={"headers": {"Idempotency-Key": name}},
                cast_to=object,
            )
        except self._openai.APIStatusError as error:
            # llama-cpp-python calls its refusal of a response_format a fault of its own.
            refused = error.status_code in (400, 422) or (error.status_code == 500 and OF_FORMAT.search(str(error)))
            if refused and self._dialect.learn(words, str(error)):
                return await self._request(job, name, again)
            if error.status_code in (408, 409, 429) or error.status_code >= 500:
                return self._fail(f"status {error.status_code}", error)
            hint = ""
            if error.status_code == 404:
                hint = f"; is --base-url {self.address} right (it ends in /v1 as a rule), and --model {options.model}?"
            raise UserError(f"The endpoint refused the request: {self._scrub(str(error))}{hint}") from None
        except self._openai.APITimeoutError as error:
            return self._fail("no answer in time", error)
        except self._openai.APIError as error:
            return self._fail("connection cut", error)
        except ValueError:
            answer = None  # a body that is not JSON
        try:
            choice = answer["choices"][0]
            content = choice["message"].get("content") or ""
            usage = answer.get("usage") or {}
        except (TypeError, KeyError, IndexError, AttributeError):
            # A proxy's page, an empty list: the library does not ask again for these.
            if again < options.retries:
                await asyncio.sleep(min(0.5 * 2**again, 8))
                return await self._request(job, name, again + 1)
            return self._fail("no chat completion", ValueError(str(answer)[:200]))
        self._failures_in_row = 0
        # Models that reason aloud put it before the answer.
        text = self._scrub(re.sub(r"^\s*<think>.*?</think>\s*", "", content, flags=re.DOTALL))
        return Reply(
            text=text,
            tokens_in=usage.get("prompt_tokens") or round(len(job.prompt) * TOKENS_A_CHARACTER),
            tokens_out=usage.get("completion_tokens") or round(len(text) * TOKENS_A_CHARACTER),
            cut=choice.get("finish_reason") == "length",
            seconds=round(time.monotonic() - begin, 3),
        )

    def _fail(self, reason: str, error: Exception) -> None:
        self.account.failed[reason] = self.account.failed.get(reason, 0) + 1
        self.account.last_failure = f"{reason}: {self._scrub(str(error))}"
        self._failures_in_row += 1
        if self._failures_in_row >= GIVE_UP:
            raise UserError(
                f"The endpoint failed {GIVE_UP} times in a row ({self.account.last_failure}); "
                "what it answered is kept, run the same command again when it is back."
            ) from None

    async def _reserve(self, money: float) -> bool:
        """Set a call and its highest price aside, so that calls under way cannot break limit or budget together.

        Where there is no room only because of calls under way, waits for what they will really have cost.
        """
        limit, budget = self._options.limit, self._options.budget
        while True:
            if limit is not None and self.ledger.calls + self._reserved_calls >= limit:
                stopped = f"the limit of {limit} calls"
            elif budget is not None and self.spent + self._reserved_money + money > budget:
                stopped = f"the budget of {budget:g}"
            else:
                self._reserved_calls += 1
                self._reserved_money += money
                return True
            if not self._reserved_calls or self.account.stopped:
                self.account.stopped = stopped
                return False
            self._released.clear()
            await self._released.wait()

    async def _turn(self) -> None:
        if self._options.requests_per_minute:
            now = time.monotonic()
            self._next_turn = max(self._next_turn, now) + 60 / self._options.requests_per_minute
            await asyncio.sleep(self._next_turn - now)

    def _price(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self._options.price_in + tokens_out * self._options.price_out) / 1e6

    def _words(self) -> str:
        return f"{self.ledger.tokens_in:,} + {self.ledger.tokens_out:,} tokens, {self.spent:.2f} spent"

    def _scrub(self, text: str) -> str:
        """Text without the key: some servers quote it in their errors."""
        return text.replace(self._key, "***") if self._key else text


async def _believe_refusal(response: Any) -> None:
    """Keep the library from asking on and on where a 500 tells twice of the structured output that was asked for."""
    request = response.request
    second = request.headers.get("x-stainless-retry-count", "0") != "0" and b'"response_format"' in request.content
    if response.status_code == 500 and second and OF_FORMAT.search((await response.aread()).decode("utf-8", "replace")):
        response.headers["x-should-retry"] = "false"


def _read_key(variable: str, local: bool) -> str:
    """The key that an environment variable holds. Raises UserError, which never shows it, where it is none."""
    if not re.fullmatch(r"[A-Za-z_]\w*", variable):
        raise UserError("--api-key-env takes the name of the environment variable that holds the key, not the key.")
    key = os.environ.get(variable, "").strip()
    if not key and not local:
        raise UserError(f"The environment variable {variable} is empty; it must hold the endpoint's key.")
    if not re.fullmatch("[!-~]*", key):
        raise UserError(f"The environment variable {variable} holds a character that no key has; set it anew.")
    return key


def request_hash(options: GenerateOptions, prompt: str, attempt: int) -> str:
    """The name of a request: the same question to the same model, asked for the same time."""
    return hash_json([options.model, options.temperature, prompt, attempt])
