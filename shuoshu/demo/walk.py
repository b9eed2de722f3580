"""`shuoshu demo`: the whole road on the bundled book, fitted into a few minutes."""

from pathlib import Path
from typing import Any

from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.recipe import DEMO, Recipe
from shuoshu.run import walk

OVERHEAD = 0.6
"""Minutes that reading, indexing and scoring take on two cores; the rest of the budget is training."""
PRETRAIN_SHARE = 0.42
"""Share of the training time for the base model, which learns the questions along with the text. 28 wordings of a fact
take more of the second stage than 14 did (0.55), or trained ones are known in 83 to 90 % in place of 100."""


def demo_recipe(minutes: float) -> Recipe:
    """The recipe of the demo for a budget in minutes. Raises UserError for one too short to learn anything in."""
    if not minutes >= 1:
        raise UserError(f"--minutes is {minutes:g}; the demo needs at least 1.")
    recipe = Recipe(name="demo")
    recipe.books.paths = [DEMO]
    recipe.questions.train = [DEMO]
    recipe.questions.test = [DEMO]
    training = minutes - OVERHEAD
    recipe.pretrain.minutes = round(training * PRETRAIN_SHARE, 2)
    recipe.pretrain.questions_share = 0.5
    # It shall know this book by heart: what it foresees of chapters it has not read does not matter.
    recipe.pretrain.keep = "last"
    recipe.pretrain.patience = 0
    recipe.finetune.minutes = round(training * (1 - PRETRAIN_SHARE), 2)
    return recipe


def walk_demo(minutes: float) -> dict[str, Any]:
    """Walk the road into `runs/demo` of the current folder; returns the figures of `run.walk`."""
    return walk(RunFolder(Path("runs") / "demo"), demo_recipe(minutes))
