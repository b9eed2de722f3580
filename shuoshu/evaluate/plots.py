"""What the report draws, as numbers a template can put into SVG. Lines live in a field 1000 wide and 300 high."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from shuoshu.evaluate.scores import UNMARKED

LEVELS = {
    "trained": ("学过的事，学过的问法", "a trained fact in a trained wording"),
    "near": ("学过的事，没学过的问法", "a trained fact in a held-out wording"),
    "L1": ("学过的事，说法相去很远", "a trained fact in far words"),
    "L2": ("改写过、没问过的事", "a fact rewritten but never asked"),
    "L3": ("只在正文里的事", "a fact that stands only in the text"),
    "NA": ("书里没说的事，应当说不知道", "not in the books: the answer should say so"),
    UNMARKED: ("未标级别", "no level given"),
}

TYPES = {
    "人物": ("人物", "people"),
    "情节": ("情节", "events"),
    "关系": ("关系", "relations"),
    "其他": ("其他", "other"),
    UNMARKED: ("未标类型", "no type given"),
}

WIDTH, HEIGHT = 1000, 300

Series = dict[str, Any]
"""One set of answers: `model`, `way`, `figures`, and how it looks (`report.series_of`)."""
Record = dict[str, Any]
"""A line of `answers.jsonl`."""


def groups(series: Sequence[Series], by: str, names: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Accuracy by `level` or `type`: a group of bars for each, with the 95 % interval of each."""
    found = []
    for name in in_order({name for s in series for name in s["figures"][f"accuracy_by_{by}"]}, names):
        bars = []
        for s in series:
            value = s["figures"][f"accuracy_by_{by}"].get(name)
            interval = s["figures"][f"accuracy_interval_by_{by}"].get(name)
            bars.append({"series": s, "value": value, "text": written(value, "percent"), "interval": interval})
        if any(bar["value"] is not None for bar in bars):
            n = series[0]["figures"][f"n_by_{by}"].get(name, 0)
            found.append({"name": name, "words": names.get(name), "n": n, "bars": bars})
    return found


def strips(series: Sequence[Series], records: Sequence[Record]) -> list[dict[str, Any]]:
    """ROUGE-L of every question, a row for each series, questions below one another, parted by level."""
    parts = _by_level(records)
    return [
        {
            "series": s,
            "mean": s["figures"]["rouge_l"],
            "parts": [
                {
                    "level": level,
                    "bars": [{"number": n, "question": r["question"], **answer_of(r, s)} for n, r in chosen],
                }
                for level, chosen in parts
            ],
        }
        for s in series
    ]


def lines(series: Sequence[Series], records: Sequence[Record]) -> dict[str, Any]:
    """ROUGE-L of every question, one line over another: points in the order of the mean over all series, by level.

    Returns {"series": [{"series", "points", "dots"}], "parts": [{"level", "at", "wide"}]}, places along the width.
    """
    ordered: list[tuple[int, Record]] = []
    parts = []
    total = sum(not record["further"] for record in records)
    step = WIDTH / max(total, 1)
    for level, chosen in _by_level(records):
        parts.append({"level": level, "at": _place(len(ordered) * step), "wide": _place(len(chosen) * step)})
        ordered += sorted(chosen, key=lambda one: -fmean(answer_of(one[1], s)["rouge_l"] for s in series))
    drawn = []
    for s in series:
        dots = []
        for at, (n, record) in enumerate(ordered):
            answer = answer_of(record, s)
            x, y = _place((at + 0.5) * step), _place(HEIGHT * (1 - answer["rouge_l"]))
            dots.append({"x": x, "y": y, "number": n, "question": record["question"], **answer})
        drawn.append({"series": s, "points": " ".join(f"{dot['x']},{dot['y']}" for dot in dots), "dots": dots})
    return {"series": drawn, "parts": parts}


def curves(series: Sequence[Series], records: Sequence[Record]) -> list[dict[str, Any]]:
    """ROUGE-L from the best answer to the worst."""
    found = []
    for s in series:
        values = sorted((answer_of(record, s)["rouge_l"] for record in records if not record["further"]), reverse=True)
        step = WIDTH / len(values)
        points = [(i * step, v) for i, v in enumerate(values)]
        found.append({"series": s, "points": _points(p for x, v in points for p in ((x, v), (x + step, v)))})
    return found


def risk(series: Sequence[Series]) -> list[dict[str, Any]]:
    """Accuracy of the answered against coverage, for each series that gives its confidence."""
    return [
        {"series": s, "points": _points((WIDTH * coverage, accuracy) for coverage, accuracy, _ in found["curve"])}
        for s in series
        if (found := s["figures"]["risk_coverage"]) is not None
    ]


def reliability(series: Sequence[Series]) -> list[dict[str, Any]]:
    """Accuracy against confidence, a point for each bin that holds an answer; the more it holds, the larger."""
    found = []
    for s in series:
        bins = (s["figures"]["risk_coverage"] or {}).get("reliability") or []
        if bins:
            most = max(b["n"] for b in bins)
            dots = [
                {
                    "x": _place(WIDTH * b["confidence"]),
                    "y": _place(HEIGHT * (1 - b["accuracy"])),
                    "wide": round(5 + 13 * (b["n"] / most) ** 0.5, 1),
                    **b,
                }
                for b in bins
            ]
            points = _points((WIDTH * b["confidence"], b["accuracy"]) for b in bins)
            found.append({"series": s, "points": points, "dots": dots})
    return found


def answer_of(record: Record, series: Series) -> dict[str, Any]:
    """The answer of one series to the question of a record."""
    return record["answers"][series["model"]][series["way"]]


def in_order(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Known names in their own order, then others by the alphabet."""
    order = list(known)
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def written(value: float | None, style: str, none: str = "–") -> str:
    """A figure as the page shows it; `style` is percent, number or count."""
    if value is None:
        return none
    return {"percent": f"{value:.1%}", "number": f"{value:.3f}", "count": f"{value:,.0f}"}[style]


def _by_level(records: Sequence[Record]) -> list[tuple[str, list[tuple[int, Record]]]]:
    """The questions in their first wording, with their numbers on the page, parted by level."""
    levels: dict[str, list[tuple[int, Record]]] = {}
    for n, record in enumerate(records, 1):
        if not record["further"]:
            levels.setdefault(record["level"] or UNMARKED, []).append((n, record))
    return [(level, levels[level]) for level in in_order(levels, LEVELS)]


def _points(points: Iterable[tuple[float, float]]) -> str:
    """Points of an SVG line, from places along the width and shares of the height."""
    return " ".join(f"{_place(x)},{_place(HEIGHT * (1 - share))}" for x, share in points)


def _place(value: float) -> float:
    return round(value, 1)
