"""The stage `evaluate`: ask every model every question, mark the answers, write scores, answers and a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shuoshu.embedder import Embedder
from shuoshu.errors import UserError
from shuoshu.evaluate.asking import Answerer, AnswerLike, Asked, Mode, Sheet, ask_all, make_sheet
from shuoshu.evaluate.baselines import baselines
from shuoshu.evaluate.embedding import similarity
from shuoshu.evaluate.judge import Duel, Judge, Verdict, tally
from shuoshu.evaluate.report import render_report
from shuoshu.evaluate.scores import Marked, headline, headline_places, score
from shuoshu.evaluate.versus import PLAIN, Side, compare, judged_pairs, pairs, seen_from
from shuoshu.files import write_json, write_jsonl, write_text
from shuoshu.questions.question import Question
from shuoshu.recipe import EvaluateOptions
from shuoshu.terminal import progress, say


def evaluate(
    models: Mapping[str, Answerer],
    questions: Sequence[Question],
    out: Path,
    options: EvaluateOptions,
    train: Sequence[Question] | None = None,
    tips: bool = True,
) -> dict[str, Any]:
    """Ask every model every question in each mode and write `answers.jsonl`, `scores.json` and `report.html` to `out`.

    With `train`, `options.trained` of these questions are asked as well, as level `trained`, and the nearest-question
    baseline is worked out. Returns {"scores": {model: {mode: figures}}} (`scores.score` tells the figures). With
    `options.plain` the same answers without tips stand there as the modes `open_plain` and `closed_plain`. With
    `options.judge` all is written before the judge is asked, and once more with the verdicts.
    Raises UserError when there is nothing to ask, or the judge cannot be asked.
    """
    if not questions:
        raise UserError("There are no questions to evaluate on; give a file with --questions.")
    if not options.modes:
        raise UserError("evaluate.modes is empty; name open, closed or both.")
    if options.paraphrases < 0:
        raise UserError("evaluate.paraphrases counts further wordings; give 0 or more.")
    if options.plain and not tips:
        raise UserError("--plain asks with and without tips, --no-tips without; give one of them.")
    judge = Judge(options, out) if options.judge else None
    sheet = make_sheet(questions, train or [], options.trained, options.paraphrases)
    asked = _ask_models(models, sheet, options, tips)
    embedder = Embedder(options.embedding_model) if options.embedding_model else None
    scores = _score(models, asked, embedder, train)
    _write(out, scores, _records(sheet, asked), asked)
    if judge is not None:
        verdicts = _judge(judge, asked)
        _write(out, scores, _records(sheet, asked, verdicts), asked, verdicts, judge.model)
    return {"scores": scores}


def _ask_models(
    models: Mapping[str, Answerer], sheet: Sheet, options: EvaluateOptions, tips: bool
) -> dict[Side, Asked]:
    ways: list[tuple[str, Mode, bool]] = []
    for mode in dict.fromkeys(options.modes):
        ways.append((mode, mode, tips))
        if options.plain:
            ways.append((f"{mode}{PLAIN}", mode, False))
    asked: dict[Side, Asked] = {}
    with progress("evaluate", len(models) * len(ways) * len(sheet.all)) as bar:
        for name, model in models.items():
            for way, mode, with_tips in ways:
                done = len(asked) * len(sheet.all)
                asked[Side(name, way)] = ask_all(model, sheet, mode, with_tips, bar, done, f"{name} {way}")
    return asked


def _score(
    models: Mapping[str, Answerer],
    asked: Mapping[Side, Asked],
    embedder: Embedder | None,
    train: Sequence[Question] | None,
) -> dict[str, dict[str, Any]]:
    scores: dict[str, dict[str, Any]] = {name: {} for name in models}
    bits = {name: model.bits_per_char() for name, model in models.items()}
    base: dict[str, dict[str, float | None]] = {}
    for side, result in asked.items():
        chosen = headline(result.marked)
        base = base or baselines([m.question for m in chosen], train)  # the same for every model
        alike = similarity(embedder, [m.answer for m in chosen], [m.question.answer for m in chosen])
        scores[side.model][side.way] = score(
            result.marked, seconds=result.seconds, similarity=alike, bits_per_char=bits[side.model], baselines=base
        )
        say(_summary(side, scores[side.model][side.way]))
    return scores


Verdicts = dict[tuple[Side, Side], dict[int, Verdict | None]]
"""The judge's verdicts: for each pair of sides, by the place of the question on the sheet."""


