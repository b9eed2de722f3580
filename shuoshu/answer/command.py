"""The verbs that answer at the terminal: ask, complete, chat. Nothing heavy is imported until one runs."""

from pathlib import Path
from typing import Annotated

from shuoshu.errors import UserError
from shuoshu.flags import Closed, Flat, Json, NoTips, Open, mode_of
from shuoshu.recipe import Precision, Sampling
from shuoshu.terminal import finish


def ask(
    run: Path, question: str | None = None, /, *, file: Path | None = None, out: Path | None = None,
    open_: Open = False, closed: Closed = False, no_tips: NoTips = False,
    sampling: Annotated[Sampling | None, Flat] = None, precision: Precision = "auto", json: Json = False,
) -> None:  # fmt: skip
    """Ask a question, or a file of questions.

    Parameters
    ----------
    run:
        A run or model folder.
    question:
        The question.
    file:
        Questions instead: text, one a line, or a question file.
    out:
        Where their answers go, as JSON Lines.
    open_:
        Answer from the books, with the place. The default where the run has an index.
    closed:
        Answer from the model's memory.
    no_tips:
        Ask the question as it stands.
    precision:
        Arithmetic of the model: fp32 is exact, bf16 and int8 are faster; auto is bf16 where the machine has it.
    json:
        End with one JSON line.
    """
    from shuoshu.answer.ask import Storyteller
    from shuoshu.answer.terminal import ask_file, ask_one

    storyteller, tips, chosen = Storyteller(run, precision), not no_tips, sampling or Sampling()
    if (question is None) == (file is None):
        raise UserError('Give either a question (shuoshu ask RUN "…") or --file with questions.')
    if question is not None:
        record = ask_one(storyteller, question, mode_of(open_, closed), tips, chosen, quiet=json)
    elif file is not None and out is not None:
        record = ask_file(storyteller, file, out, mode_of(open_, closed), tips, chosen)
    else:
        raise UserError("--file needs --out ANSWERS.jsonl, where the answers go.")
    if json:
        finish(record, json)


def complete(
    run: Path, text: str, /, *, max_new_tokens: int = 200, temperature: float = 0.8, top_k: int = 50,
    top_p: float = 1.0, seed: int = 0, precision: Precision = "auto", json: Json = False,
) -> None:  # fmt: skip
    """Go on writing where a text ends.

    Parameters
    ----------
    run:
        A run or model folder.
    text:
        The beginning.
    max_new_tokens:
        Longest continuation, in tokens.
    temperature:
        0 takes the likeliest token; 1 draws by the model's own probabilities.
    top_k:
        Draw among the k likeliest tokens only; 0 for all.
    top_p:
        Draw among the likeliest tokens that together have this probability.
    seed:
        The same seed gives the same text.
    precision:
        Arithmetic of the model: fp32 is exact, bf16 and int8 are faster; auto is bf16 where the machine has it.
    json:
        End with one JSON line.
    """
    from shuoshu.answer.ask import Storyteller
    from shuoshu.answer.terminal import complete_text

    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    record = complete_text(Storyteller(run, precision), text, sampling, quiet=json)
    if json:
        finish(record, json)


def chat(
    run: Path, /, *, open_: Open = False, closed: Closed = False, no_tips: NoTips = False,
    sampling: Annotated[Sampling | None, Flat] = None, precision: Precision = "auto",
) -> None:  # fmt: skip
    """Talk with the books in the terminal; an empty line or Ctrl-D ends it.

    Parameters
    ----------
    run:
        A run or model folder.
    open_:
        Answer from the books, with the place.
    closed:
        Answer from the model's memory.
    no_tips:
        Ask questions as they stand.
    precision:
        Arithmetic of the model: fp32 is exact, bf16 and int8 are faster; auto is bf16 where the machine has it.
    """
    from shuoshu.answer.ask import Storyteller
    from shuoshu.answer.terminal import chat_in_terminal

    chat_in_terminal(Storyteller(run, precision), mode_of(open_, closed), not no_tips, sampling or Sampling())
