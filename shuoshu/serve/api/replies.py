"""What the API gives: OpenAI's objects, and `citations` on the message of an answer from the books."""

import json
import time
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel

from shuoshu.answer.ask import Citation
from shuoshu.generate.request import TokenLogprob
from shuoshu.tokenizer import Tokenizer


class CitationModel(BaseModel):
    """The place in a book that shows an answer: `chapter.text[start:end] == quote`."""

    book: str
    chapter: int
    title: str
    start: int
    end: int
    quote: str


class Alternative(BaseModel):
    """A token and its natural log-probability, before temperature and penalties."""

    token: str
    logprob: float
    bytes: list[int]


class TokenModel(Alternative):
    """A token of the answer, with the likeliest in its place."""

    top_logprobs: list[Alternative]


class ChatLogprobs(BaseModel):
    """Likelihoods of the tokens of an answer."""

    content: list[TokenModel]
    refusal: None = None


class AnswerMessage(BaseModel):
    """An answer. Not in OpenAI: `citations`, the places in the books it was taken from, empty from memory; and
    `confidence`, the probability that an answer from the books is right, null from memory.
    """

    role: Literal["assistant"] = "assistant"
    content: str
    citations: list[CitationModel]
    confidence: float | None = None


class ChatChoice(BaseModel):
    """One of the n answers."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: Literal["stop", "length"]


class PromptDetails(BaseModel):
    """Of the tokens read, how many were in the cache already."""

    cached_tokens: int


class UsageModel(BaseModel):
    """Tokens the model read and wrote; none for a quotation that no model had a hand in."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class ChatCompletion(BaseModel):
    """The answer to a chat request that is not streamed."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: UsageModel


class TextLogprobs(BaseModel):
    """Likelihoods of the tokens of a text."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class TextChoice(BaseModel):
    """One continuation."""

    index: int
    text: str
    logprobs: TextLogprobs | None = None
    finish_reason: Literal["stop", "length"]


class Completion(BaseModel):
    """The continuations of a request that is not streamed."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    usage: UsageModel


class ModelCard(BaseModel):
    """A name that can stand as `model` in a request."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["shuoshu"] = "shuoshu"
    modes: list[Literal["open", "closed"]]
    """How it can answer; the first is what it does when not told."""


class ModelList(BaseModel):
    """All names."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Fault(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class FaultModel(BaseModel):
    """An error in OpenAI's form."""

    error: Fault


def head(kind: Literal["chat.completion", "chat.completion.chunk", "text_completion"], model: str) -> dict[str, Any]:
    """The fields every object of a reply begins with."""
    prefix = "cmpl" if kind == "text_completion" else "chatcmpl"
    return {"id": f"{prefix}-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def usage_record(prompt: int, completion: int, cached: int) -> dict[str, Any]:
    """Tokens read, written, and found in the cache, as `usage`."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def citation_record(citation: Citation) -> dict[str, Any]:
    """A citation as it goes over the wire."""
    return {
        "book": citation.book,
        "chapter": citation.chapter,
        "title": citation.title,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
    }


def chat_logprobs(logprobs: Sequence[TokenLogprob], tokenizer: Tokenizer) -> dict[str, Any]:
    """`logprobs` of a chat choice or chunk. A token may be a part of a character: `bytes` tell which."""

    def named(token: int, logprob: float) -> dict[str, Any]:
        piece = tokenizer.bytes_of[token] or mark_of(token, tokenizer).encode()
        return {"token": piece.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(piece)}

    content = [
        {**named(each.id, each.logprob), "top_logprobs": [named(*other) for other in each.top]} for each in logprobs
    ]
    return {"content": content, "refusal": None}


def text_logprobs(logprobs: Sequence[TokenLogprob], tokenizer: Tokenizer, offset: int) -> dict[str, Any]:
    """`logprobs` of a text choice or chunk whose first token stands at `offset` characters of the text."""

    def name(token: int) -> str:
        return tokenizer.bytes_of[token].decode("utf-8", "replace") or mark_of(token, tokenizer)

    offsets = []
    for each in logprobs:
        offsets.append(offset)
        offset += tokenizer.characters_of[each.id]
    return {
        "tokens": [name(each.id) for each in logprobs],
        "token_logprobs": [each.logprob for each in logprobs],
        "top_logprobs": [{name(token): logprob for token, logprob in each.top} for each in logprobs],
        "text_offset": offsets,
    }


def mark_of(token: int, tokenizer: Tokenizer) -> str:
    """The name of a special mark, which stands for no bytes."""
    return tokenizer.fast.id_to_token(token) or ""


def as_json(value: Any) -> str:
    """Compact JSON, Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
