"""The report: one HTML file with scores, plots and every answer, that asks nothing of the network.

Books, questions and models write into this page, so nothing they write may act in it: the template escapes everything,
and a content security policy lets only the page's own script run (by its hash) and nothing be fetched.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from shuoshu.evaluate.plots import (
    LEVELS,
    TYPES,
    Record,
    Series,
    answer_of,
    curves,
    groups,
    lines,
    reliability,
    risk,
    strips,
    written,
)
from shuoshu.evaluate.scores import UNMARKED
from shuoshu.evaluate.versus import PLAIN

WAYS = {
    "open": ("查书", "with evidence"),
    f"open{PLAIN}": ("查书，不加提示", "with evidence, no tips"),
    "closed": ("默答", "from memory"),
    f"closed{PLAIN}": ("默答，不加提示", "from memory, no tips"),
}

BASELINES = {
    "echo": ("照抄问题", "question echoed"),
    "nearest_question": ("最近训练题", "nearest trained question"),
}


VERDICTS = {
    "left": ("胜过", "is better than"),
    "right": ("不如", "is worse than"),
    "tie": ("平于", "is as good as"),
    "alike": ("同于", "says the same as"),
    "disagreed": ("换了先后就变卦", "turns with the order beside"),
    None: ("没有判语", "has no verdict beside"),
}


@dataclass(frozen=True)
class Figure:
    """One row of the table of scores."""

    key: str
    """Its name in `scores.json`; a point leads into an object."""
    zh: str
    en: str
    style: str
    """How it is written: percent, number or count."""
    better: int
    """1 where more is better, -1 where less is, 0 where neither."""


FIGURES = (
    Figure("accuracy", "正确率", "Accuracy", "percent", 1),
    Figure("rouge_l", "ROUGE-L（词）", "ROUGE-L (words)", "number", 1),
    Figure("rouge_l_char", "ROUGE-L（字）", "ROUGE-L (characters)", "number", 1),
    Figure("embedding_similarity", "向量相似度", "Embedding similarity", "number", 1),
    Figure("citation_accuracy", "出处正确", "Citation right", "percent", 1),
    Figure("answered_unanswerable", "书里没说却作答", "Answered the unanswerable", "percent", -1),
    Figure("declined_answerable", "书里有却说没有", "Declined the answerable", "percent", -1),
    Figure("consistency.all_right", "各种问法全对", "All wordings right", "percent", 1),
    Figure("consistency.agree", "各种问法同对同错", "Wordings agree", "percent", 1),
    Figure("risk_coverage.accuracy_at_60", "只答最有把握的六成", "Accuracy, surest 60 %", "percent", 1),
    Figure("risk_coverage.accuracy_at_80", "只答最有把握的八成", "Accuracy, surest 80 %", "percent", 1),
    Figure("risk_coverage.aurc", "风险曲线下面积", "Area under the risk curve", "number", -1),
    Figure("risk_coverage.ece", "把握的误差（ECE）", "Calibration error (ECE)", "number", -1),
    Figure("bits_per_char", "每字比特（留出章节）", "Bits per character (held out)", "number", -1),
    Figure("garbled", "乱码", "Garbled", "count", -1),
    Figure("empty", "空答", "Empty", "count", -1),
    Figure("truncated", "截断", "Cut short", "count", -1),
    Figure("repetitive", "复读", "Repetitive", "count", -1),
    Figure("chars_per_second", "字／秒", "Characters a second", "count", 1),
    Figure("seconds", "用时（秒）", "Seconds", "count", 0),
    Figure("n", "题数", "Questions", "count", 0),
)

INTERVALS = {"accuracy": "accuracy_interval", "consistency.all_right": "consistency.all_right_interval"}
"""The figures that come with an interval, and its name."""


def render_report(scores: dict[str, dict[str, Any]], records: list[Record]) -> str:
    """The page, from what `scores.json` and `answers.jsonl` hold."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    here = files("shuoshu.evaluate")
    style, script = (here.joinpath(name).read_text("utf-8") for name in ("report.css", "report.js"))
    series = series_of(scores)
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(here.joinpath("report.html").read_text("utf-8"))
    return template.render(
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        series=series,
        table=_table(series),
        baselines=_baselines(series),
        levels=groups(series, "level", LEVELS),
        types=groups(series, "type", TYPES),
        versus=_versus(series),
        strips=strips(series, records),
        lines=lines(series, records),
        curves=curves(series, records),
        risk=risk(series),
        reliability=reliability(series),
        questions=[_question(number, record, series) for number, record in enumerate(records, 1)],
        baseline_names=BASELINES,
        verdict_words=VERDICTS,
        embedding_notes=sorted({s["figures"]["embedding_note"] or "" for s in series} - {""}),
    )


