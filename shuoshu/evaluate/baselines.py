"""What the same figures come to without any model, so that a score can be read against nothing.

A question's own words make a good part of a reference answer, and training questions resemble test questions: a ROUGE-L
says little until it stands beside that of the question given back, and of the nearest training question's answer.
"""

from collections.abc import Sequence
from statistics import fmean

from shuoshu.evaluate.scores import mark
from shuoshu.questions.question import Question


def baselines(questions: Sequence[Question], train: Sequence[Question] | None) -> dict[str, dict[str, float | None]]:
    """`rouge_l`, `rouge_l_char` and `accuracy` of two answers that know nothing.

    They are `echo` (the question itself) and, where training questions are given, `nearest_question` (the answer to the
    most similar of them).
    """
    found = {"echo": _figures(questions, [question.question for question in questions])}
    if train:
        found["nearest_question"] = _figures(questions, nearest_answers(questions, train))
    return found


def nearest_answers(questions: Sequence[Question], train: Sequence[Question]) -> list[str]:
    """For each question the answer of the training question, in any of its wordings, that is most like it.

    Likeness is BM25 over characters and character bigrams.
    """
    import bm25s

    wordings = [(wording, question.answer) for question in train for wording in question.wordings()]
    search = bm25s.BM25()
    search.index([_grams(wording) for wording, _ in wordings], show_progress=False)
    found, _ = search.retrieve([_grams(question.question) for question in questions], k=1, show_progress=False)
    return [wordings[int(row[0])][1] for row in found]


def _figures(questions: Sequence[Question], answers: Sequence[str]) -> dict[str, float | None]:
    marked = [mark(question, answer) for question, answer in zip(questions, answers, strict=True)]
    verdicts = [m.right for m in marked if m.right is not None]
    return {
        "rouge_l": round(fmean(m.rouge_l for m in marked), 4),
        "rouge_l_char": round(fmean(m.rouge_l_char for m in marked), 4),
        "accuracy": round(fmean(verdicts), 4) if verdicts else None,
    }


def _grams(text: str) -> list[str]:
    return [*text, *(text[i : i + 2] for i in range(len(text) - 1))]
