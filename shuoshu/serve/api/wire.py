"""What the API takes: the requests of OpenAI's chat and text completions, with a few fields of our own.

Unknown fields are left alone, since front ends send many. Fields of OpenAI that would change the answer and cannot be
obeyed (tools, penalties other than ours …) are refused unless they are empty.
"""

import secrets
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shuoshu.answer.ask import Mode
from shuoshu.recipe import Sampling

CHOICES = 8
"""Texts one request may ask for, for each of as many prompts."""
LONGEST_QUESTION = 2000
"""Characters of a question that is looked up in the books."""


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 2.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Round = BeforeValidator(_whole)
Stop = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Positive = Annotated[int, Field(ge=1), Round]
Ids = Annotated[list[Annotated[int, Field(ge=0), Round]], Field(min_length=1)]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Nothing = Annotated[float, Field(ge=0, le=0)]
Empty = Annotated[list[Any], Field(max_length=0)]


class Strict(BaseModel):
    """No guessing: `"1"` is no number. NaN and infinities are none either."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class TextPart(Strict):
    """A piece of a message."""

    type: Literal["text"]
    text: str


class Message(Strict):
    """One message; its content is a text, or a list of pieces of text."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Strict):
    """How to stream."""

    include_usage: bool | None = None
    """End with a chunk that has no choices and the usage."""


class TextFormat(Strict):
    """The one format there is."""

    type: Literal["text"]


class Common(Strict):
    """What both kinds of request have."""

    model: str
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Positive | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1), Round] | None = Field(None, description="Not in OpenAI: the k likeliest only.")
    min_p: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Not in OpenAI: tokens at least so many times as likely as the likeliest."
    )
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = Field(
        None, description="Not in OpenAI: above 1, what stands there already becomes less likely."
    )
    n: Annotated[int, Field(ge=1, le=CHOICES), Round] | None = None
    seed: Annotated[int, Round] | None = Field(
        None, description="The same seed gives the same text; drawn by lot when not given."
    )
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] | None = None
    presence_penalty: Nothing | None = None
    frequency_penalty: Nothing | None = None
    logit_bias: Annotated[dict[str, Any], Field(max_length=0)] | None = None
    user: str | None = None

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def sampling(self, temperature: float, max_new_tokens: int, logprobs: int | None) -> list[Sampling]:
        """How to choose tokens for each of the n texts, with these in place of what is not given."""
        seed = secrets.randbits(31) if self.seed is None else self.seed % 2**63
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [
            Sampling(
                max_new_tokens=max_new_tokens,
                temperature=temperature if self.temperature is None else self.temperature,
                top_k=max(0, self.top_k or 0),
                top_p=1.0 if self.top_p is None else max(self.top_p, 1e-6),
                min_p=self.min_p or 0.0,
                repetition_penalty=self.repetition_penalty or 1.0,
                seed=seed + choice,
                stop=tuple(stop),
                logprobs=logprobs,
            )
            for choice in range(self.n or 1)
        ]


CHAT_EXAMPLES = {
    "question": {
        "summary": "A question",
        "value": {"messages": [{"role": "user", "content": "虞照川的师父是谁？"}]},
    },
    "closed": {
        "summary": "From memory, streamed, with the usage at the end",
        "value": {
            "messages": [{"role": "user", "content": "虞照川的师父是谁？"}],
            "mode": "closed",
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    },
    "parts": {
        "summary": "Content in parts, a system message, two drawn answers",
        "value": {
            "messages": [
                {"role": "system", "content": "You answer briefly."},
                {"role": "user", "content": [{"type": "text", "text": "邵拙爱喝什么茶？"}]},
            ],
            "mode": "closed",
            "temperature": 0.8,
            "top_k": 50,
            "n": 2,
            "seed": 1,
            "max_tokens": 32,
        },
    },
}
COMPLETION_EXAMPLES = {
    "text": {"summary": "Go on after a text", "value": {"prompt": "澹江上", "max_tokens": 32, "seed": 1}},
    "logprobs": {
        "summary": "The likeliest text, with the likelihoods",
        "value": {"prompt": "澹江上", "max_tokens": 8, "temperature": 0, "logprobs": 2},
    },
}


QUESTION = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"const": "user"},
        "content": {
            "anyOf": [
                {"type": "string", "pattern": r"\S"},
                {
                    "type": "array",
                    "contains": {"type": "object", "properties": {"text": {"type": "string", "pattern": r"\S"}}},
                },
            ]
        },
    },
}
"""What one of the messages must be, in the words of JSON Schema."""


class ChatRequest(Common):
    """A conversation. Its last user message is answered; what was said before is not looked at."""

    messages: Annotated[list[Message], Field(min_length=1, json_schema_extra={"contains": QUESTION})]
    mode: Mode | None = Field(
        None,
        description="Not in OpenAI: `open` searches the books and quotes them, `closed` lets the model answer from "
        "memory. When not given, as the model's name says, or `open` where the run has an index.",
    )
    max_completion_tokens: Positive | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20), Round] | None = None
    tools: Empty | None = None
    functions: Empty | None = None
    response_format: TextFormat | None = None

    @property
    def question(self) -> str:
        """The last user message with anything in it; empty where there is none."""
        said = (message.text for message in reversed(self.messages) if message.role == "user")
        return next((text for text in said if text.strip()), "")

    @property
    def likelihoods(self) -> int | None:
        """How many alternatives to report for each token; None for no likelihoods at all."""
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(Common):
    """A text to go on from, or several; token ids are taken as they are."""

    prompt: (
        NonEmpty
        | Ids
        | Annotated[list[NonEmpty], Field(min_length=1, max_length=CHOICES)]
        | Annotated[list[Ids], Field(min_length=1, max_length=CHOICES)]
    )
    logprobs: Annotated[int, Field(ge=0, le=5), Round] | None = None
    echo: bool | None = False
    suffix: Annotated[str, StringConstraints(max_length=0)] | None = None
    best_of: Annotated[int, Field(ge=1, le=1), Round] | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each prompt by itself."""
        if isinstance(self.prompt, str) or isinstance(self.prompt[0], int):
            return [self.prompt]  # type: ignore[list-item]
        return list(self.prompt)  # type: ignore[arg-type]
