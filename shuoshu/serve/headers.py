"""Headers that keep browsers from being turned against the server: what a page may load, run, and be framed by.

The page's own scripts stand in its HTML; each is allowed by its hash, so that nothing else that looks like a script and
finds its way into the page, from a model, a book or a person, is ever run.
"""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

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

_SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def page_policy(html: bytes) -> str:
    """The content security policy of a page of ours: its own host, and the scripts that stand in it."""
    inline = [body for attributes, body in _SCRIPT.findall(html) if b"src=" not in attributes.lower() and body]
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}'" for body in inline)
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {hashes}".rstrip(),
            "style-src 'self' 'unsafe-inline'",  # the page's framework sets styles as it draws
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self' blob:",
            "form-action 'self'",
            "base-uri 'self'",
            "frame-ancestors 'none'",
        ]
    )


def guarded_send(send: Send, secure: bool) -> Send:
    """A `send` that adds the headers above; a page of HTML is held until its scripts are known."""
    start: Message = {}
    page = bytearray()

    async def with_headers(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            if not _is_page(message):
                _add(message, NOTHING, secure)
                await send(message)
        elif message["type"] == "http.response.body" and _is_page(start):
            page.extend(message.get("body", b""))
            if not message.get("more_body", False):
                _add(start, page_policy(bytes(page)), secure)
                await send(start)
                await send({**message, "body": bytes(page)})
        else:
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
