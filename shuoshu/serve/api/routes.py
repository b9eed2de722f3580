"""The routes of the API: OpenAI's, and those for whoever looks after the server."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from shuoshu import __version__
from shuoshu.answer.ask import Mode
from shuoshu.serve.api.answering import Answering, quoted, written
from shuoshu.serve.api.body import StrictRoute
from shuoshu.serve.api.forms import ChatForm, TextForm
from shuoshu.serve.api.replies import ChatCompletion, Completion, FaultModel, ModelCard, ModelList
from shuoshu.serve.api.wire import (
    CHAT_EXAMPLES,
    COMPLETION_EXAMPLES,
    LONGEST_QUESTION,
    ChatRequest,
    Common,
    CompletionRequest,
)
from shuoshu.serve.faults import ApiError, speak_openai
from shuoshu.serve.gate import Gate
from shuoshu.serve.ledger import Ledger, Record
from shuoshu.serve.narrator import Narrator
from shuoshu.serve.options import ServeOptions

DESCRIPTION = """Answers about the books a model was trained on, in the form of OpenAI's API.

`POST /v1/chat/completions` answers the last user message: from the books, with `citations`, or from the model's memory.
`POST /v1/completions` goes on writing where a text ends."""
STREAM = "Chunks as server-sent events, the last one `data: [DONE]`; an error on the way is a chunk with `error`."
FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": FaultModel, "description": "The request cannot be obeyed; `param` names the field."},
    401: {"model": FaultModel, "description": "No key, or a wrong one."},
    403: {"model": FaultModel, "description": "Sent under a wrong host name, or by a page of another host."},
    404: {"model": FaultModel, "description": "There is no such model."},
    408: {"model": FaultModel, "description": "The request took too long to arrive."},
    413: {"model": FaultModel, "description": "The request is too large."},
    415: {"model": FaultModel, "description": "The request is no JSON."},
    429: {"model": FaultModel, "description": "Too many requests; `Retry-After` says when to come back."},
    500: {"model": FaultModel, "description": "A fault of the server."},
    503: {"model": FaultModel, "description": "The server is closing."},
    504: {"model": FaultModel, "description": "The answer took too long."},
}
LOOKED_UP: dict[int | str, dict[str, Any]] = {code: FAULTS[code] for code in (401, 403, 503)}


def _reply(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The responses of a route that answers whole, as this model, or in a stream."""
    return {200: {"model": model, "content": {"text/event-stream": {}}, "description": STREAM}, **FAULTS}


