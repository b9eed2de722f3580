"""An answer on its way to a client: where its parts come from, and how they are sent, whole or streamed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from shuoshu.errors import UserError
from shuoshu.recipe import Sampling
from shuoshu.serve.api.forms import ChatForm, End, Part, TextForm
from shuoshu.serve.api.replies import as_json
from shuoshu.serve.faults import ApiError, broken
from shuoshu.serve.gate import closing, full
from shuoshu.serve.guard.headers import Receive, Scope, Send
from shuoshu.serve.hear import ClientGone, while_heard
from shuoshu.serve.ledger import Record, log

if TYPE_CHECKING:
    from shuoshu.serve.gate import Gate
    from shuoshu.serve.narrator import Narrator

SIGN_OF_LIFE = 10.0
"""Seconds of silence in a stream after which a comment is sent, so that nobody on the way takes it for dead."""

Parts = AsyncGenerator[Part | None, None]
"""First None, once the request is accepted (or an ApiError that says why not), then the parts."""


async def written(narrator: "Narrator", gate: "Gate", prompts: Sequence[list[int]], ways: Sequence[Sampling]) -> Parts:
    """Texts that the model writes: for each prompt one in each of the ways."""
    from shuoshu.generate.scheduler import Closed, QueueFull

    tasks = [(prompt, way) for prompt in prompts for way in ways]
    try:
        hearing = narrator.write([prompt for prompt, _ in tasks], [way for _, way in tasks])
    except QueueFull:
        raise gate.refuse(full(gate.pause)) from None
    except Closed:
        raise gate.refuse(closing(gate.pause)) from None
    except UserError as error:
        raise ApiError(400, str(error), "invalid_value") from error
    with contextlib.closing(hearing) as news:
        yield None
        async for choice, event in news:
            if event.finish is None:
                yield Part(choice, event.text, event.logprobs, completion_tokens=len(event.ids))
                continue
            reason, usage = event.finish.reason, event.finish.usage
            if reason == "error":
                log.error("the model failed: %s", event.finish.error)
                raise broken()
            if reason == "cancelled":
                raise closing(gate.pause)
            once = choice % len(ways) == 0  # a prompt is read once, however many texts come of it
            yield Part(
                choice,
                event.text,
                event.logprobs,
                reason,
                prompt_tokens=usage.prompt_tokens if once else 0,
                completion_tokens=len(event.ids),
                cached_tokens=usage.cached_tokens if once else 0,
            )


async def quoted(narrator: "Narrator", question: str, ways: Sequence[Sampling]) -> Parts:
    """The answer from the books: the same one for each of the ways, cut where they say."""
    try:
        answer = await narrator.quote(question)
    except UserError as error:  # a broken index, say: nothing the client could mend, and the words hold paths
        log.error("no answer from the books: %s", error)
        raise broken() from error
    text, end = _cut(answer.answer, ways[0], narrator)
    yield None
    for choice in range(len(ways)):
        told = {"citations": answer.citations, "confidence": answer.confidence}
        yield Part(choice, text, end=end, completion_tokens=answer.tokens, **told)


def _cut(text: str, way: Sampling, narrator: "Narrator") -> tuple[str, End]:
    """A quotation up to a stop string, and up to so many tokens where the run has a tokenizer."""
    found = [place for stop in way.stop if (place := text.find(stop)) >= 0]
    text = text[: min(found)] if found else text
    if "closed" not in narrator.modes:
        return text, "stop"
    ids = narrator.tokenizer.encode(text)
    if len(ids) <= way.max_new_tokens:
        return text, "stop"
    return narrator.tokenizer.decode(ids[: way.max_new_tokens]).rstrip("�"), "length"


class Answering(Response):
    """The reply to a request, which frees the model when the client leaves or the time is up."""

    def __init__(
        self, parts: Parts, form: ChatForm | TextForm, choices: int, stream: bool, seconds: float, record: Record
    ) -> None:
        super().__init__()
        self._parts, self._form, self._choices, self._stream = parts, form, choices, stream
        self._seconds, self._record = seconds, record
        self._started = False
        self._said = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it (ASGI)."""
        try:
            await while_heard(receive, self._answer(scope, receive, send))
        except ClientGone:
            self._record.outcome = "the client left"
            self._record.status = self._record.status or 499  # as nginx has it; nobody sees it but the log
        finally:
            usage = self._form.usage
            self._record.prompt_tokens, self._record.completion_tokens = (
                usage["prompt_tokens"], usage["completion_tokens"],
            )  # fmt: skip
            self._record.answers = self._form.answers

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds), contextlib.aclosing(self._parts) as parts:
                await anext(parts)
                if self._stream:
                    await self._send_stream(parts, send)
                else:
                    await self._send_whole(parts, scope, receive, send)
        except TimeoutError:
            words = f"The answer took longer than {self._seconds:g} seconds."
            await self._break_off(ApiError(504, words, "time_limit"), send)
        except ApiError as error:
            await self._break_off(error, send)
        except Exception:
            if not self._started:
                raise
            log.exception("a stream failed")
            await self._break_off(broken(), send)

    async def _send_whole(self, parts: Parts, scope: Scope, receive: Receive, send: Send) -> None:
        async for part in parts:
            if part:
                self._take(part)
        body = as_json(self._form.whole())
        await Response(body, media_type="application/json")(scope, receive, send)

    async def _send_stream(self, parts: Parts, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        headers.append((b"x-accel-buffering", b"no"))  # nginx would hold the stream back
        self._started = True
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._say(self._form.opening(self._choices), send)
        alive = asyncio.create_task(self._show_life(send))
        try:
            async for part in parts:
                if part:
                    self._take(part)
                    if chunk := self._form.chunk(part):
                        await self._say([chunk], send)
        finally:
            alive.cancel()
        await self._say(self._form.closing(), send)
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})

    async def _show_life(self, send: Send) -> None:
        while True:
            silent = time.monotonic() - self._said
            if silent >= SIGN_OF_LIFE:
                await send({"type": "http.response.body", "body": b": waiting\n\n", "more_body": True})
                self._said, silent = time.monotonic(), 0.0
            await asyncio.sleep(SIGN_OF_LIFE - silent)

    async def _say(self, chunks: Sequence[dict[str, Any]], send: Send) -> None:
        self._said = time.monotonic()
        if chunks:
            body = "".join(f"data: {as_json(chunk)}\n\n" for chunk in chunks).encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})

    async def _break_off(self, error: ApiError, send: Send) -> None:
        """Tell of an error: as the reply, or where that has begun, as the last thing in the stream."""
        self._record.outcome = error.code
        if not self._started:
            raise error
        body = f"data: {as_json(error.body)}\n\n".encode()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _take(self, part: Part) -> None:
        self._form.take(part)
        if part.text:
            self._record.heard(part.choice)
