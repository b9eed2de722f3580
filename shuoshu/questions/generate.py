"""`shuoshu questions generate`: pairs made from the books by a model, by rule, or both, and checked against the books.

    shuoshu questions generate --chapters runs/mine/books/chapters.jsonl --base-url http://127.0.0.1:8000/v1 --model M

Killed and started again with the same options it goes on where it was, and the result is the same (`ledger.py`).
"""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.errors import UserError
from shuoshu.files import write_json, write_jsonl
from shuoshu.questions import ways
from shuoshu.questions.client import TOKENS_A_CHARACTER, Client, Job
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.ledger import Ledger
from shuoshu.questions.names import find_names
from shuoshu.questions.options import GenerateOptions
from shuoshu.questions.pieces import Piece, cut_pieces
from shuoshu.questions.places import Books
from shuoshu.questions.prompts import Prompts
from shuoshu.questions.question import Question
from shuoshu.questions.report import write_report
from shuoshu.questions.rules import rule_questions
from shuoshu.questions.verify import BANNED, Rejected, check_pairs, count_reasons
from shuoshu.terminal import clock, say

SECONDS_A_CALL = 10.0
"""Time of a call where this ledger has not measured it yet: a guess, for the estimate."""
ANSWER_SHARE = 0.6
"""Share of the most tokens an answer may have that it has on average, for the estimate."""
KEPT = 0.8
"""Share of pairs that pass the checks, for the estimate of what follows from them."""