class Api:
    """What the routes do."""

    def __init__(self, narrators: Sequence[Narrator], gate: Gate, ledger: Ledger, options: ServeOptions) -> None:
        self.narrators, self.gate, self.ledger, self.options = narrators, gate, ledger, options
        self.by_name = {narrator.name: narrator for narrator in narrators}

    @property
    def names(self) -> list[str]:
        """All that can stand as `model`: each run, and each with the mode it does not have by itself."""
        names = []
        for each in self.narrators:
            names += [each.name, *(f"{each.name}:{mode}" for mode in each.modes[1:])]
        return names

    def find(self, name: str) -> tuple[Narrator, Mode | None]:
        """The run of a name, and the mode the name asks for. Raises ApiError."""
        if name in self.by_name:
            return self.by_name[name], None
        short, _, mode = name.rpartition(":")
        if short in self.by_name and mode in ("open", "closed"):
            return self.by_name[short], mode
        words = f"There is no model {name[:100]!r} here; GET /v1/models tells which there are."
        raise ApiError(404, words, "model_not_found", "model")

    def card(self, name: str) -> ModelCard:
        """A name as `/v1/models` tells of it. Raises ApiError."""
        narrator, mode = self.find(name)
        if mode and mode not in narrator.modes:
            raise _no_mode(name, mode)
        return ModelCard(id=name, created=narrator.created, modes=[mode] if mode else list(narrator.modes))

    async def chat(self, asked: ChatRequest, record: Record) -> Response:
        """Answer the last user message."""
        narrator, said = self.find(asked.model)
        mode = asked.mode or said or narrator.modes[0]
        if mode not in narrator.modes:
            raise _no_mode(asked.model, mode)
        question = asked.question
        if not question.strip():
            raise ApiError(400, "There is no user message with a question in it.", "no_question", "messages")
        self._note(record, narrator, mode, question)
        ways = asked.sampling(0.0, self._most(asked, asked.max_completion_tokens), asked.likelihoods)
        if mode == "open":
            if len(question) > LONGEST_QUESTION:
                words = f"The question has {len(question)} characters; it may have {LONGEST_QUESTION}."
                raise ApiError(400, words, "context_length_exceeded", "messages")
            parts = quoted(narrator, question, ways)
        else:
            self._check_length(narrator, len(question), "characters", "messages", 8)
            prompt = await asyncio.to_thread(narrator.question_ids, question)
            self._check_length(narrator, len(prompt), "tokens", "messages")
            parts = written(narrator, self.gate, [prompt], ways)
        likelihoods = asked.likelihoods is not None and mode == "closed"
        form = ChatForm(narrator=narrator, model=asked.model, likelihoods=likelihoods, usage_wanted=asked.usage_wanted)
        return Answering(parts, form, len(ways), bool(asked.stream), self.options.seconds, record)

    async def complete(self, asked: CompletionRequest, record: Record) -> Response:
        """Go on after each prompt."""
        narrator, _ = self.find(asked.model)
        if "closed" not in narrator.modes:
            raise _no_mode(asked.model, "closed")
        self._note(record, narrator, "text", str(asked.prompt))
        coded = []
        for prompt in asked.prompts:
            if isinstance(prompt, str):
                self._check_length(narrator, len(prompt), "characters", "prompt", 8)
                prompt = await asyncio.to_thread(narrator.text_ids, prompt)
            self._check_length(narrator, len(prompt), "tokens", "prompt")
            if max(prompt) >= narrator.tokenizer.vocab_size:
                words = f"Token ids go up to {narrator.tokenizer.vocab_size - 1} here."
                raise ApiError(400, words, "invalid_value", "prompt")
            coded.append(prompt)
        ways = asked.sampling(1.0, self._most(asked, None, 16), asked.logprobs)
        echoes = []
        if asked.echo:
            texts = [each if isinstance(each, str) else narrator.tokenizer.decode(each) for each in asked.prompts]
            echoes = [text for text in texts for _ in ways]
        form = TextForm(
            narrator=narrator, model=asked.model, likelihoods=asked.logprobs is not None,
            usage_wanted=asked.usage_wanted, echoes=echoes,
        )  # fmt: skip
        parts = written(narrator, self.gate, coded, ways)
        return Answering(parts, form, len(coded) * len(ways), bool(asked.stream), self.options.seconds, record)

    def _note(self, record: Record, narrator: Narrator, mode: str, question: str) -> None:
        record.model, record.mode = narrator.name, mode
        if self.options.log_prompts:
            record.question = question

    def _most(self, asked: Common, newer: int | None, default: int | None = None) -> int:
        """How many tokens an answer may have. Raises ApiError for more than the server gives."""
        most = self.options.max_new_tokens
        wanted = newer or asked.max_tokens or min(default or most, most)
        if wanted > most:
            param = "max_completion_tokens" if newer else "max_tokens"
            raise ApiError(400, f"{param} is {wanted}; this server writes {most} at most.", "invalid_value", param)
        return wanted

    def _check_length(self, narrator: Narrator, length: int, unit: str, param: str, per_token: int = 1) -> None:
        """Raises ApiError for a prompt that is too long; by its characters first, before it costs any work."""
        most = min(self.options.max_prompt_tokens, narrator.context - 1) * per_token
        if length > most:
            words = f"The prompt has {length} {unit}; this model takes {most} at most."
            raise ApiError(400, words, "context_length_exceeded", param)


