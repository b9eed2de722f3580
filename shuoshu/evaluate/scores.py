"""From marked answers to the object of one model in one mode in `scores.json`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from shuoshu.evaluate import metrics
from shuoshu.evaluate.embedding import Similarity
from shuoshu.evaluate.risk import risk_coverage
from shuoshu.evaluate.untold import says_untold
from shuoshu.questions.question import Question

BOOTSTRAP_SAMPLES = 2000
UNMARKED = "unmarked"
"""The level or type under which questions without one are counted."""


@dataclass(frozen=True, kw_only=True)
class Marked:
    """One answer with its marks."""

    question: Question
    answer: str
    truncated: bool
    """The engine stopped the answer before its end mark."""
    garbled: bool
    """It shows garble, or the engine left out bytes that made no character."""
    right: bool | None
    """None where the question has no key to judge by."""
    rouge_l: float
    rouge_l_char: float
    citation: bool | None
    """Whether the place it cites first shows the answer; None where that cannot be asked (see `mark`)."""
    confidence: float | None = None
    """The model's own estimate, 0 to 1, that the answer is right; None where it gives none."""
    extra: bool = False
    """The question is a further wording of one asked already: it counts for `consistency` alone."""


def mark(
    question: Question,
    answer: str,
    citations: Sequence[metrics.CitationLike] | None = None,
    *,
    truncated: bool = False,
    broken: int = 0,
    confidence: float | None = None,
    extra: bool = False,
) -> Marked:
    """Mark one answer. `citations` are None for an answer from memory, which cites nothing; `broken` counts the bytes
    that the model wrote and the engine left out, as they made no character; `confidence` and `extra` as in `Marked`.

    The citation is judged where the question has `evidence` and the answer does not say that the books do not tell:
    the first citation counts, the one a reader looks up; an answer without any counts as wrongly cited.
    """
    citation = None
    if citations is not None and question.evidence and question.level != "NA" and not says_untold(answer):
        citation = bool(citations) and metrics.cites_evidence(citations[0], question)
    return Marked(
        question=question,
        answer=answer,
        truncated=truncated,
        garbled=broken > 0 or metrics.is_garbled(answer),
        right=metrics.is_right(answer, question) if metrics.has_verdict(question) else None,
        rouge_l=metrics.rouge_l(answer, question.answer),
        rouge_l_char=metrics.rouge_l_char(answer, question.answer),
        citation=citation,
        confidence=confidence,
        extra=extra,
    )


def headline(marked: Sequence[Marked]) -> list[Marked]:
    """The answers that the headline figures are about: to questions not `trained`, or all if there are no others.

    Further wordings of a question are left out, so that the figures are the same however many are asked.
    """
    return [marked[place] for place in headline_places(marked)]


def headline_places(marked: Sequence[Marked]) -> list[int]:
    """Where the `headline` answers stand among all."""
    first = [place for place, m in enumerate(marked) if not m.extra]
    return [place for place in first if marked[place].question.level != "trained"] or first


def score(
    marked: Sequence[Marked],
    *,
    seconds: float,
    similarity: Similarity,
    bits_per_char: float | None,
    baselines: dict[str, dict[str, float | None]],
) -> dict[str, Any]:
    """Sum up the answers of one model in one mode.

    `n`, ROUGE-L, `accuracy`, the types and the counts are about the `headline` answers; the trained ones stand beside
    them under `trained` and in `accuracy_by_level`; `consistency` is about all. Levels and accuracies are shares from 0
    to 1, null where nothing can be judged. `seconds` is the wall time for all the answers.
    """
    chosen = headline(marked)
    first = [m for m in marked if not m.extra]
    trained = [m for m in first if m.question.level == "trained"]
    levels = _groups(first, lambda m: m.question.level)
    types = _groups(chosen, lambda m: m.question.type)
    unanswerable = [m for m in chosen if m.question.level == "NA"]
    answerable = [m for m in chosen if m.question.level != "NA"]
    return {
        **_sums(chosen),
        "accuracy_interval": accuracy_interval(chosen),
        "accuracy_by_level": {level: _accuracy(group) for level, group in levels.items()},
        "accuracy_interval_by_level": {level: accuracy_interval(group) for level, group in levels.items()},
        "n_by_level": {level: len(group) for level, group in levels.items()},
        "accuracy_by_type": {kind: _accuracy(group) for kind, group in types.items()},
        "accuracy_interval_by_type": {kind: accuracy_interval(group) for kind, group in types.items()},
        "n_by_type": {kind: len(group) for kind, group in types.items()},
        "consistency": consistency(marked),
        "embedding_similarity": _round(similarity.mean),
        "embedding_similarity_mismatched": _round(similarity.mismatched),
        "embedding_note": similarity.note,
        "bits_per_char": _round(bits_per_char),
        "unanswerable": len(unanswerable),
        "answered_unanswerable": _share(unanswerable, lambda m: not m.right and not metrics.is_empty(m.answer)),
        "declined_answerable": _share(answerable, lambda m: says_untold(m.answer)),
        "citation_accuracy": _mean(float(m.citation) for m in chosen if m.citation is not None),
        "cited": sum(m.citation is not None for m in chosen),
        "risk_coverage": _risk_coverage(chosen),
        "seconds": round(seconds, 2),
        "chars_per_second": round(sum(len(m.answer) for m in marked) / max(seconds, 1e-9), 1),
        "trained": _sums(trained) if trained else None,
        "baselines": baselines,
    }