@dataclass
class _Work:
    """The books as the ways need them, and what was made so far."""

    options: GenerateOptions
    prompts: Prompts
    chapters: list[Chapter]
    pieces: list[Piece]
    names: dict[str, list[str]]
    made: list[Question] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    rewrites: list[dict[str, str]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return self.options.titles or list(dict.fromkeys(chapter.book for chapter in self.chapters))

    def wants(self, way: str) -> bool:
        return way in self.options.ways


def generate_questions(options: GenerateOptions) -> dict[str, Any]:
    """Make pairs by the ways asked for, check them, and write the results to the folder `options.out`.

    Writes `questions.jsonl` (what holds), `rejected.jsonl` (what does not, with the reasons), `rewrites.jsonl` (texts
    for pretraining), `report.html` and `figures.json`; returns the figures. With `estimate`, only says what it would
    cost. Raises UserError for bad options, an endpoint that refuses, or one that is gone; what is paid for is kept.
    """
    begin = time.monotonic()
    options.check()
    chapters = [chapter for path in options.chapters for chapter in read_chapters(Path(path))]
    if not chapters and (not options.titles or set(options.ways) - {"title", "paraphrase"}):
        raise UserError("questions generate needs the books: --chapters runs/NAME/books/chapters.jsonl")
    named = {book: [chapter for chapter in chapters if chapter.book == book] for book in {c.book for c in chapters}}
    work = _Work(
        options,
        Prompts(Path(options.prompts) if options.prompts else None),
        chapters,
        cut_pieces(chapters),
        {book: list(find_names(own)) for book, own in sorted(named.items())},
    )
    out = Path(options.out)
    figures: dict[str, Any] = {}
    if set(options.ways) != {"rules"}:
        with Ledger(out / "ledger.jsonl") as ledger:
            figures["estimate"] = _estimate(work, ledger)
            if options.estimate:
                return figures
            figures |= _ask(work, Client(options, ledger))
    if options.estimate:
        return {"estimate": {"calls": 0, "tokens_in": 0, "tokens_out": 0, "cost": 0.0, "minutes": 0.0}}
    if work.wants("rules"):
        work.made += rule_questions(chapters, options.density)
    accepted, rejected = check_pairs(work.made, chapters)
    work.rejected += rejected
    asked = len(accepted) + len(work.rejected)
    figures |= {
        "accepted": len(accepted),
        "rejected": len(work.rejected),
        "rewrites": len(work.rewrites),
        "yield": round(len(accepted) / asked, 4) if asked else None,
        "reasons": count_reasons(work.rejected),
        "seconds": round(time.monotonic() - begin, 1),
    }
    write_jsonl(out / "rewrites.jsonl", work.rewrites)
    _write(out, accepted, work.rejected, figures)
    return figures


def _ask(work: _Work, client: Client) -> dict[str, Any]:
    """Walk the ways, each after those it builds on."""
    options, prompts, pieces = work.options, work.prompts, work.pieces
    if work.wants("title"):
        lines = client.run("questions on titles", ways.title_jobs(prompts, work.titles, options.per_title))
        asked = ways.title_questions(work.titles, lines)
        answers = client.run("answers", ways.answer_jobs(prompts, asked, pieces))
        pairs, unknown = ways.answered_questions(asked, answers)
        work.made += pairs
        work.rejected += unknown
    if work.wants("passage"):
        answers = client.run("pairs from passages", ways.passage_jobs(prompts, pieces, options.density))
        work.made += ways.passage_questions(pieces, answers)
    if work.wants("paraphrase"):
        # Checked before as well as after: wordings of a pair that does not hold are money thrown away.
        work.made, rejected = check_pairs(work.made, work.chapters)
        work.rejected += rejected
        jobs = ways.paraphrase_jobs(prompts, work.made, pieces, options.wordings)
        work.made = ways.paraphrased(work.made, client.run("wordings", jobs))
    if work.wants("unanswerable"):
        jobs = ways.unanswerable_jobs(prompts, pieces, work.names, options.absent)
        questions, rejected = ways.unanswerable_questions(jobs, client.run("unanswerable", jobs), pieces)
        # Absent names are looked up; whether a swapped relation stands in the book, only a second reading can tell.
        answers = client.run("second reading", ways.answer_jobs(prompts, questions, pieces))
        questions, told = ways.told_after_all(questions, answers, Books(work.chapters))
        work.made += questions
        work.rejected += rejected + told
    if work.wants("rewrite"):
        _rewrite(work, client)
    account, ledger = client.account, client.ledger
    if account.stopped:
        say(f"Stopped at {account.stopped}; with a higher one, the same command goes on from here.")
    if account.failed and not ledger.calls:
        raise UserError(
            f"The endpoint {client.address} answered nothing ({account.last_failure}); is --base-url right?"
        )
    if account.failed:
        reasons = ", ".join(f"{count} {reason}" for reason, count in account.failed.items())
        say(f"{sum(account.failed.values())} requests failed ({reasons}); the same command asks for them again.")
    return {
        "calls": ledger.calls,
        "tokens_in": ledger.tokens_in,
        "tokens_out": ledger.tokens_out,
        "cost": round(client.spent, 4),
        "failed": account.failed,
        "unreadable": account.unreadable,
        "salvaged": account.salvaged,
        "stopped": account.stopped,
    }


def _rewrite(work: _Work, client: Client) -> None:
    jobs = ways.rewrite_jobs(work.prompts, work.pieces, work.names, work.options.people)
    for (_, about), text in zip(jobs, client.run("rewrites", [job for job, _ in jobs]), strict=True):
        if text is None:
            continue
        source = about.pop("source")
        if reason := _rewrite_fault(text, source, work.names[about["book"]]):
            pair = Question(book=about["book"], type=about["way"], question=about["about"] or "？", answer=text)
            work.rejected.append(Rejected(pair, (reason,)))
        else:
            work.rewrites.append({**about, "text": text})


def _rewrite_fault(text: str, source: str, names: list[str]) -> str:
    """Why a retold text is no good; nothing where it is."""
    if len(text) < 60:
        return "rewrite too short"
    if BANNED.search(text) or "\ufffd" in text:
        return "rewrite opens with a set phrase or is garbled"
    if any(name in text and name not in source for name in names):
        return "rewrite speaks of somebody the source does not"
    chinese = [len(re.findall("[\u4e00-\u9fff]", part)) / len(part) for part in (text, source or "。")]
    return "rewrite in another language" if chinese[0] < 0.3 < chinese[1] else ""


def _estimate(work: _Work, ledger: Ledger) -> dict[str, Any]:
    """Calls, tokens, money and minutes of the whole; calls that follow from answers are guessed."""
    options, prompts, pieces = work.options, work.prompts, work.pieces
    jobs: list[Job] = []
    pairs = 0.0
    if work.wants("title"):
        on_titles = ways.title_jobs(prompts, work.titles, options.per_title)
        asked = ways.title_questions(work.titles, [[("其他", "？" * 15)] * options.per_title for _ in work.titles])
        jobs += on_titles + ways.answer_jobs(prompts, asked[:20], pieces) * max(1, len(asked) // 20)
        pairs += len(asked) * KEPT
    if work.wants("passage"):
        on_pieces = ways.passage_jobs(prompts, pieces, options.density)
        jobs += on_pieces
        pairs += KEPT * options.density * sum(len(piece.text) for piece in pieces) / 1000
    if work.wants("unanswerable"):
        on_absent = ways.unanswerable_jobs(prompts, pieces, work.names, options.absent)
        sample = [Question(book=piece.book, question="？" * 15, answer="？") for piece in pieces[:1]]
        jobs += on_absent + ways.answer_jobs(prompts, sample, pieces[:2]) * (3 * len(on_absent))
    if work.wants("rewrite"):
        jobs += [job for job, _ in ways.rewrite_jobs(prompts, pieces, work.names, options.people)]
    if work.wants("paraphrase"):
        sample = Question(book="书", question="？" * 20, answer="。" * 25, key=("词",), evidence="。" * 300)
        jobs += ways.paraphrase_jobs(prompts, [sample], [], options.wordings) * round(pairs)
    calls = len(jobs)
    tokens_in = sum(round(len(job.prompt) * TOKENS_A_CHARACTER) for job in jobs)
    tokens_out = sum(round(job.max_tokens * ANSWER_SHARE) for job in jobs)
    minutes = calls * (ledger.mean_seconds or SECONDS_A_CALL) / options.in_flight / 60
    if options.requests_per_minute:
        minutes = max(minutes, calls / options.requests_per_minute)
    cost = (tokens_in * options.price_in + tokens_out * options.price_out) / 1e6
    say(
        f"About {calls:,} calls, {tokens_in:,} tokens in, {tokens_out:,} out, cost {cost:.2f}, "
        f"{clock(60 * minutes)} at {options.in_flight} in flight; {ledger.calls:,} answers are in the ledger already."
    )
    return {
        "calls": calls,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "cost": round(cost, 4),
        "minutes": round(minutes, 2),
        "in_ledger": ledger.calls,
    }


def check_file(file: Path, chapters: Path, out: Path) -> dict[str, Any]:
    """Check a file of pairs people already have against the books.

    Writes `questions.jsonl`, `rejected.jsonl` and `report.html` into the folder `out`; returns the figures. Pairs of a
    book that is not among the chapters pass on their form alone: they are counted as `of_other_books`.
    """
    questions, read = read_questions(file), read_chapters(chapters)
    titles = {chapter.book for chapter in read}
    accepted, rejected = check_pairs(questions, read)
    figures = {
        "read": len(questions),
        "accepted": len(accepted),
        "rejected": len(rejected),
        "of_other_books": sum(question.book not in titles for question in questions),
        "reasons": count_reasons(rejected),
    }
    _write(out, accepted, rejected, figures)
    return figures


def _write(out: Path, accepted: list[Question], rejected: list[Rejected], figures: dict[str, Any]) -> None:
    write_questions(out / "questions.jsonl", accepted)
    write_jsonl(out / "rejected.jsonl", ({**pair.question.to_record(), "reasons": pair.reasons} for pair in rejected))
    write_report(out / "report.html", accepted, rejected, figures)
    write_json(out / "figures.json", figures)
    say(f"{len(accepted):,} pairs hold, {len(rejected):,} do not: {out / 'questions.jsonl'}, {out / 'report.html'}")
