"""The verbs of `shuoshu questions`. Nothing heavy is imported until one runs."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from shuoshu.flags import Json
from shuoshu.questions.options import GenerateOptions
from shuoshu.terminal import finish

questions = App(
    name="questions",
    help="Question files: make, read any format, check, review, convert.",
    help_format="plaintext",
    default_parameter=Parameter(negative_iterable=(), consume_multiple=True),
)


@questions.command
def generate(*, options: Annotated[GenerateOptions | None, Parameter(name="*")] = None, json: Json = False) -> None:
    """Make questions from books, with any OpenAI-compatible endpoint or, by the way `rules`, with none.

    Parameters
    ----------
    json:
        End with one JSON line.
    """
    from shuoshu.questions.generate import generate_questions

    finish(generate_questions(options or GenerateOptions()), json)


@questions.command(name="import")
def import_(files: list[Path], /, *, out: Path, json: Json = False) -> None:
    """Read question files of any known format into one file of ours.

    Parameters
    ----------
    files:
        JSON Lines, JSON or CSV: ours, Question/Answer, q/a, 问/答, Alpaca, ShareGPT, OpenAI messages.
    out:
        The file to write.
    json:
        End with one JSON line.
    """
    from shuoshu.questions.convert import import_questions

    finish(import_questions(files, out), json)


@questions.command
def export(
    file: Path, /, *, out: Path, to: Literal["alpaca", "sharegpt", "openai"] = "alpaca", json: Json = False
) -> None:
    """Write a question file in another format.

    Parameters
    ----------
    file:
        A question file.
    out:
        The file to write.
    to:
        Its format.
    json:
        End with one JSON line.
    """
    from shuoshu.questions.convert import export_questions

    finish(export_questions(file, out, to), json)


@questions.command
def check(train: Path, test: Path, /, *, json: Json = False) -> None:
    """Look for test facts that are asked or answered in training; exit code 1 if there are any.

    Parameters
    ----------
    train:
        Question file learned from.
    test:
        Question file scored on.
    json:
        End with one JSON line.
    """
    leaks = report_leaks(train, test)
    finish(leaks, json)
    if leaks["leaks"]:
        sys.exit(1)


@questions.command
def verify(file: Path, /, *, chapters: Path, out: Path, json: Json = False) -> None:
    """Check every pair of a file against the books: evidence found, key in the answer, no near-duplicates.

    Parameters
    ----------
    file:
        A question file.
    chapters:
        The books, as `shuoshu books` wrote them: chapters.jsonl.
    out:
        Folder for questions.jsonl, rejected.jsonl and report.html.
    json:
        End with one JSON line.
    """
    from shuoshu.questions.generate import check_file

    finish(check_file(file, chapters, out), json)


@questions.command
def review(file: Path, /, *, chapters: Path, port: int = 7861) -> None:
    """Open a page to read, correct, accept or reject pairs, with the passage beside them.

    Parameters
    ----------
    file:
        A question file of ours; every edit is saved at once.
    chapters:
        The books, as `shuoshu books` wrote them: chapters.jsonl.
    port:
        Where the page opens, on 127.0.0.1.
    """
    from shuoshu.questions.review_page import serve_review

    serve_review(file, chapters, port)


def report_leaks(train: Path, test: Path) -> dict[str, Any]:
    """Print every test question that asks for a trained fact; returns {"leaks", "declared", "test"} as counts.

    Declared ones (level L1 or near, which say of which trained fact they are) are counted, but are no leaks.
    """
    from shuoshu.questions.check import check_leak
    from shuoshu.questions.formats import read_questions

    asked = read_questions(test)
    found = check_leak(read_questions(train), asked)
    leaks = [leak for leak in found if not leak.declared]
    for leak in leaks:
        print(leak)
    declared = len({leak.test.id or leak.test.question for leak in found if leak.declared})
    print(f"{len(leaks)} leaks among {len(asked)} test questions; {declared} more ask a trained fact on purpose.")
    return {"leaks": len(leaks), "declared": declared, "test": len(asked)}
