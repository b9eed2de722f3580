"""The options of `shuoshu questions generate`. Light: the command's help loads this module."""

import re
from dataclasses import dataclass, field
from typing import Literal

from shuoshu.errors import UserError

Way = Literal["title", "passage", "paraphrase", "unanswerable", "rewrite", "rules"]


@dataclass(kw_only=True)
class GenerateOptions:
    chapters: list[str] = field(default_factory=list)
    """chapters.jsonl files, made by `shuoshu books`: the books, or other texts on them (an encyclopedia's articles)."""
    out: str = "questions"
    """Folder for questions.jsonl, rejected.jsonl, rewrites.jsonl, report.html and the ledger of what was asked."""
    ways: list[Way] = field(default_factory=lambda: ["passage", "paraphrase", "unanswerable"])
    """title, passage, paraphrase, unanswerable, rewrite; rules needs no endpoint."""
    titles: list[str] = field(default_factory=list)
    """Titles for the way `title`; those of the chapters when not given."""
    per_title: int = 60
    """Questions asked on a title."""
    density: float = 3.0
    """Pairs for every 1,000 characters, in the ways `passage` and `rules`."""
    wordings: int = 6
    """New wordings for a question, in the way `paraphrase`."""
    absent: float = 0.5
    """Unanswerable questions for every 1,000 characters."""
    people: int = 10
    """Persons of a book whose chronicles and relations are written, in the way `rewrite`."""
    base_url: str | None = None
    """Address of any OpenAI-compatible endpoint, ending in /v1 as a rule; OPENAI_BASE_URL when not given."""
    model: str = ""
    """Name of the model at the endpoint."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key. The key itself is never an option, so that no history keeps it."""
    in_flight: int = 64
    """Requests under way at the same time."""
    requests_per_minute: float | None = None
    """Most requests begun in a minute."""
    timeout: float = 120.0
    """Seconds after which a request without an answer is asked again."""
    retries: int = 8
    """How often a refused (429), failed (5xx) or cut request is sent again, each time after a longer wait."""
    temperature: float = 0.7
    """Sampling temperature."""
    price_in: float = 0.0
    """Price of a million tokens sent, in your currency."""
    price_out: float = 0.0
    """Price of a million tokens received."""
    budget: float | None = None
    """Most money to spend in this folder, over all its runs, in the currency of the prices."""
    limit: int | None = None
    """Most answers to pay for in this folder, over all its runs."""
    prompts: str | None = None
    """Folder with your own templates; those missing there are taken from the package (shuoshu/questions/templates)."""
    estimate: bool = False
    """Only say how many calls, tokens, money and minutes it would take."""

    def check(self) -> None:
        """Raises UserError where a number makes no sense, or the budget has no prices to be counted in."""
        for name in ("per_title", "wordings", "in_flight", "limit"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UserError(f"--{name.replace('_', '-')} is {value}; it must be 1 or more.")
        for name in ("density", "timeout", "requests_per_minute", "budget"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise UserError(f"--{name.replace('_', '-')} is {value:g}; it must be more than 0.")
        for name in ("absent", "people", "retries", "temperature", "price_in", "price_out"):
            if not (value := getattr(self, name)) >= 0:
                raise UserError(f"--{name.replace('_', '-')} is {value:g}; it must be 0 or more.")
        if self.budget is not None and not (self.price_in or self.price_out):
            raise UserError("--budget counts money: give the endpoint's prices, --price-in and --price-out.")
        if self.base_url and not re.match(r"https?://[^/\s]", self.base_url):
            raise UserError("--base-url must be an address that begins with http:// or https://.")
