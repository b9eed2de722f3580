"""Errors in OpenAI's form: {"error": {"message", "type", "param", "code"}}, with the status that belongs to them."""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import Response


class ApiError(Exception):
    """A request that cannot be answered, and why, in one sentence for whoever sent it.

    `retry_after` (seconds) is for faults that pass; without it a client is told that trying again is no use.
    """

    def __init__(
        self, status: int, message: str, code: str, param: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param, self.retry_after = status, message, code, param, retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The object that goes over the wire."""
        kind = "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        elif self.status >= 500:
            kind = "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, or for faults that clients would else try again by themselves, that they should not."""
        if self.retry_after is not None:
            return {"Retry-After": str(self.retry_after)}
        if self.status == 408 or self.status >= 500:
            return {"x-should-retry": "false"}
        return {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}

    def response(self) -> "Response":
        """The whole answer."""
        from starlette.responses import JSONResponse

        return JSONResponse(self.body, self.status, self.headers)


def broken() -> ApiError:
    """For what is nobody's fault outside: the log has the rest."""
    return ApiError(500, "Something went wrong in the server; its log says what.", "internal_error")


def speak_openai(app: "FastAPI") -> None:
    """Let every error of the application come in OpenAI's form."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    async def told(_: Request, error: Exception) -> "Response":
        assert isinstance(error, ApiError)
        return error.response()

    async def invalid(_: Request, error: Exception) -> "Response":
        assert isinstance(error, RequestValidationError)
        return _first_mistake(error.errors()).response()

    async def http(_: Request, error: Exception) -> "Response":
        assert isinstance(error, HTTPException)
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        response = ApiError(error.status_code, f"{error.detail}.".replace("..", "."), code).response()
        response.headers.update(error.headers or {})
        return response

    async def unforeseen(_: Request, error: Exception) -> "Response":
        return broken().response()  # what it was, the guard writes into the log

    app.exception_handler(ApiError)(told)
    app.exception_handler(RequestValidationError)(invalid)
    app.exception_handler(HTTPException)(http)
    app.exception_handler(Exception)(unforeseen)


UNSUPPORTED = {
    "tools": "These models call no tools.",
    "functions": "These models call no functions.",
    "logit_bias": "logit_bias is not supported.",
    "response_format": "These models write text only; leave response_format out.",
    "presence_penalty": "presence_penalty is not supported; repetition_penalty does the like.",
    "frequency_penalty": "frequency_penalty is not supported; repetition_penalty does the like.",
    "suffix": "suffix is not supported.",
    "best_of": "best_of is not supported; use n.",
}
"""What is told about fields of OpenAI that would change the answer, and cannot be obeyed."""


def _first_mistake(errors: Any) -> ApiError:
    """The first thing wrong with a body, in a sentence that names the field. What was sent is not repeated."""
    if errors[0]["loc"] == ("body",):
        return ApiError(400, "The body is no JSON object.", "invalid_json")
    # A field that may be this or that has a mistake for each; the one that went deepest is the one that was meant.
    name = errors[0]["loc"][:2]
    first = max((error for error in errors if error["loc"][:2] == name), key=lambda error: len(_place(error)))
    place = _place(first)
    param = ".".join(place) or None
    if place and place[0] in UNSUPPORTED:
        return ApiError(400, UNSUPPORTED[place[0]], "unsupported_parameter", place[0])
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return ApiError(400, f"{param or 'The body'}: {first['msg']}.", code, param)


def _place(error: Any) -> list[str]:
    """Where a mistake stands, field by field, without pydantic's names of the kinds that were tried."""
    kinds = ("body", "str", "int", "float", "bool")
    return [str(part) for part in error["loc"] if re.fullmatch("[a-z0-9_]+", str(part)) and part not in kinds]
