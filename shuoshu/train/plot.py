"""Loss curves as pictures: of one training, and of several side by side.

Labels are in English: a machine without a Chinese font would draw boxes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from shuoshu.errors import UserError
from shuoshu.files import read_utf8, write_aside

Curve = list[tuple[float, float]]
Over = Literal["minutes", "steps", "tokens"]


def read_curves(metrics: Path, over: Over = "steps") -> tuple[Curve, Curve]:
    """Bits per character on the text learned and on held-out text, each over minutes, steps or tokens."""
    records = [json.loads(line) for line in read_utf8(metrics).splitlines() if line.endswith("}")]
    tokens = 0
    learned: Curve = []
    held: Curve = []
    for record in records:
        tokens = record.get("tokens", tokens)  # scores are noted without them, right after a point that has them
        place = {"minutes": record.get("seconds", 0) / 60, "steps": record["step"], "tokens": tokens}[over]
        if "bits_per_char" in record:
            learned.append((place, record["bits_per_char"]))
        if "valid_bits_per_char" in record:
            held.append((place, record["valid_bits_per_char"]))
    return learned, held


def plot_metrics(metrics: Path, out: Path, title: str) -> None:
    """Draw `metrics.jsonl` as a PNG: bits per character learned and held out, the best point, where it overfits."""
    learned, held = read_curves(metrics)
    figure, axes = _canvas("step", title)
    if learned:
        axes.plot(*zip(*learned, strict=True), color="#8aa4c8", linewidth=1.2, label="training text")
    if held:
        axes.plot(*zip(*held, strict=True), color="#b5402a", linewidth=1.8, marker="o", markersize=3, label="held-out")
        _mark_best(axes, held)
        step, _ = min(held, key=lambda point: point[1])
        if step < held[-1][0]:
            axes.axvspan(step, held[-1][0], color="#b5402a", alpha=0.08, label="overfitting")
    _finish(figure, axes, [learned, held], out)


def compare_runs(runs: Sequence[Path], out: Path, over: Over, stage: Literal["pretrain", "finetune"]) -> dict[str, Any]:
    """Draw the curves of several runs in one picture; returns each run's best held-out bits per character.

    Raises UserError for a run without a curve.
    """
    best: dict[str, Any] = {}
    drawn: list[Curve] = []
    figure, axes = _canvas(over, stage)
    for number, run in enumerate(runs):
        metrics = run / stage / "metrics.jsonl"
        if not metrics.is_file():
            raise UserError(f"{metrics} is missing: {run} has no {stage} to compare; train it first.")
        learned, held = read_curves(metrics, over)
        colour = f"C{number}"
        name = run.name if run.name not in best else str(run)
        if learned:
            axes.plot(*zip(*learned, strict=True), color=colour, linewidth=0.9, alpha=0.45)
        if held:
            axes.plot(*zip(*held, strict=True), color=colour, linewidth=1.8, marker="o", markersize=3, label=name)
            _mark_best(axes, held)
        best[name] = min((bits for _, bits in held), default=None)
        drawn += [learned, held]
    axes.plot([], [], color="grey", linewidth=0.9, alpha=0.6, label="(thin: training text)")
    _finish(figure, axes, drawn, out)
    return best


def _canvas(over: str, title: str) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes.set(xlabel=over, ylabel="bits per character", title=title)
    return figure, axes


def _mark_best(axes: Any, held: Curve) -> None:
    place, bits = min(held, key=lambda point: point[1])
    axes.annotate(f"best {bits:.3f}", (place, bits), xytext=(0, -14), textcoords="offset points", ha="center")


def _finish(figure: Any, axes: Any, curves: Sequence[Curve], out: Path) -> None:
    """Scale the picture to what matters, the first steep fall left out, and write it."""
    from matplotlib import pyplot

    values = [bits for curve in curves for _, bits in curve[len(curve) // 20 :]]
    if values:
        low, high = min(values), max(values)
        axes.set_ylim(low - 0.08 * (high - low) - 0.02, high + 0.05 * (high - low) + 0.02)
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    with write_aside(out) as aside:
        figure.savefig(aside, format="png")
    pyplot.close(figure)