def series_of(scores: dict[str, dict[str, Any]]) -> list[Series]:
    """One series for each model and way of asking, in order; models differ by hue, ways by shade and line."""
    last = [PurePath(model).name or model for model in scores]
    short = last if len(set(last)) == len(last) else list(scores)
    return [
        {
            "model": model,
            "short": short[hue],
            "way": way,
            "names": WAYS.get(way, (way, way)),
            "look": f"hue{hue % 8} {way.removesuffix(PLAIN)}{' plain' if way.endswith(PLAIN) else ''}",
            "figures": figures,
        }
        for hue, (model, modes) in enumerate(scores.items())
        for way, figures in modes.items()
    ]


def _table(series: list[Series]) -> list[dict[str, Any]]:
    rows = []
    for figure in FIGURES:
        values = [_figure(s["figures"], figure.key) for s in series]
        known = [value for value in values if value is not None]
        if not known and "." in figure.key:  # what was not asked for need not be missed
            continue
        best = (max(known) if figure.better > 0 else min(known)) if known and figure.better else None
        cells = [
            {
                "text": written(value, figure.style),
                "interval": _figure(s["figures"], INTERVALS.get(figure.key, "")),
                "best": value is not None and value == best and len(set(known)) > 1,
            }
            for s, value in zip(series, values, strict=True)
        ]
        base = series[0]["figures"]["baselines"]
        cells += [{"text": written(b.get(figure.key), figure.style, ""), "base": True} for b in base.values()]
        rows.append({"figure": figure, "cells": cells})
    return rows


def _figure(figures: dict[str, Any], key: str) -> Any:
    """A figure by its name, `a` or `a.b`; None where it or what holds it is None."""
    value: Any = figures
    for name in key.split("."):
        value = (value or {}).get(name)
    return value


def _versus(series: list[Series]) -> list[dict[str, Any]]:
    """The comparisons of sides, each once, with the widths of its bars in per cent."""
    known = {(s["model"], s["way"]): (place, s) for place, s in enumerate(series)}
    rows = []
    for place, s in enumerate(series):
        for figures in s["figures"]["versus"]:
            at, other = known[figures["model"], figures["mode"]]
            if at > place and figures["n"]:
                shares = [figures[name] for name in ("only_this", "both_right", "neither", "only_other")]
                row = {"left": s, "right": other, **figures, "widths": _widths(shares), "judge": None}
                if judged := figures.get("judge"):
                    better = judged["this_better"], judged["other_better"]
                    even = judged["n"] - sum(better)
                    row["judge"] = {**judged, "even": even, "widths": _widths([better[0], even, better[1]])}
                rows.append(row)
    return rows


def _widths(parts: list[int]) -> list[str]:
    """The parts of a bar in per cent."""
    return [f"{100 * part / max(sum(parts), 1):.2f}" for part in parts]


def _baselines(series: list[Series]) -> list[str]:
    return list(series[0]["figures"]["baselines"])


def _question(number: int, record: Record, series: list[Series]) -> dict[str, Any]:
    answers = []
    for s in series:
        answer = answer_of(record, s)
        answers.append({"series": s, **answer, "pieces": _pieces(answer["answer"], record["key"])})
    sides = {(s["model"], s["way"]): s for s in series}
    judged = [
        {"left": sides[tuple(one["left"])], "right": sides[tuple(one["right"])], "verdict": one["verdict"]}
        for one in record.get("judged", [])
    ]
    marks = "".join({True: "1", False: "0", None: "-"}[answer["right"]] for answer in answers)
    return {
        **record,
        "number": number,
        "level": record["level"] or UNMARKED,
        "answers": answers,
        "marks": marks,
        "judged": judged,
        "reference_pieces": _pieces(record["reference"], record["key"]),
    }


def _pieces(text: str, key: list[str]) -> list[str]:
    """The text cut at the keys: every second piece is a key, to be marked."""
    known = sorted(filter(None, key), key=len, reverse=True)
    return re.split("(" + "|".join(map(re.escape, known)) + ")", text) if known else [text]
