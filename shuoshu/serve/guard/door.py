"""What every request passes before anything looks at it: name, origin, key, number, size.

The order matters: what costs least and excludes most comes first, and nothing of a body is read before its sender may
send one.
"""

import asyncio
from collections.abc import Collection
from urllib.parse import parse_qs, urlsplit

from starlette.responses import RedirectResponse, Response

from shuoshu.serve.faults import ApiError, broken
from shuoshu.serve.gate import Gate, closing
from shuoshu.serve.guard.headers import App, Message, Receive, Scope, Send, guarded_send
from shuoshu.serve.guard.keys import Keys
from shuoshu.serve.guard.login import let_in, show_form, take_form
from shuoshu.serve.ledger import Ledger, Record, log

BODY = 1 << 20
"""Bytes of a request: a conversation of 300,000 characters."""
BODY_SECONDS = 20.0
"""Time a body has to arrive."""
OPEN = ("/healthz", "/readyz", "/login")
"""What may be seen without a key."""
STEADY = ("/healthz", "/readyz", "/metrics")
"""What answers until the end."""
ANSWERS = ("/v1/chat/completions", "/v1/completions")
"""What is counted, limited and written down."""
LOCAL = ("localhost", "127.0.0.1", "::1")


class Guard:
    """Stands before the application.

    `names` are the host names requests may be addressed to, None for any; `origins` the web pages of other hosts that
    may send requests.
    """

    def __init__(
        self, app: App, gate: Gate, ledger: Ledger, keys: Keys, names: Collection[str] | None, origins: Collection[str]
    ) -> None:
        self._app, self._gate, self._ledger, self._keys = app, gate, ledger, keys
        self._names, self._origins = names, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        record = scope["shuoshu.record"] = Record(
            client=(scope.get("client") or ("-",))[0], method=scope["method"], path=scope["path"]
        )
        send = _noting_status(guarded_send(send, secure=scope["scheme"] == "https"), record)
        try:
            if record.path not in ANSWERS or record.method != "POST":
                await self._pass(scope, receive, send)
                return
            try:
                self._check(scope)
                with self._gate.admit(record.client):
                    await self._app(scope, await _with_body(scope, receive), send)
            finally:
                self._ledger.enter(record)
        except ApiError as error:
            await error.response()(scope, receive, send)
        except Exception:  # the application answers for its own faults; this is the last net
            log.exception("a request failed")
            if not record.status:
                await broken().response()(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request for anything but an answer."""
        path, method, secure = scope["path"], scope["method"], scope["scheme"] == "https"
        response: Response | None = None
        self._check(scope, open_to_all=True)
        if self._keys and path == "/login":
            posted = await _body(scope, receive) if method == "POST" else None
            response = show_form() if posted is None else take_form(posted, self._keys, secure)
        elif self._keys and path not in OPEN and not self._keys.admits(_headers(scope)):
            response = self._browser(scope, secure)
        if response is not None:
            await response(scope, receive, send)
        else:
            await self._app(scope, await _with_body(scope, receive), send)

    def _browser(self, scope: Scope, secure: bool) -> Response:
        """For a browser without a cookie: the form, or the page if its address has the key. Else raises ApiError."""
        path, headers = scope["path"], _headers(scope)
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("key")
        if scope["method"] != "GET" or path.startswith("/v1/") or path == "/metrics":
            raise self._gate.refuse(wrong_key("authorization" in headers))
        if given:
            return let_in(given[0], self._keys, secure)
        if "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        raise self._gate.refuse(wrong_key("authorization" in headers))

    def _check(self, scope: Scope, open_to_all: bool = False) -> None:
        """Raises ApiError for a request under a false name, from a foreign page, without a key, or too late."""
        headers, path = _headers(scope), scope["path"]
        if self._names is not None and _hostname(headers.get("host", "")) not in self._names:
            raise self._gate.refuse(ApiError(403, "This server is not called by that name (--name).", "wrong_host"))
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and self._foreign(headers):
            words = "Pages of other hosts may not send requests here (--cors)."
            raise self._gate.refuse(ApiError(403, words, "foreign_origin"))
        if not open_to_all and not self._keys.admits(headers):
            raise self._gate.refuse(wrong_key("authorization" in headers))
        if self._gate.closing and path not in STEADY:
            raise self._gate.refuse(closing(self._gate.pause))

    def _foreign(self, headers: dict[str, str]) -> bool:
        """Whether a browser sends this for a page of another host. Programs send no such headers."""
        origin = headers.get("origin", "")
        if origin in self._origins or "*" in self._origins:
            return False
        if site := headers.get("sec-fetch-site"):
            return site not in ("same-origin", "none")
        return bool(origin) and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def wrong_key(given: bool) -> ApiError:
    """For a request without the right key."""
    words = "That is not a key of this server." if given else "This server needs a key: Authorization: Bearer KEY."
    return ApiError(401, words, "invalid_api_key")


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises ApiError where it is too long or takes too long; a body cut off ends here too."""
    too_long = ApiError(413, f"The request has more than {BODY} bytes.", "request_too_large")
    length = _headers(scope).get("content-length", "")
    if length.isdecimal() and int(length) > BODY:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ApiError(400, "The request broke off.", "incomplete_request")
                body += message.get("body", b"")
                if len(body) > BODY:
                    raise too_long
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise ApiError(408, "The request took too long to arrive.", "request_timeout") from None


async def _with_body(scope: Scope, receive: Receive) -> Receive:
    """A `receive` that gives the whole body at once, and then whatever comes."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return receive
    whole: list[Message] = [{"type": "http.request", "body": await _body(scope, receive), "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay


def _noting_status(send: Send, record: Record) -> Send:
    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
        await send(message)

    return noted


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _hostname(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