def _judge(judge: Judge, asked: Mapping[Side, Asked]) -> Verdicts:
    """Ask the judge about the headline questions; about some of them, evenly spread, where all would be too many."""
    duelling = judged_pairs(asked)
    if not duelling:
        say("judge: nothing to compare; name a second run, or leave both modes.")
        return {}
    places = headline_places(next(iter(asked.values())).marked)
    n = min(len(places), max(judge.most_duels // len(duelling), 1))
    places = [places[i * len(places) // n] for i in range(n)]
    duels = [
        Duel(asked[left].marked[place].question, asked[left].marked[place].answer, asked[right].marked[place].answer)
        for left, right in duelling
        for place in places
    ]
    found = iter(judge.decide(duels))
    return {pair: {place: next(found) for place in places} for pair in duelling}


def _write(
    out: Path,
    scores: dict[str, dict[str, Any]],
    records: list[dict[str, Any]],
    asked: Mapping[Side, Asked],
    verdicts: Verdicts | None = None,
    judge: str = "",
) -> None:
    """Add the comparisons of sides to the scores, and write the three files."""
    for modes in scores.values():
        for figures in modes.values():
            figures["versus"] = []
    for left, right in pairs(asked):
        figures: dict[str, Any] = compare(asked[left].marked, asked[right].marked)
        if verdicts and (left, right) in verdicts:
            figures["judge"] = tally(judge, verdicts[left, right].values())
        scores[left.model][left.way]["versus"].append(seen_from(left, right, figures, turned=False))
        scores[right.model][right.way]["versus"].append(seen_from(right, left, figures, turned=True))
    write_jsonl(out / "answers.jsonl", records)
    write_json(out / "scores.json", scores)
    write_text(out / "report.html", render_report(scores, records))


def _records(sheet: Sheet, asked: Mapping[Side, Asked], verdicts: Verdicts | None = None) -> list[dict[str, Any]]:
    """The lines of `answers.jsonl`."""
    records = []
    for place, question in enumerate(sheet.all):
        answers: dict[str, dict[str, Any]] = {}
        for side, result in asked.items():
            record = _answer_record(result.answers[place], result.marked[place])
            answers.setdefault(side.model, {})[side.way] = record
        record = {
            "id": question.id,
            "book": question.book,
            "chapter": question.chapter,
            "type": question.type,
            "level": question.level,
            "further": place >= len(sheet.first),
            "question": question.question,
            "reference": question.answer,
            "key": list(question.key),
            "evidence": question.evidence,
            "answers": answers,
        }
        judged = [
            {"left": [left.model, left.way], "right": [right.model, right.way], "verdict": found[place]}
            for (left, right), found in (verdicts or {}).items()
            if place in found
        ]
        records.append({**record, "judged": judged} if judged else record)
    return records


def _answer_record(answer: AnswerLike, marked: Marked) -> dict[str, Any]:
    names = ("book", "chapter", "title", "start", "end", "quote")
    return {
        "answer": answer.answer,
        "right": marked.right,
        "confidence": None if marked.confidence is None else round(marked.confidence, 4),
        "tips": list(answer.tips),
        "rouge_l": round(marked.rouge_l, 4),
        "rouge_l_char": round(marked.rouge_l_char, 4),
        "citations": [{name: getattr(citation, name) for name in names} for citation in answer.citations],
        "citation_right": marked.citation,
        "truncated": answer.truncated,
        "tokens": answer.tokens,
        "seconds": round(answer.seconds, 3),
    }


def _summary(side: Side, figures: dict[str, Any]) -> str:
    levels = ", ".join(f"{level} {_percent(share)}" for level, share in figures["accuracy_by_level"].items())
    return (
        f"{side.model} {side.way}: accuracy {_percent(figures['accuracy'])} ({levels}), "
        f"ROUGE-L {figures['rouge_l']:.3f}, {figures['n']} questions, {figures['chars_per_second']:.0f} characters/s"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
