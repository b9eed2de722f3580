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

MODES = {"open": ("查书", "with evidence"), "closed": ("默答", "from memory")}

BASELINES = {
    "echo": ("照抄问题", "question echoed"),
    "nearest_question": ("最近训练题", "nearest trained question"),
}


@dataclass(frozen=True)
class Figure:
    """One row of the table of scores."""

    key: str
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
    Figure("bits_per_char", "每字比特（留出章节）", "Bits per character (held out)", "number", -1),
    Figure("garbled", "乱码", "Garbled", "count", -1),
    Figure("empty", "空答", "Empty", "count", -1),
    Figure("truncated", "截断", "Cut short", "count", -1),
    Figure("repetitive", "复读", "Repetitive", "count", -1),
    Figure("chars_per_second", "字／秒", "Characters a second", "count", 1),
    Figure("seconds", "用时（秒）", "Seconds", "count", 0),
    Figure("n", "题数", "Questions", "count", 0),
)


def render_report(scores: dict[str, dict[str, Any]], records: list[dict[str, Any]]) -> str:
    """The page, from what `scores.json` and `answers.jsonl` hold."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    here = files("shuoshu.evaluate")
    style, script = (here.joinpath(name).read_text("utf-8") for name in ("report.css", "report.js"))
    series = _series(scores)
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
        levels=_levels(series),
        strips=_strips(series, records),
        curves=_curves(series, records),
        questions=[_question(number, record, series) for number, record in enumerate(records, 1)],
        level_names=LEVELS,
        baseline_names=BASELINES,
        embedding_notes=sorted({s["figures"]["embedding_note"] or "" for s in series} - {""}),
    )


def _series(scores: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One series for each model and mode, in order; models differ by hue, modes by shade."""
    last = [PurePath(model).name or model for model in scores]
    short = last if len(set(last)) == len(last) else list(scores)
    return [
        {
            "model": model,
            "short": short[hue],
            "mode": mode,
            "names": MODES.get(mode, (mode, mode)),
            "hue": hue % 8,
            "figures": figures,
        }
        for hue, (model, modes) in enumerate(scores.items())
        for mode, figures in modes.items()
    ]


def _table(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for figure in FIGURES:
        values = [s["figures"][figure.key] for s in series]
        known = [value for value in values if value is not None]
        best = (max(known) if figure.better > 0 else min(known)) if known and figure.better else None
        cells = [
            {
                "text": _written(value, figure.style),
                "interval": s["figures"]["accuracy_interval"] if figure.key == "accuracy" else None,
                "best": value is not None and value == best and len(set(known)) > 1,
            }
            for s, value in zip(series, values, strict=True)
        ]
        base = series[0]["figures"]["baselines"]
        cells += [{"text": _written(b.get(figure.key), figure.style, ""), "base": True} for b in base.values()]
        rows.append({"figure": figure, "cells": cells})
    return rows


def _baselines(series: list[dict[str, Any]]) -> list[str]:
    return list(series[0]["figures"]["baselines"])


def _levels(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accuracy by level: a group of bars for each level, with the 95 % interval of each."""
    groups = []
    for level in _in_order({level for s in series for level in s["figures"]["accuracy_by_level"]}):
        bars = [
            {
                "series": s,
                "value": s["figures"]["accuracy_by_level"].get(level),
                "text": _written(s["figures"]["accuracy_by_level"].get(level), "percent"),
                "interval": s["figures"]["accuracy_interval_by_level"].get(level),
            }
            for s in series
        ]
        if any(bar["value"] is not None for bar in bars):
            groups.append({"level": level, "n": series[0]["figures"]["n_by_level"].get(level, 0), "bars": bars})
    return groups


def _strips(series: list[dict[str, Any]], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """ROUGE-L of every question, a row for each series, questions below one another, parted by level."""
    parts = []
    for level in _in_order({record["level"] or UNMARKED for record in records}):
        chosen = [(n, record) for n, record in enumerate(records, 1) if (record["level"] or UNMARKED) == level]
        parts.append((level, chosen))
    return [
        {
            "series": s,
            "mean": s["figures"]["rouge_l"],
            "parts": [
                {
                    "level": level,
                    "bars": [{"number": n, "question": r["question"], **_answer(r, s)} for n, r in chosen],
                }
                for level, chosen in parts
            ],
        }
        for s in series
    ]


def _curves(series: list[dict[str, Any]], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """ROUGE-L from the best answer to the worst: points of a line 1000 wide and 300 high."""
    curves = []
    for s in series:
        values = sorted((_answer(record, s)["rouge_l"] for record in records), reverse=True)
        step = 1000 / len(values)
        points = [
            f"{i * step:.1f},{300 * (1 - v):.1f} {(i + 1) * step:.1f},{300 * (1 - v):.1f}" for i, v in enumerate(values)
        ]
        curves.append({"series": s, "points": " ".join(points)})
    return curves


def _question(number: int, record: dict[str, Any], series: list[dict[str, Any]]) -> dict[str, Any]:
    answers = []
    for s in series:
        answer = _answer(record, s)
        answers.append({"series": s, **answer, "pieces": _pieces(answer["answer"], record["key"])})
    marks = "".join({True: "1", False: "0", None: "-"}[answer["right"]] for answer in answers)
    return {
        **record,
        "number": number,
        "level": record["level"] or UNMARKED,
        "answers": answers,
        "marks": marks,
        "reference_pieces": _pieces(record["reference"], record["key"]),
    }


def _answer(record: dict[str, Any], series: dict[str, Any]) -> dict[str, Any]:
    return record["answers"][series["model"]][series["mode"]]


def _pieces(text: str, key: list[str]) -> list[str]:
    """The text cut at the keys: every second piece is a key, to be marked."""
    known = sorted(filter(None, key), key=len, reverse=True)
    return re.split("(" + "|".join(map(re.escape, known)) + ")", text) if known else [text]


def _in_order(levels: set[str]) -> list[str]:
    order = list(LEVELS)
    return sorted(levels, key=lambda level: (order.index(level) if level in order else len(order), level))


def _written(value: float | None, style: str, none: str = "–") -> str:
    if value is None:
        return none
    return {"percent": f"{value:.1%}", "number": f"{value:.3f}", "count": f"{value:,.0f}"}[style]
