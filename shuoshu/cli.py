"""The door: one command a stage. What a command does stands in the module of its name; here it is only called.

Nothing heavy is imported until a command runs, so that `--help` answers at once.
"""

import sys
from collections.abc import Callable, Sequence
from inspect import BoundArguments
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import App, Parameter

from shuoshu import __version__
from shuoshu.errors import UserError
from shuoshu.questions.command import Json, questions
from shuoshu.recipe import (
    BooksOptions,
    EvaluateOptions,
    Precision,
    Recipe,
    Sampling,
    load_recipe,
    saved_recipe,
    sections_of,
)
from shuoshu.terminal import finish, say

app = App(
    name="shuoshu",
    version=__version__,
    help="说书: a folder of books becomes a small language model that answers questions about them.",
    help_format="plaintext",  # markdown would cost a tenth of a second of every --help
    default_parameter=Parameter(negative_iterable=()),
)
app.command(questions)

Flat = Parameter(name="*")
Open = Annotated[bool, Parameter(name="--open", negative="")]
Closed = Annotated[bool, Parameter(negative="")]
NoServe = Annotated[bool, Parameter(negative="")]
NoTips = Annotated[bool, Parameter(negative="")]


@app.command
def demo(*, minutes: float = 4.0, no_serve: NoServe = False, port: int = 7860, json: Json = False) -> None:
    """Walk the whole road on the bundled book, then open the chat page.

    Parameters
    ----------
    minutes:
        Time for the whole road; most of it goes into training.
    no_serve:
        Stop after the scores.
    port:
        Where the page opens.
    json:
        End with one JSON line.
    """
    from shuoshu.demo.walk import walk_demo
    from shuoshu.serve.app import check_page

    if not no_serve:  # a port in use is better told now than after four minutes
        check_page("127.0.0.1", port)
    figures = walk_demo(minutes)
    finish(figures, json)
    if not no_serve:
        serve([Path(figures["run"])], port=port)


@app.command
def run(recipe: Path, /, *, options: Annotated[Recipe | None, Flat] = None, json: Json = False) -> None:
    """Walk the whole road of a recipe: from books to scores. What is done and still valid is skipped.

    Parameters
    ----------
    recipe:
        A YAML file (see recipes/).
    json:
        End with one JSON line.
    """
    from shuoshu.folder import RunFolder
    from shuoshu.run import walk

    chosen = options or Recipe()
    finish(walk(RunFolder(Path("runs") / (chosen.name or recipe.stem)), chosen), json)


@app.command
def books(
    paths: list[str], /, *, out: Path, options: Annotated[BooksOptions | None, Flat] = None, json: Json = False
) -> None:
    """Read books in any encoding and format into clean chapters.

    Parameters
    ----------
    paths:
        Files and folders.
    out:
        Folder for `chapters.jsonl`; `runs/NAME/books` to go on from.
    json:
        End with one JSON line.
    """
    from shuoshu.books.stage import read_books

    finish(read_books(paths, out, options or BooksOptions()), json)


def _stage(name: str, help: str, *sections: str) -> None:
    """One command for one stage of an existing run, with the sections of the recipe that matter to it."""

    def command(run: Path, /, *, options: Any = None, json: Json = False) -> None:
        from shuoshu.folder import RunFolder
        from shuoshu.run import do_stage, prepare

        folder = RunFolder.open(run)
        recipe = saved_recipe(folder.recipe) if folder.recipe.is_file() else Recipe()
        for section in sections if options else ():
            setattr(recipe, section, getattr(options, section))
        prepare(folder, recipe)
        finish(do_stage(name, folder, recipe), json)

    command.__annotations__["options"] = Annotated[sections_of(*sections) | None, Flat]
    command.__doc__ = f"""{help}

    Parameters
    ----------
    run:
        A run folder, runs/NAME; its recipe.yaml gives the options, those given here go before.
    json:
        End with one JSON line.
    """
    app.command(command, name=name)
    STAGE_SECTIONS[name] = sections


STAGE_SECTIONS: dict[str, tuple[str, ...]] = {}
_stage("tokenizer", "Fit a tokenizer to the books of a run.", "tokenizer")
_stage("pretrain", "Train the base model of a run on its books.", "model", "train", "pretrain")
_stage("finetune", "Teach the base model of a run to answer its questions.", "train", "finetune")
_stage("index", "Make the search index of a run, for answers with their place in the book.", "index")


@app.command
def evaluate(
    runs: list[Path], /, *, questions: Path, out: Path | None = None, open_: Open = False, closed: Closed = False,
    no_tips: NoTips = False, options: Annotated[EvaluateOptions | None, Flat] = None, json: Json = False,
) -> None:  # fmt: skip
    """Score one or more models side by side on test questions.

    Parameters
    ----------
    runs:
        Run or model folders.
    questions:
        The test questions.
    out:
        Folder for scores.json, answers.jsonl and report.html; `evaluate-NAME` beside the first run when not given.
    open_:
        Only with the books at hand.
    closed:
        Only from memory.
    no_tips:
        Ask the questions as they stand.
    json:
        End with one JSON line.
    """
    from shuoshu.evaluate.command import evaluate_runs

    chosen = options or EvaluateOptions()
    mode = _mode(open_, closed)
    if mode:
        chosen.modes = [mode]
    finish(evaluate_runs(runs, questions, out, chosen, not no_tips), json)


