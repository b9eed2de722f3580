"""The loss curve of a training as a picture."""

import json
from pathlib import Path

from shuoshu.files import read_utf8, write_aside


def plot_metrics(metrics: Path, out: Path, title: str) -> None:
    """Draw `metrics.jsonl` as a PNG: bits per character learned and held out, the best point, where it overfits.

    Labels are in English: a machine without a Chinese font would draw boxes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    records = [json.loads(line) for line in read_utf8(metrics).splitlines()]
    learned = [(record["step"], record["bits_per_char"]) for record in records if "bits_per_char" in record]
    held = [(record["step"], record["valid_bits_per_char"]) for record in records if "valid_bits_per_char" in record]
    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=120, layout="constrained")
    if learned:
        axes.plot(*zip(*learned, strict=True), color="#8aa4c8", linewidth=1.2, label="training text")
    if held:
        axes.plot(*zip(*held, strict=True), color="#b5402a", linewidth=1.8, marker="o", markersize=3, label="held-out")
        step, bits = min(held, key=lambda point: point[1])
        axes.annotate(f"best {bits:.3f}", (step, bits), xytext=(0, -14), textcoords="offset points", ha="center")
        if step < held[-1][0]:
            axes.axvspan(step, held[-1][0], color="#b5402a", alpha=0.08, label="overfitting")
    if learned or held:
        values = [bits for _, bits in (*learned[len(learned) // 20 :], *held)]
        low, high = min(values), max(values)
        axes.set_ylim(low - 0.08 * (high - low) - 0.02, high + 0.05 * (high - low) + 0.02)
        axes.legend(frameon=False)
    axes.set(xlabel="step", ylabel="bits per character", title=title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    with write_aside(out) as aside:
        figure.savefig(aside, format="png")
    pyplot.close(figure)
