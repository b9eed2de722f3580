"""The door: one command a stage. What a command does stands in the module of its name; here it is only called.

Nothing heavy is imported until a command runs, so that `--help` answers at once.
"""

import ast
import functools
import gc
import sys
from collections.abc import Callable, Sequence
from inspect import BoundArguments
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import App, Parameter

from shuoshu import __version__
from shuoshu.answer.command import ask, chat, complete
from shuoshu.errors import UserError
from shuoshu.export.command import export
from shuoshu.flags import Closed, Flat, Json, NoTips, Open, mode_of
from shuoshu.questions.command import questions
from shuoshu.recipe import BooksOptions, EvaluateOptions, Recipe, load_recipe, saved_recipe, sections_of
from shuoshu.serve.command import serve
from shuoshu.terminal import finish, say

app = App(
    name="shuoshu",
    version=__version__,
    help="说书: a folder of books becomes a small language model that answers questions about them.",
    help_format="plaintext",  # markdown would cost a tenth of a second of every --help
    default_parameter=Parameter(negative_iterable=()),
)
for verb in (questions, ask, complete, chat, serve, export):
    app.command(verb)


@app.command
def demo(
    *, minutes: float = 5.0, no_serve: Annotated[bool, Parameter(negative="")] = False, port: int = 7860,
    json: Json = False,
) -> None:  # fmt: skip
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

    if not no_serve:  # a port in use is better told now than after five minutes
        check_page("127.0.0.1", port)
    figures = walk_demo(minutes)
    finish(figures, json)
    if not no_serve:
        serve([Path(figures["run"])], port=port)


@app.command(usage="Usage: shuoshu run [OPTIONS] RECIPE")  # or all options are gone through twice: 50 ms
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
_stage("tokenizer", "Fit a tokenizer to the books of a run.", "tokenizer", "model")
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
    mode = mode_of(open_, closed)
    if mode:
        chosen.modes = [mode]
    finish(evaluate_runs(runs, questions, out, chosen, not no_tips), json)


@app.command
def compare(
    runs: list[Path], /, *, out: Path = Path("compare.png"), over: Literal["minutes", "steps", "tokens"] = "minutes",
    stage: Literal["pretrain", "finetune"] = "pretrain", json: Json = False,
) -> None:  # fmt: skip
    """Draw the loss curves of several runs in one picture.

    Parameters
    ----------
    runs:
        Run folders.
    out:
        The picture, a PNG.
    over:
        What the curves run over.
    stage:
        Whose curves.
    json:
        End with one JSON line: each run's best bits per character on held-out text.
    """
    from shuoshu.train.plot import compare_runs

    best = compare_runs(runs, out, over, stage)
    for name, bits in best.items():
        say(f"{name}: " + (f"{bits:.3f} bits a character at best on held-out text" if bits else "nothing held out"))
    finish({"best": best, "out": str(out)}, json)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; a person's mistake is one sentence on stderr and exit code 2."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    if {"--help", "-h"} & set(tokens):
        _help([token for token in tokens if token not in ("--help", "-h")])
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


def _help(tokens: list[str]) -> None:
    """Explain a command, without binding every option first, which takes a sixth of the time."""
    gc.disable()  # nothing to collect before it is over: a tenth of the time
    # For the docstrings of one class its whole module is parsed (until Python 3.13): once will do. A sixth of the time.
    ast.parse = functools.cache(ast.parse)
    app.help_print(tokens)


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