@app.command
def ask(
    run: Path, question: str | None = None, /, *, file: Path | None = None, out: Path | None = None,
    open_: Open = False, closed: Closed = False, no_tips: NoTips = False,
    sampling: Annotated[Sampling | None, Flat] = None, precision: Precision = "fp32", json: Json = False,
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
        Arithmetic of the model: bf16 and int8 are faster, fp32 is exact.
    json:
        End with one JSON line.
    """
    from shuoshu.answer.ask import Storyteller
    from shuoshu.answer.command import ask_file, ask_one

    storyteller, tips, chosen = Storyteller(run, precision), not no_tips, sampling or Sampling()
    if (question is None) == (file is None):
        raise UserError('Give either a question (shuoshu ask RUN "…") or --file with questions.')
    if question is not None:
        record = ask_one(storyteller, question, _mode(open_, closed), tips, chosen, quiet=json)
    elif file is not None and out is not None:
        record = ask_file(storyteller, file, out, _mode(open_, closed), tips, chosen)
    else:
        raise UserError("--file needs --out ANSWERS.jsonl, where the answers go.")
    if json:
        finish(record, json)


@app.command
def complete(
    run: Path, text: str, /, *, max_new_tokens: int = 200, temperature: float = 0.8, top_k: int = 50,
    top_p: float = 1.0, seed: int = 0, precision: Precision = "fp32", json: Json = False,
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
        Arithmetic of the model: bf16 and int8 are faster, fp32 is exact.
    json:
        End with one JSON line.
    """
    from shuoshu.answer.ask import Storyteller
    from shuoshu.answer.command import complete_text

    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    record = complete_text(Storyteller(run, precision), text, sampling, quiet=json)
    if json:
        finish(record, json)


@app.command
def chat(
    run: Path, /, *, open_: Open = False, closed: Closed = False, no_tips: NoTips = False,
    sampling: Annotated[Sampling | None, Flat] = None, precision: Precision = "fp32",
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
        Arithmetic of the model: bf16 and int8 are faster, fp32 is exact.
    """
    from shuoshu.answer.ask import Storyteller
    from shuoshu.answer.command import chat_in_terminal

    chat_in_terminal(Storyteller(run, precision), _mode(open_, closed), not no_tips, sampling or Sampling())


@app.command
def serve(runs: list[Path], /, *, host: str = "127.0.0.1", port: int = 7860) -> None:
    """Open the chat page for one or more models.

    Parameters
    ----------
    runs:
        Run or model folders.
    host:
        Address to listen on; other than this machine's own only if you mean it.
    port:
        Port to listen on.
    """
    from shuoshu.serve.app import serve_runs

    serve_runs(runs, host, port)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; a person's mistake is one sentence on stderr and exit code 2."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    if {"--help", "-h"} & set(tokens):  # without binding every option first, which takes a sixth of the time
        app.help_print([token for token in tokens if token not in ("--help", "-h")])
        return
    try:
        command, bound = parse(tokens)
        command(*bound.args, **bound.kwargs)
    except (UserError, cyclopts.CycloptsError) as error:
        print("shuoshu:", " ".join(str(error).split()), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.")
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        sys.exit(141)


def parse(tokens: Sequence[str]) -> tuple[Callable[..., Any], BoundArguments]:
    """The command that words name, and its arguments. Raises CycloptsError or UserError for what is none."""
    app.config = [_options_file(list(tokens))]
    command, bound, _ignored = app.parse_args(list(tokens), print_error=False, exit_on_error=False)
    return command, bound


def _options_file(tokens: list[str]) -> cyclopts.config.Dict:
    """The options a command begins with: the recipe of `run`, or the recipe.yaml of a run whose stage is done."""
    data, source = {}, "options"
    verb, given = (*tokens, "", "")[:2]
    saved = Path(given) / "recipe.yaml"
    if verb == "run" and given and not given.startswith("-"):
        data, source = load_recipe(Path(given)), given
    elif verb in STAGE_SECTIONS and saved.is_file():
        whole = load_recipe(saved)
        data, source = {name: whole[name] for name in STAGE_SECTIONS[verb] if name in whole}, str(saved)
    # Under the command's own key: at the top, cyclopts would take `books:` or `pretrain:` for the commands so called.
    return cyclopts.config.Dict({verb: data} if data else {}, source=source)


def _mode(open_: bool, closed: bool) -> Literal["open", "closed"] | None:
    if open_ and closed:
        raise UserError("--open and --closed exclude each other; give one of them.")
    return "open" if open_ else "closed" if closed else None
