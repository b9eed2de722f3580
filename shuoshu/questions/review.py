"""The pairs under review: what a person changes, accepts and rejects is on the disk before the page says so.

The file itself always holds the pairs that are not rejected, as corrected. `NAME.review.jsonl` beside it holds all of
them with their verdicts, so that a rejected pair can be taken back; its first line tells by hashes which question file
it belongs to, so that a kill between the two files, or a file changed by other hands, is known for what it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.files import hash_file, read_jsonl, write_aside, write_jsonl
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.questions.verify import Books, check_pair
from shuoshu.terminal import progress

Verdict = Literal["", "accept", "reject"]
LISTS = ("key", "paraphrases")
"""Fields written one entry a line."""
FIELDS = {field.name for field in fields(Question)}


@dataclass(frozen=True)
class Pair:
    """A question with its verdict and what the checks against the books find wrong with it."""

    question: Question
    verdict: Verdict = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """Which pairs to look at; what is empty does not matter."""

    verdict: Literal["", "open", "accept", "reject"] = ""
    kind: str = ""
    """A type (人物 …) or a level (NA)."""
    fault: str = ""
    """One of the checks' reasons; `any` for a pair with one at least."""
    text: str = ""
    """Stands in the id, a wording, the answer or a key."""

    def holds(self, pair: Pair) -> bool:
        """Whether a pair is one of those."""
        question = pair.question
        told = "\n".join((question.id, *question.wordings(), question.answer, *question.key))
        return (
            self.verdict in ("", pair.verdict or "open")
            and self.kind in ("", question.type, question.level)
            and (self.fault in ("", *pair.faults) or (self.fault == "any" and bool(pair.faults)))
            and self.text.strip().lower() in told.lower()
        )


class Review:
    """The pairs of a file, their verdicts, and the books they came from. Safe for several pages at once."""

    def __init__(self, file: Path, chapters: list[Chapter]) -> None:
        """Goes on with `NAME.review.jsonl` where there is one.

        Raises UserError for a file without pairs, or one that saving would turn into another format.
        """
        self.file = file
        self.chapters = {(chapter.book, chapter.number): chapter for chapter in chapters}
        self._log = file.with_suffix(".review.jsonl")
        self._books = Books(chapters)
        self._lock = Lock()
        if file.suffix != ".jsonl":
            ours = file.with_suffix(".jsonl")
            raise UserError(
                f"{file}: only .jsonl is reviewed; bring it in: shuoshu questions import {file} --out {ours}"
            )
        given = read_questions(file)
        if not given:
            raise UserError(f"{file}: holds no question to review.")
        self._hash = hash_file(file)
        judged, unsaved = self._judged(given)
        self.pairs: list[Pair] = []
        with progress("check", len(judged)) as bar:
            for done, (question, verdict) in enumerate(judged):
                self.pairs.append(Pair(question, verdict, self._faults(question)))
                bar.update(done)
        if unsaved:
            self._save(self.pairs)

    def edit(self, place: int, typed: Mapping[str, str]) -> None:
        """Take over fields of a pair as they were typed (lists stand one entry a line), and save.

        Raises UserError, and keeps what is on the disk, where question or answer would be empty.
        """
        changed = {name: _value(name, text) for name, text in typed.items()}
        if not changed.get("question", "?") or not changed.get("answer", "!"):
            raise UserError("问题和答案不能为空，未保存。A pair needs a question and an answer: not saved.")

        def change(pair: Pair) -> Pair:
            question = replace(pair.question, **changed)
            return pair if question == pair.question else Pair(question, pair.verdict, self._faults(question))

        self._change(place, change)

    def judge(self, place: int, verdict: Verdict) -> None:
        """Accept or reject a pair, or take the verdict back, and save."""
        self._change(place, lambda pair: replace(pair, verdict=verdict))

    def find(self, wanted: Wanted) -> list[int]:
        """The places of the pairs to look at."""
        return [place for place, pair in enumerate(self.pairs) if wanted.holds(pair)]

    def next_open(self, place: int, wanted: Wanted) -> int:
        """The next pair after `place` that waits for a verdict, round the end; `place` where there is none."""
        places = self.find(wanted)
        around = [p for p in places if p > place] + [p for p in places if p < place]
        waiting = (p for p in around if not self.pairs[p].verdict)
        # Someone who looks through rejected pairs goes on to the next of these.
        return next(waiting, around[0] if around and wanted.verdict in ("accept", "reject") else place)

    def located(self, place: int) -> Question:
        """The pair with its evidence as the book has it, where the checks can tell."""
        return check_pair(self.pairs[place].question, self._books)[0]

    def _faults(self, question: Question) -> tuple[str, ...]:
        return tuple(check_pair(question, self._books)[1])

    def _change(self, place: int, change: Callable[[Pair], Pair]) -> None:
        """Change a pair on the disk, then here: what fails to be written has not happened."""
        with self._lock:
            pair = change(self.pairs[place])
            if pair != self.pairs[place]:
                pairs = [*self.pairs]
                pairs[place] = pair
                self._save(pairs)
                self.pairs = pairs

    def _save(self, pairs: list[Pair]) -> None:
        """Write all pairs with verdicts, then the file without what is rejected; each whole or not at all."""
        if hash_file(self.file) != self._hash:
            words = "was changed by another program since this page was opened; start the review again"
            raise UserError(f"文件已被别的程序改动，请重新打开审阅。{self.file} {words}.")
        kept = [pair.question for pair in pairs if pair.verdict != "reject"]
        # The hash of what the file will be is known only once it is written, aside.
        with write_aside(self.file) as aside:
            write_questions(aside, kept)
            after = hash_file(aside)
            head = {"file": self.file.name, "before": self._hash, "after": after}
            records = ({**pair.question.to_record(), "verdict": pair.verdict} for pair in pairs)
            write_jsonl(self._log, [head, *records])
        self._hash = after

    def _judged(self, given: list[Question]) -> tuple[list[tuple[Question, Verdict]], bool]:
        """The pairs with their verdicts as the last review left them, and whether the file does not show them yet."""
        if not self._log.is_file():
            return [(question, "") for question in given], False
        head, *records = (record for _, record in read_jsonl(self._log))
        if "after" not in head:
            raise UserError(f"{self._log}: not a review of this version; move it away to begin anew.")
        judged = [(_question(record), record["verdict"]) for record in records]
        if self._hash in (head["before"], head["after"]):
            return judged, self._hash != head["after"]  # killed between the two files: the later one is still to come
        # Others have changed the file: what they left counts. Verdicts on pairs they left alone stay, and so does what
        # was rejected.
        verdicts = {question: verdict for question, verdict in judged if verdict != "reject"}
        there = set(given)
        taken_out = [(q, v) for q, v in judged if v == "reject" and q not in there]
        return [(question, verdicts.get(question, "")) for question in given] + taken_out, True


def _value(name: str, text: str) -> Any:
    """A field as it was typed."""
    if name == "chapter":
        return int(text) if text else None
    if name in LISTS:
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    return text.strip()


def _question(record: dict[str, Any]) -> Question:
    values: dict[str, Any] = {}
    for name in FIELDS & record.keys():
        values[name] = tuple(record[name]) if isinstance(record[name], list) else record[name]
    return Question(**values)
