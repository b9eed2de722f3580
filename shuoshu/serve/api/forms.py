"""How parts of texts become OpenAI's objects: whole, or in chunks as they come."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from shuoshu.answer.ask import Citation
from shuoshu.generate.request import TokenLogprob
from shuoshu.serve.api.replies import chat_logprobs, citation_record, head, text_logprobs, usage_record

if TYPE_CHECKING:
    from shuoshu.serve.narrator import Narrator

End = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Part:
    """News of one of the texts of a request. The last one of each text has `end`."""

    choice: int
    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    end: End | None = None
    citations: tuple[Citation, ...] = ()
    confidence: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(kw_only=True)
class Form:
    """What both kinds of reply have in common, and what has come so far."""

    narrator: "Narrator"
    model: str
    """As the client calls it."""
    likelihoods: bool
    """Whether the tokens' likelihoods are told."""
    usage_wanted: bool
    """Whether a stream ends with the usage."""
    texts: dict[int, list[Part]] = field(default_factory=dict)
    _head: dict[str, Any] = field(init=False)
    """What every chunk begins with."""

    def take(self, part: Part) -> None:
        """Keep a part for the whole."""
        self.texts.setdefault(part.choice, []).append(part)

    @property
    def answers(self) -> list[str]:
        """The texts so far."""
        return ["".join(part.text for part in parts) for _, parts in sorted(self.texts.items())]

    @property
    def usage(self) -> dict[str, Any]:
        """Tokens of all texts."""
        parts = [part for parts in self.texts.values() for part in parts]
        return usage_record(
            sum(part.prompt_tokens for part in parts),
            sum(part.completion_tokens for part in parts),
            sum(part.cached_tokens for part in parts),
        )

    def closing(self) -> list[dict[str, Any]]:
        """Chunks sent after the last part."""
        return [{**self._head, "choices": [], "usage": self.usage}] if self.usage_wanted else []


@dataclass(kw_only=True)
class ChatForm(Form):
    """Replies of `/v1/chat/completions`."""

    def __post_init__(self) -> None:
        self._head = head("chat.completion.chunk", self.model)

    def opening(self, choices: int) -> list[dict[str, Any]]:
        """Chunks sent before there is any text."""
        return [self._chunk(choice, {"role": "assistant", "content": ""}, None, None) for choice in range(choices)]

    def chunk(self, part: Part) -> dict[str, Any] | None:
        """The chunk for a part; None for one that says nothing yet."""
        if not (part.text or part.logprobs or part.end):
            return None
        delta: dict[str, Any] = {"content": part.text} if part.text or part.logprobs else {}
        if part.end:
            delta["citations"] = [citation_record(citation) for citation in part.citations]
            delta["confidence"] = part.confidence
        logprobs = chat_logprobs(part.logprobs, self.narrator.tokenizer) if part.logprobs else None
        return self._chunk(part.choice, delta, logprobs, part.end)

    def whole(self) -> dict[str, Any]:
        """The reply that is not streamed."""
        choices = []
        for index, parts in sorted(self.texts.items()):
            logprobs = [each for part in parts for each in part.logprobs]
            message = {
                "role": "assistant",
                "content": "".join(part.text for part in parts),
                "citations": [citation_record(citation) for citation in parts[-1].citations],
                "confidence": parts[-1].confidence,
            }
            choices.append(
                {
                    "index": index,
                    "message": message,
                    "logprobs": chat_logprobs(logprobs, self.narrator.tokenizer) if self.likelihoods else None,
                    "finish_reason": parts[-1].end,
                }
            )
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self.usage}

    def _chunk(self, choice: int, delta: dict[str, Any], logprobs: Any, end: End | None) -> dict[str, Any]:
        chunk = {
            **self._head,
            "choices": [{"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": end}],
        }
        return {**chunk, "usage": None} if self.usage_wanted else chunk


@dataclass(kw_only=True)
class TextForm(Form):
    """Replies of `/v1/completions`."""

    echoes: Sequence[str] = ()
    """For each text what it begins with, where the client wants its prompt back."""

    def __post_init__(self) -> None:
        self._head = head("text_completion", self.model)
        self._offsets: dict[int, int] = {}

    def opening(self, choices: int) -> list[dict[str, Any]]:
        """Chunks sent before there is any text: the prompts, where they are wanted back."""
        return [self._chunk(choice, echo, None, None) for choice, echo in enumerate(self.echoes) if echo]

    def chunk(self, part: Part) -> dict[str, Any] | None:
        """The chunk for a part; None for one that says nothing yet."""
        if not (part.text or part.logprobs or part.end):
            return None
        logprobs = None
        if part.logprobs:
            tokenizer = self.narrator.tokenizer
            offset = self._offsets.get(part.choice, len(self._echo(part.choice)))
            logprobs = text_logprobs(part.logprobs, tokenizer, offset)
            self._offsets[part.choice] = offset + sum(tokenizer.characters_of[each.id] for each in part.logprobs)
        return self._chunk(part.choice, part.text, logprobs, part.end)

    def whole(self) -> dict[str, Any]:
        """The reply that is not streamed."""
        choices = []
        for index, parts in sorted(self.texts.items()):
            logprobs = [each for part in parts for each in part.logprobs]
            echo = self._echo(index)
            told = text_logprobs(logprobs, self.narrator.tokenizer, len(echo)) if self.likelihoods else None
            text = echo + "".join(part.text for part in parts)
            choices.append({"index": index, "text": text, "logprobs": told, "finish_reason": parts[-1].end})
        return {**self._head, "choices": choices, "usage": self.usage}

    def _echo(self, choice: int) -> str:
        return self.echoes[choice] if self.echoes else ""

    def _chunk(self, choice: int, text: str, logprobs: Any, end: End | None) -> dict[str, Any]:
        chunk = {
            **self._head,
            "choices": [{"index": choice, "text": text, "logprobs": logprobs, "finish_reason": end}],
        }
        return {**chunk, "usage": None} if self.usage_wanted else chunk
