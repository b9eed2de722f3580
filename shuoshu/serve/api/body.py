"""JSON as it comes in: read by pydantic's parser, which refuses what Python's lets pass and later code trips over.

That is half a surrogate pair in a text, NaN, nesting without end, and numbers of thousands of digits.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from shuoshu.serve.faults import ApiError


class StrictRequest(Request):
    """A request with strict JSON in it."""

    value: Any = None

    async def read(self) -> None:
        """Read the body. Raises ApiError where it is no JSON, or does not say that it is."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ApiError(415, "Send JSON, as Content-Type: application/json.", "unsupported_media_type")
        try:
            self.value = from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise ApiError(400, f"The body is not JSON: {error}.", "invalid_json") from error

    async def json(self) -> Any:
        """What was read."""
        return self.value


class StrictRoute(APIRoute):
    """A route whose bodies are such."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if request.method != "POST":
                return await handle(request)
            posted = StrictRequest(request.scope, request.receive)
            await posted.read()
            return await handle(posted)

        return strict
