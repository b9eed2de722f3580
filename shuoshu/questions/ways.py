"""The ways of asking a model: what each way sends, and what it makes of the answers.

Every way is a pair of functions: one lists the jobs, one turns the parsed answers (None where there is none) into
questions, in the order of the jobs, so that the result does not depend on which answer came first.
"""

import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

from shuoshu.questions import parse
from shuoshu.questions.client import Job
from shuoshu.questions.facts import bare
from shuoshu.questions.pieces import Piece, best_pieces, companions, excerpts, surroundings
from shuoshu.questions.places import Books
from shuoshu.questions.prompts import Prompts
from shuoshu.questions.question import Question
from shuoshu.questions.untold import NOT_TOLD, UNTOLD_KEYS
from shuoshu.questions.verify import Rejected

DONT_KNOW = ("不知道", "don't know", "do not know")
PAIR_TOKENS, LINE_TOKENS, TEXT_TOKENS = 250, 60, 900
"""Most tokens of a pair, of a line, of a rewrite; generous, since a cut answer is paid for and half lost."""
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list_schema(name: str, **properties: Any) -> dict[str, Any]:
    return _schema(**{name: {"type": "array", "items": _schema(**properties)}})


def title_jobs(prompts: Prompts, titles: list[str], count: int) -> list[Job]:
    """One call a title: `count` numbered questions of four kinds."""
    parser = partial(parse.parse_numbered, count=count)
    return [
        Job("title", prompts.fill("title", title=title, count=count), parser, count * LINE_TOKENS) for title in titles
    ]


def title_questions(titles: list[str], answers: list[Any]) -> list[Question]:
    """The questions on titles, not answered yet."""
    return [
        Question(book=title, type=kind, question=question, answer="？")
        for title, lines in zip(titles, answers, strict=True)
        for kind, question in lines or []
    ]


def answer_jobs(prompts: Prompts, asked: list[Question], pieces: list[Piece]) -> list[Job]:
    """One call a question; the pieces of the book most like it go along, where there is a book."""
    jobs = []
    schema = _schema(answer=_TEXT, key=_TEXTS, evidence=_TEXT)
    for question in asked:
        own = [piece for piece in pieces if piece.book == question.book]
        passages = "\n\n".join(f"【原文】\n{piece.text}\n【原文完】" for piece in best_pieces(own, question.question))
        prompt = prompts.fill("title_answer", title=question.book, question=question.question, passages=passages)
        jobs.append(Job("title_answer", prompt, parse.parse_answer, PAIR_TOKENS, schema))
    return jobs


def answered_questions(asked: list[Question], answers: list[Any]) -> tuple[list[Question], list[Rejected]]:
    """The questions with their answers; those the model could not answer, as rejected."""
    pairs, unknown = [], []
    for question, answer in zip(asked, answers, strict=True):
        if answer is None:
            continue
        if any(words in answer["answer"].lower() for words in DONT_KNOW):
            unknown.append(Rejected(question, ("the model does not know",)))
            continue
        fields = {name: answer[name] for name in ("answer", "key", "evidence")}
        pairs.append(_named("title", replace(question, **fields)))
    return pairs, unknown


def passage_jobs(prompts: Prompts, pieces: list[Piece], density: float) -> list[Job]:
    """One call a piece: pairs with the sentence that shows the answer."""
    pair = {"type": _TEXT, "question": _TEXT, "answer": _TEXT, "key": _TEXTS, "evidence": _TEXT}
    schema = _list_schema("pairs", **pair)
    jobs = []
    for piece in pieces:
        count = max(1, round(density * len(piece.text) / 1000))
        prompt = prompts.fill(
            "passage", book=piece.book, chapter=piece.place(), passage=piece.text.strip(), count=count
        )
        jobs.append(Job("passage", prompt, parse.parse_pairs, count * PAIR_TOKENS, schema))
    return jobs


def passage_questions(pieces: list[Piece], answers: list[Any]) -> list[Question]:
    """The pairs of every piece, with its book and chapter."""
    return [
        _named("passage", Question(book=piece.book, chapter=piece.chapter, **pair))
        for piece, pairs in zip(pieces, answers, strict=True)
        for pair in pairs or []
    ]


def paraphrase_jobs(prompts: Prompts, questions: list[Question], pieces: list[Piece], count: int) -> list[Job]:
    """One call a pair: other wordings of question and answer, and the reverse of a relation."""
    pair = _schema(question=_TEXT, answer=_TEXT, key=_TEXTS)
    schema = _schema(questions=_TEXTS, answers=_TEXTS, reverse={"type": "array", "items": pair})
    jobs = []
    for question in questions:
        prompt = prompts.fill(
            "paraphrase",
            book=question.book,
            question=question.question,
            answer=question.answer,
            key="、".join(question.key),
            evidence=surroundings(pieces, question) if question.evidence else "（无）",
            count=count,
        )
        jobs.append(Job("paraphrase", prompt, parse.parse_paraphrases, count * LINE_TOKENS + 3 * PAIR_TOKENS, schema))
    return jobs


