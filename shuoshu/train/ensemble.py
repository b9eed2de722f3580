"""Several models trained on the same books, and one that learns from them: what repeated text can still give.

    members 3:  1, 2, 3 each on their own, then a last one that learns from the mean of the three
    chain 3:    1, then 2 that learns from 1, then a last one that learns from 2

A model that learns half from the text and half from another model's probabilities foresees held-out text better than
either (distillation, arXiv:1503.02531; in chains, NanoGPT Slowrun). Only the last one is kept to answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shuoshu.errors import UserError
from shuoshu.model import MiniGLM
from shuoshu.terminal import say
from shuoshu.train.stage import Training, begin, run_training
from shuoshu.train.team import SOLO, Team


@dataclass(frozen=True)
class Lesson:
    """One model to be trained: its number from 0, and those it learns from."""

    number: int
    teachers: tuple[int, ...] = ()


def lessons(members: int, chain: int) -> list[Lesson]:
    """The models to be trained, in order; the last is the one that is kept. Raises UserError for both ways at once."""
    if members < 1 or chain < 1 or (members > 1 and chain > 1):
        raise UserError("pretrain.members and pretrain.chain are 1 or more, and only one of them more than 1.")
    if members > 1:
        return [*(Lesson(number) for number in range(members)), Lesson(members, tuple(range(members)))]
    return [Lesson(number, (number - 1,) if number else ()) for number in range(chain)]


def train_lessons(
    planned: list[Lesson], training: Training, make_model: Callable[[int], MiniGLM], team: Team
) -> tuple[MiniGLM, dict[str, Any]]:
    """Train all of `planned` within the training's budget, shared out evenly; the last one into its own folder.

    `make_model` takes a seed. Members that learn from nobody are spread over the processes of the team, which train
    them without a word to each other; every other one is trained by all together. Each goes on where it was killed.
    """
    options = training.options
    shares = {name: options[name] / len(planned) if options[name] else None for name in ("minutes", "epochs")}
    shares |= {name: options[name] // len(planned) if options[name] else None for name in ("steps", "tokens")}
    trained: list[tuple[MiniGLM, dict[str, Any]]] = []
    alone = [lesson for lesson in planned[:-1] if not lesson.teachers]
    for lesson in planned:
        last = lesson is planned[-1]
        spread = team.world > 1 and lesson in alone and len(alone) > 1
        if spread and lesson.number % team.world != team.rank:
            continue
        if lesson.teachers and len(alone) > 1:
            team.wait()  # until all who teach have learned
        if len(planned) > 1:
            say(
                f"pretrain: model {lesson.number + 1} of {len(planned)}"
                + (", with teachers" if lesson.teachers else "")
            )
        seed = options["seed"] + lesson.number
        folder = training.folder if last else _folder(training.folder, lesson.number)
        own = replace(
            training, folder=folder, model=make_model(seed), options={**options, **shares, "seed": seed},
            team=SOLO if spread else team, teachers=[_teacher(training, number) for number in lesson.teachers],
        )  # fmt: skip
        if not last:
            begin(folder, training.fingerprint, own.team)
        trained.append(run_training(own))
    model, figures = trained[-1]
    seconds = sum(own["seconds"] for _, own in trained)
    return model, {**figures, "seconds": round(seconds, 1), "models": len(planned)}


def _folder(folder: Path, number: int) -> Path:
    return folder / "members" / str(number + 1)


def _teacher(training: Training, number: int) -> MiniGLM:
    device = next(training.model.parameters()).device
    return MiniGLM.load(_folder(training.folder, number) / "model").to(device).requires_grad_(False)
