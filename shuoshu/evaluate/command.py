"""What `shuoshu evaluate` does: open the runs, read the questions, score them side by side."""

from pathlib import Path
from typing import Any

from shuoshu.answer.ask import Storyteller
from shuoshu.errors import UserError
from shuoshu.evaluate.stage import evaluate
from shuoshu.questions.formats import read_questions
from shuoshu.recipe import EvaluateOptions
from shuoshu.terminal import say


def evaluate_runs(
    runs: list[Path], questions: Path, out: Path | None, options: EvaluateOptions, tips: bool
) -> dict[str, Any]:
    """Score `runs` on a question file into `out`; returns {"scores": {RUN: {mode: figures}}}, RUN as it was typed.

    Trained questions of the first run are asked too, where it keeps them. Raises UserError for what is no run.
    """
    if not runs:
        raise UserError("Name at least one run folder to evaluate.")
    models = {str(run): Storyteller(run) for run in runs}
    first = models[str(runs[0])]
    out = out or first.run.path / f"evaluate-{questions.stem}"
    kept = first.run.questions("train")
    train = read_questions(kept) if kept.is_file() else None
    figures = evaluate(models, read_questions(questions), out, options, train, tips)
    say(f"Report: {out / 'report.html'}")
    return figures