def paraphrased(questions: list[Question], answers: list[Any]) -> list[Question]:
    """Each pair with its new wordings, beside it the pairs that word its answer anew or turn its relation round."""
    found = []
    for question, answer in zip(questions, answers, strict=True):
        if answer is None:
            found.append(question)
            continue
        wordings = dict.fromkeys((*question.paraphrases, *answer["questions"]))
        wordings.pop(question.question, None)
        # Another answer goes with another wording: the same question with two answers would teach neither.
        texts = [text for text in answer["answers"] if bare(text) != bare(question.answer)][: len(wordings) // 2]
        for text in texts:
            wording = wordings.popitem()[0]
            anew = replace(question, question=wording, answer=text, paraphrases=(), of=question.id)
            found.append(_named("answer", anew))
        found.append(replace(question, paraphrases=tuple(wordings)))
        for pair in answer["reverse"]:
            turned = replace(
                question,
                type="关系",
                question=pair["question"],
                answer=pair["answer"],
                key=pair["key"],
                paraphrases=(),
                of=question.id,
            )
            found.append(_named("reverse", turned))
    return found


def unanswerable_jobs(prompts: Prompts, pieces: list[Piece], names: dict[str, list[str]], absent: float) -> list[Job]:
    """One call for every stretch of text that is owed three questions."""
    schema = _list_schema("questions", kind=_TEXT, about=_TEXT, question=_TEXT)
    jobs, owed = [], 0.0
    for piece in pieces:
        owed += absent * len(piece.text) / 1000
        if owed >= 3:
            prompt = prompts.fill(
                "unanswerable",
                book=piece.book,
                passage=piece.text.strip(),
                names="、".join(names.get(piece.book, [])[:30]),
                count=3,
            )
            jobs.append(Job("unanswerable", prompt, parse.parse_unanswerable, 3 * PAIR_TOKENS, schema))
            owed -= 3
    return jobs


def unanswerable_questions(
    jobs: list[Job], answers: list[Any], pieces: list[Piece]
) -> tuple[list[Question], list[Rejected]]:
    """The questions without an answer; those that ask for somebody the book does know, as rejected."""
    texts: dict[str, str] = {}
    for piece in pieces:
        texts[piece.book] = texts.get(piece.book, "") + piece.text
    questions, rejected = [], []
    answer, key = NOT_TOLD, UNTOLD_KEYS
    for job, items in zip(jobs, answers, strict=True):
        book = next((piece.book for piece in pieces if piece.text.strip() in job.prompt), "")
        for item in items or []:
            asked = Question(book=book, type="其他", question=item["question"], answer=answer, key=key, level="NA")
            asked = _named("absent", asked)
            if item["kind"] in ("absent", "other") and item["about"] in texts.get(book, ""):
                rejected.append(Rejected(asked, ("asks for somebody the book does know",)))
            else:
                questions.append(asked)
    return questions, rejected


def told_after_all(
    questions: list[Question], answers: list[Any], chapters: Books
) -> tuple[list[Question], list[Rejected]]:
    """Part unanswerable questions by a second reading: those that the likeliest passages do answer are rejected.

    An answer counts where its evidence stands in the book; what a model makes up does not.
    """
    held, told = [], []
    for question, answer in zip(questions, answers, strict=True):
        if answer is None or any(words in answer["answer"].lower() for words in DONT_KNOW):
            held.append(question)
            continue
        quoted = replace(question, evidence=answer["evidence"], chapter=None)
        stands = bool(quoted.evidence) and chapters.has(question.book) and not chapters.locate(quoted)[1]
        if stands:
            told.append(Rejected(question, ("the book does tell",)))
        else:
            held.append(question)
    return held, told


def rewrite_jobs(
    prompts: Prompts, pieces: list[Piece], names: dict[str, list[str]], people: int
) -> list[tuple[Job, dict[str, str]]]:
    """Jobs that retell the books, each with what is known of it: summaries, notes, chronicles, relations."""
    jobs = []

    def add(way: str, book: str, about: str, **values: str) -> None:
        prompt = prompts.fill(f"rewrite_{way}", book=book, **values)
        record = {"book": book, "way": way, "about": about, "source": values["passage"]}
        jobs.append((Job(f"rewrite_{way}", prompt, parse.parse_text, TEXT_TOKENS), record))

    for piece in pieces:
        for way in ("summary", "notes"):
            add(way, piece.book, piece.place(), chapter=piece.place(), passage=piece.text.strip())
    for book, known in names.items():
        own = [piece for piece in pieces if piece.book == book]
        for person in known[:people]:
            add("chronicle", book, person, person=person, passage=excerpts(own, [person]))
        for one, other in companions(own, known[: 2 * people], people):
            add("relation", book, f"{one}、{other}", person=one, other=other, passage=excerpts(own, [one, other]))
    return jobs


def _named(way: str, question: Question) -> Question:
    """The question with an id that is the same in every run."""
    told = "\n".join((question.book, question.question, question.answer))
    return replace(question, id=f"{way}-{hashlib.sha256(told.encode()).hexdigest()[:10]}")
