"""The account of what cleaning did: every character of a file is kept, or dropped under the name of a rule.

Two equations hold exactly for every file, and `Account.balance` checks them:
characters in = characters kept + characters dropped; characters out = characters kept + characters added.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from shuoshu.books.scan import alphabet

SAMPLES = 5
"""Samples kept of each rule in each file."""

_CONTEXT = 12  # characters shown on either side of what was dropped
_MARK = "\x01"  # begins a heading (`extract.HEADING_MARK`)


@dataclass
class Tally:
    """What one rule did to one file."""

    times: int = 0
    dropped: int = 0
    """Characters taken away."""
    added: int = 0
    """Characters put in, as the second half of a dash."""
    changed: int = 0
    """Characters turned into another, one for one."""
    samples: list[str] = field(default_factory=list)
    """The first places, as `before⟦dropped⟧after`, line feeds shown as ⏎."""


class Account:
    """Keeps the tallies of one file while its text goes through the rules."""

    def __init__(self, characters: int) -> None:
        self.characters = characters
        """Characters in."""
        self.rules: dict[str, Tally] = {}
        self._text, self._alphabet = "", ""

    @property
    def dropped(self) -> int:
        """Characters dropped by all rules."""
        return sum(tally.dropped for tally in self.rules.values())

    @property
    def added(self) -> int:
        """Characters added by all rules."""
        return sum(tally.added for tally in self.rules.values())

    def balance(self, characters_out: int) -> None:
        """Raise AssertionError unless the account explains every character."""
        expected = self.characters - self.dropped + self.added
        assert characters_out == expected, f"{characters_out} characters out, the account says {expected}"
        self._text, self._alphabet = "", ""

    def alphabet(self, text: str) -> str:
        """The distinct characters of the text as it is now, looked for once as long as no rule changes it."""
        if text is not self._text:
            self._text, self._alphabet = text, alphabet(text)
        return self._alphabet

    def note(
        self, rule: str, *, times: int = 1, dropped: int = 0, added: int = 0, changed: int = 0, sample: str = ""
    ) -> None:
        """Enter what `rule` did."""
        tally = self.rules.setdefault(rule, Tally())
        tally.times += times
        tally.dropped += dropped
        tally.added += added
        tally.changed += changed
        if sample and len(tally.samples) < SAMPLES:
            tally.samples.append(show(sample))

    def sub(
        self, rule: str, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str], text: str
    ) -> str:
        """`pattern.sub` under the name of a rule; all replacements of one call shorten, or lengthen, or do neither."""
        new, times = pattern.subn(replacement, text)
        if times:
            shorter = len(text) - len(new)
            changed = times if shorter == 0 else 0
            self.note(rule, times=times, dropped=max(0, shorter), added=max(0, -shorter), changed=changed)
            self._samples(rule, pattern, text)
        return new

    def replace(self, rule: str, old: str, new: str, text: str) -> str:
        """`str.replace` under the name of a rule."""
        times = text.count(old)
        if not times:
            return text
        shorter = times * (len(old) - len(new))
        changed = times if shorter == 0 else 0
        self.note(rule, times=times, dropped=max(0, shorter), added=max(0, -shorter), changed=changed)
        self._samples(rule, re.compile(re.escape(old)), text)
        return text.replace(old, new)

    def drop_lines(self, rule: str, lines: list[str], gone: set[int]) -> list[str]:
        """Drop whole lines, each with its line feed, by their index; of one that begins a chapter its mark stays."""
        if not gone:
            return lines
        for i in sorted(gone):
            before = lines[i - 1][-_CONTEXT:] if i else ""
            after = lines[i + 1][:_CONTEXT] if i + 1 < len(lines) else ""
            dropped = len(lines[i]) - 1 if lines[i].startswith(_MARK) else len(lines[i]) + 1
            self.note(rule, dropped=dropped, sample=f"{before}\n⟦{lines[i]}⟧\n{after}")
        kept = [_MARK if i in gone else line for i, line in enumerate(lines) if i not in gone or line.startswith(_MARK)]
        if not kept:  # n lines joined have n - 1 line feeds between them
            self.rules[rule].dropped -= 1
            return [""]
        return kept

    def _samples(self, rule: str, pattern: re.Pattern[str], text: str) -> None:
        samples = self.rules[rule].samples
        for found in pattern.finditer(text):
            if len(samples) >= SAMPLES:
                return
            before = text[max(0, found.start() - _CONTEXT) : found.start()]
            samples.append(show(f"{before}⟦{found[0]}⟧{text[found.end() : found.end() + _CONTEXT]}"))


def show(text: str) -> str:
    """A sample on one line, its middle left out where it is long."""
    text = text.replace("\n", "⏎").replace("\r", "␍").replace(_MARK, "")
    return text if len(text) <= 160 else f"{text[:100]} … {text[-50:]}"
