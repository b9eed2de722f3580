"""Mistakes that the page tells in the visitor's language: each has its sentence in `web/labels.json`."""

from typing import Any

from shuoshu.errors import UserError


class Sentence(UserError):
    """A mistake with a label of its own, `fault_CODE`, whose braces `fill` fills; `words` say it elsewhere."""

    def __init__(self, code: str, words: str, **fill: Any) -> None:
        super().__init__(words)
        self.code, self.fill = code, fill