def accuracy_interval(marked: Sequence[Marked]) -> list[float] | None:
    """95 % interval of the accuracy, [low, high], by bootstrap over facts; None where nothing can be judged.

    Facts are drawn, not questions: wordings of one fact are right or wrong together, and counting them as independent
    would make the interval too narrow. Source: Efron & Tibshirani 1993, ch. 13 (percentile interval). Seeded.
    """
    facts = _verdicts_by_fact(marked)
    return bootstrap([sum(verdicts) for verdicts in facts], [len(verdicts) for verdicts in facts])


def bootstrap(sums: Sequence[float], counts: Sequence[int]) -> list[float] | None:
    """95 % interval of sum(sums) / sum(counts), [low, high], by drawing clusters anew; None where there is none."""
    import numpy as np

    if not counts:
        return None
    total, count = np.array(sums), np.array(counts)
    drawn = np.random.default_rng(0).integers(0, len(count), (BOOTSTRAP_SAMPLES, len(count)))
    low, high = np.percentile(total[drawn].sum(1) / count[drawn].sum(1), [2.5, 97.5])
    return [round(float(low), 4), round(float(high), 4)]


def consistency(marked: Sequence[Marked]) -> dict[str, Any] | None:
    """Whether the wordings of one fact are answered alike; None where no fact is asked in two wordings.

    Of the `facts` asked in two or more different wordings, whatever their levels: the share whose wordings are
    `all_right` (with its interval), `all_wrong`, and the sum of both, which `agree`. `wordings` counts them all.
    """
    worded: dict[tuple[str, str], dict[str, bool]] = {}
    for m in marked:
        if m.right is not None:
            worded.setdefault(fact_of(m.question), {})[m.question.question] = m.right
    facts = [list(verdicts.values()) for verdicts in worded.values() if len(verdicts) > 1]
    if not facts:
        return None
    right, wrong = ([all(v is verdict for v in verdicts) for verdicts in facts] for verdict in (True, False))
    return {
        "facts": len(facts),
        "wordings": sum(map(len, facts)),
        "all_right": _mean(right),
        "all_right_interval": bootstrap(right, [1] * len(facts)),
        "all_wrong": _mean(wrong),
        "agree": _mean(r or w for r, w in zip(right, wrong, strict=True)),
    }


def fact_of(question: Question) -> tuple[str, str]:
    """What fact a question asks for: its book and the id of the record that first words it."""
    return question.book, question.of or question.id or question.question


def _verdicts_by_fact(marked: Sequence[Marked]) -> list[list[bool]]:
    facts: dict[tuple[str, str], list[bool]] = {}
    for m in marked:
        if m.right is not None:
            facts.setdefault(fact_of(m.question), []).append(m.right)
    return list(facts.values())


def _risk_coverage(marked: Sequence[Marked]) -> dict[str, Any] | None:
    """`risk.risk_coverage` of the answers that can be judged. To say that the books do not tell is no claim."""
    judged = [m for m in marked if m.right is not None]
    claims = [m for m in judged if not says_untold(m.answer) and not metrics.is_empty(m.answer)]
    known = [(m.confidence, bool(m.right)) for m in claims if m.confidence is not None]
    silent = len(judged) - len(claims)
    return risk_coverage([c for c, _ in known], [right for _, right in known], len(known) + silent)


def _groups(marked: Sequence[Marked], name: Callable[[Marked], str]) -> dict[str, list[Marked]]:
    groups: dict[str, list[Marked]] = {}
    for m in marked:
        groups.setdefault(name(m) or UNMARKED, []).append(m)
    return dict(sorted(groups.items()))


def _sums(marked: Sequence[Marked]) -> dict[str, Any]:
    return {
        "n": len(marked),
        "rouge_l": _mean(m.rouge_l for m in marked),
        "rouge_l_char": _mean(m.rouge_l_char for m in marked),
        "accuracy": _accuracy(marked),
        "garbled": sum(m.garbled for m in marked),
        "empty": sum(metrics.is_empty(m.answer) for m in marked),
        "truncated": sum(m.truncated for m in marked),
        "repetitive": sum(metrics.is_repetitive(m.answer) for m in marked),
    }


def _accuracy(marked: Iterable[Marked]) -> float | None:
    return _mean(float(m.right) for m in marked if m.right is not None)


def _share(marked: Sequence[Marked], holds: Callable[[Marked], bool]) -> float | None:
    return _mean(float(holds(m)) for m in marked)


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return _round(fmean(values)) if values else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