def build_api(narrators: Sequence[Narrator], gate: Gate, ledger: Ledger, options: ServeOptions, keyed: bool) -> FastAPI:
    """The application with all routes but the page's. `keyed` says in its description that it needs a key."""
    api = Api(narrators, gate, ledger, options)
    # FastAPI's own documentation pages load their scripts from another host.
    app = FastAPI(title="Shuoshu", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.route_class = StrictRoute
    speak_openai(app)

    chats, texts = (Body(openapi_examples=_named(examples, api)) for examples in (CHAT_EXAMPLES, COMPLETION_EXAMPLES))

    @app.post("/v1/chat/completions", tags=["OpenAI"], responses=_reply(ChatCompletion))
    async def chat(asked: Annotated[ChatRequest, chats], request: Request) -> Response:
        """Answer the last user message: from the books, with citations, or from memory."""
        return await api.chat(asked, request.scope["shuoshu.record"])

    @app.post("/v1/completions", tags=["OpenAI"], responses=_reply(Completion))
    async def complete(asked: Annotated[CompletionRequest, texts], request: Request) -> Response:
        """Go on writing where a text ends."""
        return await api.complete(asked, request.scope["shuoshu.record"])

    @app.get("/v1/models", tags=["OpenAI"], responses=LOOKED_UP)
    async def models() -> ModelList:
        """All names that can stand as `model`."""
        return ModelList(data=[api.card(name) for name in api.names])

    @app.get("/v1/models/{model:path}", tags=["OpenAI"], responses={**LOOKED_UP, 404: FAULTS[404]})
    async def model(model: str) -> ModelCard:
        """One of them."""
        return api.card(model)

    @app.get("/healthz", tags=["Server"])
    async def healthz() -> dict[str, str]:
        """That the server is alive."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["Server"], responses={503: {"description": "It is closing."}})
    async def readyz() -> Response:
        """Whether it takes requests: 200, or 503 while it closes."""
        return JSONResponse({"status": "closing"}, 503) if gate.closing else JSONResponse({"status": "ready"})

    figures: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/plain": {}}}, 401: FAULTS[401], 403: FAULTS[403],
    }  # fmt: skip

    @app.get("/metrics", tags=["Server"], response_class=Response, responses=figures)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        text, kind = ledger.exposition()
        return Response(text, media_type=kind)

    def describe() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _describe(app, api, keyed)
        return app.openapi_schema

    app.openapi = describe
    return app


def _describe(app: FastAPI, api: Api, keyed: bool) -> dict[str, Any]:
    """The OpenAPI document: as FastAPI makes it, with the models, limits, key and errors of this server."""
    schema = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    schemas = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    writers = [name for name in api.names if "closed" in api.find(name)[0].modes]
    for name, models in (("ChatRequest", api.names), ("CompletionRequest", writers or api.names)):
        fields = schemas[name]["properties"]
        fields["model"]["enum"] = models
        for field in ("max_tokens", "max_completion_tokens"):
            if field in fields:
                fields[field]["anyOf"][0]["maximum"] = api.options.max_new_tokens
    if writers:
        last = min(api.find(name)[0].tokenizer.vocab_size for name in writers) - 1
        several = schemas["CompletionRequest"]["properties"]["prompt"]["anyOf"]
        for ids in (several[1], several[3]["items"]):
            ids["items"]["maximum"] = last
    modes = [mode for mode in ("open", "closed") if all(mode in narrator.modes for narrator in api.narrators)]
    schemas["ChatRequest"]["properties"]["mode"]["anyOf"][0]["enum"] = modes or ["open", "closed"]
    schema["paths"]["/v1/models/{model}"]["get"]["parameters"][0]["schema"]["enum"] = api.names
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            if keyed and path not in ("/healthz", "/readyz"):
                operation["security"] = [{"key": []}]
    if keyed:
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return schema


def _named(examples: dict[str, Any], api: Api) -> Any:
    """Examples with the name of a model that is there."""
    name = api.names[0]
    return {key: {**each, "value": {"model": name, **each["value"]}} for key, each in examples.items()}


def _no_mode(name: str, mode: str) -> ApiError:
    lacks = "an index" if mode == "open" else "a model"
    return ApiError(400, f"{name!r} has no {lacks}, so it cannot answer that way.", "mode_not_available", "mode")
