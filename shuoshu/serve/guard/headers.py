"""Headers that keep browsers from being turned against the server: what a page may load, run, and be framed by.

Our pages have no scripts and, but for the form for the key, no styles in their HTML, so that nothing else that looks
like one and finds its way in, from a model, a book or a person, is ever run or drawn.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from shuoshu.serve.guard.login import STYLE

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""For everything that is no page."""

_STYLE = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' 'sha256-{_STYLE}'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
"""For pages: what comes from here, as files of their own, and the style of the form for the key."""


def guarded_send(send: Send, secure: bool) -> Send:
    """A `send` that adds the headers above; `secure` is whether the connection is encrypted."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add(message, PAGE if _is_page(message) else NOTHING, secure)
        await send(message)

    return with_headers


def _is_page(start: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"])


def _add(start: Message, policy: str, secure: bool) -> None:
    headers = {**ALWAYS, "Content-Security-Policy": policy}
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    ours = {name.lower().encode() for name in headers}
    kept = [(name, value) for name, value in start.get("headers", []) if name.lower() not in ours]
    start["headers"] = [*kept, *((name.lower().encode(), value.encode()) for name, value in headers.items())]
