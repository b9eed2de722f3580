"""Curves for those who watch their trainings elsewhere: TensorBoard, or a tracker with the face of W&B's.

W&B, trackio and SwanLab all know `init(project=…, name=…, config=…)`, a run's `log(figures, step=…)` and `finish()`, so
one function serves the three. None of them is installed with Shuoshu: whoever names one has it.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from shuoshu.errors import UserError

Tracker = Literal["tensorboard", "wandb", "trackio", "swanlab"]
Track = Callable[[int, dict[str, Any]], None]
"""Takes the step and its figures."""


@contextmanager
def tracking(trackers: Sequence[Tracker], folder: Path, name: str, config: dict[str, Any]) -> Iterator[Track | None]:
    """What sends each point of the curves to all of `trackers`; None where there are none.

    `folder` takes what TensorBoard writes, `name` and `config` tell the others which training this is.
    Raises UserError for a tracker that is not installed.
    """
    with ExitStack() as opened:
        tracks = [opened.enter_context(_open(tracker, folder, name, config)) for tracker in trackers]

        def track(step: int, figures: dict[str, Any]) -> None:
            for each in tracks:
                each(step, figures)

        yield track if tracks else None


@contextmanager
def _open(tracker: Tracker, folder: Path, name: str, config: dict[str, Any]) -> Iterator[Track]:
    module = "torch.utils.tensorboard" if tracker == "tensorboard" else tracker
    try:
        library: Any = importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"train.track names {tracker}, which is not installed: pip install {tracker}.") from error
    if tracker == "tensorboard":
        with library.SummaryWriter(str(folder / "tensorboard")) as writer:

            def write(step: int, figures: dict[str, Any]) -> None:
                for key, value in figures.items():
                    writer.add_scalar(key, value, step)

            yield write
        return
    run = library.init(project="shuoshu", name=name, config=config)
    try:
        yield lambda step, figures: run.log(figures, step=step)
    finally:
        (run if hasattr(run, "finish") else library).finish()
