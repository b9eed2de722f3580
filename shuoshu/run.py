"""The road: every stage of a run, each done once, skipped while its inputs and options are the same.

    books → questions → tokenizer → pretrain → finetune → index → evaluate

A stage that is done leaves `done.json` in its folder with a fingerprint of all that went into it. A stage that was
killed is begun again, and a training goes on from its last checkpoint.
"""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shuoshu.errors import UserError
from shuoshu.files import hash_file, hash_json, read_json, reason, write_json, write_text
from shuoshu.folder import RunFolder, format_line
from shuoshu.recipe import FORMAT, Recipe, settle_paths
from shuoshu.terminal import clock, say

Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: what it reads, which options matter to it, and how it is done."""

    name: str
    do: Callable[[RunFolder, Recipe, str], Figures]
    inputs: Callable[[RunFolder, Recipe], list[Path]]
    """Files whose content decides the result."""
    options: tuple[str, ...]
    """Sections of the recipe that decide the result."""
    output: str
    """What must be there, within the stage's folder, for the stage to count as done."""
    together: bool = False
    """Whether the processes that torchrun starts do it together."""


def _books(run: RunFolder, recipe: Recipe, _: str) -> Figures:
    from shuoshu.books.stage import read_books

    return read_books(recipe.books.paths, run.path / "books", recipe.books)


def _questions(run: RunFolder, recipe: Recipe, _: str) -> Figures:
    from shuoshu.questions.stage import prepare_questions

    return prepare_questions(run.path / "questions", recipe.questions)


def _tokenizer(run: RunFolder, recipe: Recipe, _: str) -> Figures:
    from shuoshu.books.chapter import read_chapters
    from shuoshu.files import folder_aside
    from shuoshu.questions.formats import questions_of
    from shuoshu.tokenizer import Tokenizer, choose_vocab_size, train_tokenizer
    from shuoshu.train.data import hold_out
    from shuoshu.weights import find_model

    started = time.monotonic()
    if recipe.model.init_from:
        tokenizer = Tokenizer.load(find_model(recipe.model.init_from))
        with folder_aside(run.tokenizer) as aside:
            tokenizer.save(aside)
        return {"vocab_size": tokenizer.vocab_size, "seconds": round(time.monotonic() - started, 2)}
    chapters, _held = hold_out(read_chapters(run.chapters))
    texts = [chapter.text for chapter in chapters]
    size = recipe.tokenizer.vocab_size or choose_vocab_size(texts)
    questions = questions_of(run, "train")
    texts += ["\n".join((*question.wordings(), question.answer)) for question in questions]
    tokenizer = train_tokenizer(texts, size)
    with folder_aside(run.tokenizer) as aside:
        tokenizer.save(aside)
    tokens = sum(map(len, tokenizer.encode_many(texts)))
    figures = {"vocab_size": tokenizer.vocab_size, "tokens_per_char": round(tokens / sum(map(len, texts)), 4)}
    say(f"tokenizer: {figures['vocab_size']} tokens, {figures['tokens_per_char']:.2f} a character.")
    return {**figures, "seconds": round(time.monotonic() - started, 2)}


def _pretrain(run: RunFolder, recipe: Recipe, fingerprint: str) -> Figures:
    from shuoshu.pretrain import pretrain

    return pretrain(run, recipe, fingerprint)


def _finetune(run: RunFolder, recipe: Recipe, fingerprint: str) -> Figures:
    from shuoshu.finetune import finetune

    return finetune(run, recipe, fingerprint)


def _index(run: RunFolder, recipe: Recipe, _: str) -> Figures:
    from shuoshu.answer.fit import fit_reader
    from shuoshu.answer.index import build_index
    from shuoshu.books.chapter import read_chapters

    figures = build_index(read_chapters(run.chapters), run.index, recipe.index)
    return {**figures, **fit_reader(run)}


def _evaluate(run: RunFolder, recipe: Recipe, _: str) -> Figures:
    from shuoshu.answer.ask import Storyteller
    from shuoshu.evaluate.stage import evaluate
    from shuoshu.questions.formats import read_questions

    train = read_questions(run.questions("train"))
    test = read_questions(run.questions("test"))
    return evaluate({run.name: Storyteller(run.path)}, test, run.path / "evaluate", recipe.evaluate, train)


def _parts(*parts: str) -> Callable[[RunFolder, Recipe], list[Path]]:
    return lambda run, recipe: [run.path / part for part in parts]


def _given(paths: list[str]) -> list[Path]:
    """The files that named paths stand for: folders with all they hold; the word `demo` is no file."""
    found = []
    for name in paths:
        path = Path(name)
        found += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return found


