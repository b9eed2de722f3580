"""A language model as judge: two answers, the reference in sight, each pair shown in both orders.

Judges favour the answer they see first (Zheng et al. 2023, arXiv 2306.05685, § 3.3), so a verdict counts only where
both orders agree; where they do not, it is reported as `disagreed` and is nobody's. Two answers of the same words are a
tie that nobody is asked about. Requests, retries and the ledger are those of `questions generate`: killed and started
again with the same answers, nothing is paid for twice.
"""

import importlib.util
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal

from shuoshu.errors import UserError
from shuoshu.files import read_utf8
from shuoshu.questions.client import Client, Job
from shuoshu.questions.ledger import Ledger
from shuoshu.questions.options import GenerateOptions
from shuoshu.questions.parse import ParseError, json_in
from shuoshu.questions.question import Question
from shuoshu.recipe import EvaluateOptions
from shuoshu.terminal import say

Verdict = Literal["left", "right", "tie", "disagreed", "alike"]
"""Which answer is better; `disagreed`: not the same in both orders; `alike`: the same words, nobody was asked."""

PLACES = {"book", "question", "reference", "key", "first", "second"}
"""The places of the prompt."""

_SCHEMA = {
    "type": "object",
    "properties": {"better": {"type": "string", "enum": ["1", "2", "tie"]}},
    "required": ["better"],
    "additionalProperties": False,
}
_TOKENS = 1024
"""Room for an answer: a verdict takes 10 tokens, and models that reason aloud put it behind their reasons."""
_IN_FLIGHT = 16


@dataclass(frozen=True)
class Duel:
    """Two answers to one question."""

    question: Question
    left: str
    right: str

    @property
    def alike(self) -> bool:
        """Whether both say the same words."""
        return self.left.split() == self.right.split()


class Judge:
    """The endpoint and the prompt, looked at before anything is asked."""

    def __init__(self, options: EvaluateOptions, folder: Path) -> None:
        """`folder` takes the ledger, `judge.jsonl`.

        Raises UserError where the library, the address or the key is missing, or the prompt has a place nobody fills.
        """
        self.model = options.judge or ""
        self._most = options.judge_calls
        self._ledger_path = folder / "judge.jsonl"
        if importlib.util.find_spec("openai") is None:
            raise UserError("The judge needs the openai library: pip install 'shuoshu[questions]'")
        if not (options.judge_url or os.environ.get("OPENAI_BASE_URL")):
            raise UserError("The judge needs the address of its endpoint; give --judge-url.")
        if self._most < 2:
            raise UserError("evaluate.judge_calls must be at least 2, one for each order of a pair.")
        self._options = GenerateOptions(
            base_url=options.judge_url,
            model=self.model,
            api_key_env=options.judge_key_env,
            temperature=0.0,
            in_flight=_IN_FLIGHT,
        )
        self._prompt = _read_prompt(options.judge_prompt)
        with Ledger(self._ledger_path) as ledger:
            Client(self._options, ledger)  # reads the key and the address: what is wrong with them shows now

    def decide(self, duels: Sequence[Duel]) -> list[Verdict | None]:
        """The verdict on each duel, in order; None where the endpoint gave no readable one.

        Says beforehand how many calls that takes. Raises UserError where the endpoint refuses or is gone.
        """
        asked = [duel for duel in duels if not duel.alike]
        jobs = [self._job(duel, turned) for duel in asked for turned in (False, True)]
        with Ledger(self._ledger_path) as ledger:
            self._options.limit = ledger.calls + self._most
            say(
                f"judge {self.model}: {len(duels)} pairs of answers, {len(duels) - len(asked)} alike; {len(jobs)} "
                f"calls (at most {self._most}), less what {self._ledger_path.name} holds of an earlier try."
            )
            client = Client(self._options, ledger)
            found = client.run("judge", jobs) if jobs else []
            if client.account.stopped:
                say(f"judge: stopped at {client.account.stopped}.")
        verdicts = iter(zip(found[::2], found[1::2], strict=True))
        return ["alike" if duel.alike else _agreed(*next(verdicts)) for duel in duels]

    @property
    def most_duels(self) -> int:
        """How many duels may be asked, at two calls each."""
        return self._most // 2

    def _job(self, duel: Duel, turned: bool) -> Job:
        question = duel.question
        first, second = (duel.right, duel.left) if turned else (duel.left, duel.right)
        prompt = self._prompt.substitute(
            book=question.book.strip("《》") or "？",
            question=question.question,
            reference=question.answer,
            key="、".join(question.key),
            first=first,
            second=second,
        )
        return Job("judge", prompt.strip(), _parse_turned if turned else _parse, _TOKENS, _SCHEMA)


def tally(model: str, verdicts: Iterable[Verdict | None]) -> dict[str, Any]:
    """Sums over the verdicts on one pair of sides.

    `n` counts the pairs of answers; `left_better` and `right_better` those decided alike in both orders, `ties` those
    judged equal in both, `alike` those of the same words, `disagreed` and `unread` the rest.
    """
    counts = Counter(verdicts)
    return {
        "judge": model,
        "n": counts.total(),
        "left_better": counts["left"],
        "right_better": counts["right"],
        "ties": counts["tie"],
        "alike": counts["alike"],
        "disagreed": counts["disagreed"],
        "unread": counts[None],
    }


def _agreed(one: Verdict | None, other: Verdict | None) -> Verdict | None:
    if one is None or other is None:
        return None
    return one if one == other else "disagreed"


def _parse(text: str, salvage: bool) -> Verdict:
    return _better(text, salvage, "left", "right")


def _parse_turned(text: str, salvage: bool) -> Verdict:
    return _better(text, salvage, "right", "left")


def _better(text: str, salvage: bool, first: Verdict, second: Verdict) -> Verdict:
    value = json_in(text, salvage)
    better = str(value.get("better", "")).strip().lower() if isinstance(value, dict) else ""
    meanings: dict[str, Verdict] = {"1": first, "2": second, "tie": "tie"}
    if better not in meanings:
        raise ParseError("`better` is none of 1, 2, tie")
    return meanings[better]


def _read_prompt(own: str | None) -> Template:
    path = Path(own) if own else Path(__file__).with_name("judge.md")
    template = Template(read_utf8(path))
    unknown = sorted(set(template.get_identifiers()) - PLACES) if template.is_valid() else ["a $ that begins no place"]
    if unknown:
        known = ", ".join(f"${{{place}}}" for place in sorted(PLACES))
        raise UserError(f"{path}: has {unknown[0]}; the places of this prompt are {known} ($$ is a plain $).")
    return template
