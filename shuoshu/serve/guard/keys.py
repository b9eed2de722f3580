"""Who may ask: API keys for programs, and for browsers a cookie that a key was exchanged for."""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterable, Mapping

from shuoshu.errors import UserError

VARIABLE = "SHUOSHU_API_KEY"
COOKIE = "shuoshu"
COOKIE_SECONDS = 30 * 24 * 3600
SHORTEST = 16
"""Characters of a key: as many as nobody guesses over a network."""


class Keys:
    """The keys of this server; without any, everybody may ask. Every comparison takes the same time for any answer."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = [key.encode() for key in keys]
        # Any of the keys may be taken back by leaving it out; a cookie is good as long as its own key is.
        self._signers = [hashlib.sha256(b"shuoshu page " + key).digest() for key in self._keys]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def knows(self, key: str) -> bool:
        """Whether this is one of the keys."""
        given = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        # All are compared, and by their digests, so that neither place nor length shows in the time.
        return True in [hmac.compare_digest(given, hashlib.sha256(known).digest()) for known in self._keys]

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether a request with these headers may pass: by its bearer key, or by its cookie."""
        if not self._keys:
            return True
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.knows(key.strip()):
            return True
        return self._vouched(_cookie(headers.get("cookie", "")))

    def cookie(self, key: str, secure: bool) -> str:
        """The value of `Set-Cookie` for a browser that has shown this key."""
        ends = str(int(time.time()) + COOKIE_SECONDS)
        signer = hashlib.sha256(b"shuoshu page " + key.encode()).digest()
        attributes = f"Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        return f"{COOKIE}={ends}.{_sign(ends, signer)}; {attributes}"

    def _vouched(self, value: str) -> bool:
        ends, _, mark = value.partition(".")
        if not ends.isdecimal() or not mark.isascii() or len(ends) > 12 or int(ends) < time.time():
            return False
        return True in [hmac.compare_digest(mark, _sign(ends, signer)) for signer in self._signers]


def chosen_keys(given: Iterable[str]) -> Keys:
    """The keys of the command line and of the environment (several with commas between).

    Raises UserError for one that is too short, or cannot stand in a header.
    """
    keys = [*given, *(key for key in os.environ.get(VARIABLE, "").split(",") if key.strip())]
    keys = [key.strip() for key in keys]
    for key in keys:
        if len(key) < SHORTEST or not all("!" <= character <= "~" for character in key):
            raise UserError(
                f"An API key needs {SHORTEST} characters or more, letters, digits and ASCII marks without spaces; "
                f"for instance {new_key()}."
            )
    return Keys(keys)


def new_key() -> str:
    """A key nobody has had yet."""
    return secrets.token_urlsafe(24)


def _sign(text: str, signer: bytes) -> str:
    return hmac.new(signer, text.encode(), hashlib.sha256).hexdigest()


def _cookie(header: str) -> str:
    """Our cookie among those of a request: read by hand, as http.cookies gives up where another one is malformed."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")