STAGES = (
    Stage(
        name="books",
        do=_books,
        inputs=lambda run, recipe: _given(recipe.books.paths),
        options=("books",),
        output="chapters.jsonl",
    ),
    Stage(
        name="questions",
        do=_questions,
        inputs=lambda run, recipe: _given([*recipe.questions.train, *recipe.questions.test]),
        options=("questions",),
        output="train.jsonl",
    ),
    Stage(
        name="tokenizer",
        do=_tokenizer,
        inputs=_parts("books/chapters.jsonl", "questions/train.jsonl"),
        options=("tokenizer", "model"),  # of the model: whether its weights, and so its tokenizer, are given
        output="tokenizer.json",
    ),
    Stage(
        name="pretrain",
        do=_pretrain,
        inputs=_parts("books/chapters.jsonl", "questions/train.jsonl", "tokenizer/tokenizer.json"),
        options=("model", "train", "pretrain"),
        output="model/model.safetensors",
        together=True,
    ),
    Stage(
        name="finetune",
        do=_finetune,
        inputs=_parts("pretrain/model/model.safetensors", "questions/train.jsonl", "questions/valid.jsonl"),
        options=("train", "finetune"),
        output="model/model.safetensors",
        together=True,
    ),
    Stage(
        name="index",
        do=_index,
        inputs=_parts(
            "books/chapters.jsonl",
            "finetune/model/model.safetensors",
            "questions/train.jsonl",
            "questions/valid.jsonl",
        ),
        options=("index",),
        output="passages.jsonl",
    ),
    Stage(
        name="evaluate",
        do=_evaluate,
        inputs=_parts(
            "finetune/model/model.safetensors",
            "pretrain/model/model.safetensors",
            "index/passages.jsonl",
            "questions/train.jsonl",
            "questions/test.jsonl",
        ),
        options=("evaluate",),
        output="scores.json",
    ),
)


def do_stage(name: str, run: RunFolder, recipe: Recipe) -> Figures:
    """Do one stage of a run, or take its figures from `done.json` where it is done and still valid.

    Under torchrun all processes train together; of every other stage the first does all, and the others wait.
    """
    stage = next(stage for stage in STAGES if stage.name == name)
    if "WORLD_SIZE" not in os.environ:
        figures = _figures_of_done(stage, run, recipe)
        return _do(stage, run, recipe, write=True) if figures is None else figures
    from shuoshu.train.regime import pick_device
    from shuoshu.train.team import join

    team = join(pick_device())
    figures = team.agree(_figures_of_done(stage, run, recipe) if team.first else None)
    if figures is None and (team.first or stage.together):
        figures = _do(stage, run, recipe, write=team.first)
    return team.agree(figures) or {}


def _figures_of_done(stage: Stage, run: RunFolder, recipe: Recipe) -> Figures | None:
    """The figures of a stage that is done and still valid."""
    done = run.path / stage.name / "done.json"
    if not done.is_file() or not (run.path / stage.name / stage.output).is_file():
        return None
    record = read_json(done)
    if record.get("fingerprint") != _fingerprint(stage, run, recipe):
        return None
    say(f"{stage.name}: done already.")
    return record["figures"]


def _do(stage: Stage, run: RunFolder, recipe: Recipe, write: bool) -> Figures:
    fingerprint = _fingerprint(stage, run, recipe)
    done = run.path / stage.name / "done.json"
    if write:
        done.unlink(missing_ok=True)
    started = time.monotonic()
    figures = stage.do(run, recipe, fingerprint)
    figures = {**figures, "seconds": figures.get("seconds", round(time.monotonic() - started, 1))}
    if write:
        write_json(done, {"fingerprint": fingerprint, "figures": figures})
    return figures


def walk(run: RunFolder, recipe: Recipe) -> Figures:
    """Walk the whole road. Returns {"run", "seconds", "stages": {name: seconds}, "scores": {mode: figures}}.

    Without questions the road ends at a base model and an index: there is nothing to fine-tune on or to score by.
    """
    prepare(run, recipe)
    started = time.monotonic()
    seconds: dict[str, float] = {}
    figures: Figures = {}
    for stage in STAGES:
        if stage.name in ("finetune", "evaluate") and not recipe.questions.train:
            continue
        begun = time.monotonic()
        figures = do_stage(stage.name, run, recipe)
        seconds[stage.name] = round(time.monotonic() - begun, 1)
    scores = figures["scores"][run.name] if "scores" in figures else {}
    total = time.monotonic() - started
    say(f"The road took {clock(total)}: {', '.join(f'{name} {clock(s)}' for name, s in seconds.items())}.")
    say(f"Talk with it: shuoshu serve {run.path}   One question: shuoshu ask {run.path} QUESTION")
    return {"run": str(run.path), "seconds": round(total, 1), "stages": seconds, "scores": scores}


def prepare(run: RunFolder, recipe: Recipe) -> None:
    """Make the run folder, with the resolved options in it. Raises UserError for one of another version."""
    if run.recipe.is_file():
        run.check_format()
    import yaml

    settle_paths(recipe)
    if os.environ.get("RANK", "0") != "0":
        return
    text = yaml.safe_dump(asdict(recipe), allow_unicode=True, sort_keys=False)
    write_text(run.recipe, f"{format_line()}\n{text}")


def _fingerprint(stage: Stage, run: RunFolder, recipe: Recipe) -> str:
    options = {section: asdict(getattr(recipe, section)) for section in stage.options}
    try:
        inputs = {str(path): hash_file(path) for path in stage.inputs(run, recipe) if path.is_file()}
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({reason(error)}).") from error
    # A run folder may be moved: its own files count by their place within it.
    inputs = {name.removeprefix(f"{run.path}/"): value for name, value in inputs.items()}
    return hash_json({"format": FORMAT, "stage": stage.name, "options": options, "inputs": inputs})
