"""Fitting the reader of a run: which questions are alike, and when it says that the books do not tell.

The first is learned from the trained questions (`likeness`). The second is fitted on what the run set aside
(`questions/valid.jsonl`): facts that were never trained, other wordings of trained ones, and as many unanswerable
questions made by rule as it takes. A run that set too little aside keeps the weights that come along
(`choice.Choice.default`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from shuoshu.answer.bank import LIKENESS, QuestionBank
from shuoshu.answer.choice import Case, Choice, fit_sure
from shuoshu.answer.index import Index
from shuoshu.answer.likeness import learn_likeness
from shuoshu.answer.read import Reader
from shuoshu.answer.tips import apply_tips
from shuoshu.books.chapter import read_chapters
from shuoshu.evaluate.metrics import has_verdict, is_right
from shuoshu.folder import RunFolder
from shuoshu.model import MiniGLM
from shuoshu.questions.formats import questions_of
from shuoshu.questions.question import Question
from shuoshu.questions.untold import untold_questions
from shuoshu.terminal import progress, say
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.regime import pick_device

LEAST, MOST = 60, 400
"""How many answerable questions it takes, and how many are used."""
UNTOLD = 0.5
"""Unanswerable questions for each answerable one."""
ANSWERED = 0.2
"""Share of the unanswerable ones that may be answered: the threshold of confidence follows from it."""
SEED = 7


def fit_reader(run: RunFolder) -> dict[str, Any]:
    """Learn the likeness of questions from the trained ones, fit the reader on the valid ones. Returns its figures.

    Writes `likeness` and `choice.json` into the index folder. `fitted_on` is 0, and no choice is written, where the run
    has no model or too few questions set aside.
    """
    index = Index.open(run.index)
    train, valid = questions_of(run, "train"), questions_of(run, "valid")
    likeness = learn_likeness(train, index.books)
    likeness.save(run.index / LIKENESS)
    answerable = [question for question in valid if question.level != "NA" and has_verdict(question)][:MOST]
    if len(answerable) < LEAST or not run.has_model():
        return {"fitted_on": 0}
    folder = run.model()
    model = MiniGLM.load(folder).to(pick_device())
    reader = Reader(index, Choice.default(), QuestionBank(train, likeness), model, Tokenizer.load(folder))
    untold = [question for question in valid if question.level == "NA"]
    chapters = list(read_chapters(run.chapters))
    untold += untold_questions([*valid, *train], chapters, round(UNTOLD * len(answerable)) - len(untold), SEED)
    cases = gather_cases(reader, [*answerable, *untold])
    choice = fit_sure(cases, ANSWERED, reader.choice)
    choice.save(run.index / "choice.json")
    right = [case.right for case in cases if case.answerable]
    say(
        f"index: the reader quotes the answer to {np.mean(right):.0%} of {len(right)} questions set aside; "
        f"it answers from a confidence of {choice.threshold:.2f} on."
    )
    return {"fitted_on": len(cases), "valid_accuracy": round(float(np.mean(right)), 4), "threshold": choice.threshold}


def gather_cases(reader: Reader, questions: Sequence[Question]) -> list[Case]:
    """How the reader answers each question, and whether that is right; questions in unknown words are left out."""
    cases = []
    with progress("index", len(questions)) as bar:
        for place, question in enumerate(questions, 1):
            read = reader.read(apply_tips(question.question, reader.index.books, reader.index.lexicon))
            bar.update(place, "reading")
            if read is not None:
                answerable = question.level != "NA"
                right = answerable and is_right(read.quote.text, question)
                cases.append(Case(sure=read.sure, right=right, answerable=answerable))
    return cases
