"""What `ask`, `complete` and `chat` do at the terminal."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shuoshu.answer.ask import Answer, Mode, Storyteller
from shuoshu.errors import UserError
from shuoshu.files import read_utf8, write_jsonl
from shuoshu.recipe import Sampling
from shuoshu.terminal import progress, say

ASK_AT_ONCE = 32
"""Questions of a file answered between two moves of the progress bar."""


def ask_one(
    storyteller: Storyteller, question: str, mode: Mode | None, tips: bool, sampling: Sampling, quiet: bool
) -> dict[str, Any]:
    """Answer one question, printing it as it comes unless `quiet`; returns the record of `--json`."""
    answer = _print_stream(storyteller, question, mode, tips, sampling, quiet)
    return answer_record(answer)


def ask_file(
    storyteller: Storyteller, file: Path, out: Path, mode: Mode | None, tips: bool, sampling: Sampling
) -> dict[str, Any]:
    """Answer every question of a file into JSON Lines; returns how many, and the seconds."""
    questions = read_prompts(file)
    started = time.monotonic()
    answers: list[Answer] = []
    with progress("ask", len(questions)) as bar:
        for i in range(0, len(questions), ASK_AT_ONCE):
            answers += storyteller.ask(questions[i : i + ASK_AT_ONCE], mode, tips, sampling)
            bar.update(len(answers))
    write_jsonl(out, map(answer_record, answers))
    seconds = round(time.monotonic() - started, 2)
    say(f"{len(answers)} answers in {seconds} s: {out}")
    return {"questions": len(answers), "out": str(out), "seconds": seconds}


def read_prompts(file: Path) -> list[str]:
    """Questions of a file: one a line in a text file, the `question` of each record in any other known format."""
    from shuoshu.questions.formats import read_questions

    if file.suffix.lower() in (".jsonl", ".json", ".csv"):
        questions = [question.question for question in read_questions(file)]
    else:
        questions = [line.strip() for line in read_utf8(file).splitlines() if line.strip()]
    if not questions:
        raise UserError(f"{file} holds no question; write one a line.")
    return questions


def complete_text(storyteller: Storyteller, text: str, sampling: Sampling, quiet: bool) -> dict[str, Any]:
    """Go on after `text`, printing as it comes unless `quiet`; returns the record of `--json`."""
    started = time.monotonic()
    whole, tokens = text, 0
    _print(text, quiet)
    for piece, so_far in storyteller.complete(text, sampling):
        whole += piece
        tokens = len(so_far.ids)
        _print(piece, quiet)
    _print("\n", quiet)
    return {"text": whole, "tokens": tokens, "seconds": round(time.monotonic() - started, 3)}


def chat_in_terminal(storyteller: Storyteller, mode: Mode | None, tips: bool, sampling: Sampling) -> None:
    """Question and answer in turn until an empty line or the end of input. Each question stands for itself."""
    if (mode or storyteller.mode) == "closed":
        _ = storyteller.engine  # load it now, not after the first question
    say(f"{storyteller.name}: ask away. An empty line ends the conversation.")
    while True:
        try:
            question = input("？ ").strip()
        except EOFError:
            return
        if not question:
            return
        try:
            _print_stream(storyteller, question, mode, tips, sampling, quiet=False)
        except UserError as error:  # one bad question is no reason to leave
            say(str(error))


def answer_record(answer: Answer) -> dict[str, Any]:
    """An answer as it stands in JSON."""
    return {**asdict(answer), "citations": [asdict(citation) for citation in answer.citations]}


def _print_stream(
    storyteller: Storyteller, question: str, mode: Mode | None, tips: bool, sampling: Sampling, quiet: bool
) -> Answer:
    for part in storyteller.stream(question, mode, tips, sampling):
        if isinstance(part, Answer):
            _print("\n", quiet)
            if part.tips:
                _print(f"  （问作：{'，'.join(f'{before} → {after}' for before, after in part.tips)}）\n", quiet)
            for citation in part.citations:
                _print(f"  ── 《{citation.book}》 {citation.title}（{citation.start}–{citation.end}）\n", quiet)
            return part
        _print(part, quiet)
    raise AssertionError("a stream ends with its answer")


def _print(text: str, quiet: bool) -> None:
    if not quiet:
        sys.stdout.write(text)
        sys.stdout.flush()
