"""Every pair held against the books: is the evidence there, does it hold the key, are the names right.

    accepted, rejected = check_pairs(questions, chapters)

Where the evidence stands, and whether words and names belong there: `places.py`. Measured: docs/questions.md.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

from shuoshu.books.chapter import Chapter
from shuoshu.questions.facts import SAME_PLACE, bare, keys_agree, links, normal
from shuoshu.questions.places import Books
from shuoshu.questions.question import Question

QUESTION_LENGTH, ANSWER_LENGTH, EVIDENCE_LENGTH = (4, 80), (1, 120), (4, 300)
"""Characters, in Chinese; three times as many in other languages."""
MERGED = ("near wording", "same evidence")
"""Why two pairs with the same key are made one. Unanswerable ones have no key: only the same wording merges them."""
BANNED = re.compile(
    r"^\W*(作为(一个|一名|一款)?(AI|人工智能|语言模型|大?模型)|(很|非常)?抱歉|对不起"
    r"|(根据|依据|从)(提供的|上述|以上|给定的?|文中|原文|上文|这段|本段)|as an ai|i'm sorry|i am sorry|i cannot"
    r"|based on the (passage|text)|according to the (passage|text))",
    re.IGNORECASE,
)
PASSAGE_WORDS = re.compile(
    r"这段(文字|话|原文)|本段|上文|文中|原文中|该段|片段中|(the|this) (passage|excerpt)|the text above", re.I
)


@dataclass(frozen=True)
class Rejected:
    """A pair that failed, and every reason for it."""

    question: Question
    reasons: tuple[str, ...]


def check_pairs(questions: list[Question], chapters: list[Chapter]) -> tuple[list[Question], list[Rejected]]:
    """Part pairs into those that hold and those that do not, each of these with its reasons.

    Accepted pairs come back repaired: evidence as the book has it, wordings that give the key away left out, near
    duplicates made wordings of the first. Without chapters only the rules that need no book are applied.
    """
    books = Books(chapters)
    passed, rejected = [], []
    for question in questions:
        repaired, reasons = check_pair(question, books)
        if reasons:
            rejected.append(Rejected(question, tuple(reasons)))
        else:
            passed.append(repaired)
    merged, contradicted = _merge(passed)
    return merged, rejected + contradicted


def check_pair(question: Question, books: Books) -> tuple[Question, list[str]]:
    """One pair, repaired where it can be, and every reason against it (none: it holds)."""
    reasons = _form(question)
    if question.level != "NA":
        if question.key and not any(bare(key) in bare(question.answer) for key in question.key):
            reasons.append("key not in the answer")
        if _gives_away(question.question, question.key):
            reasons.append("key in the question")
        if question.book and books.has(question.book):
            if not question.evidence:
                reasons.append("no evidence")
            else:
                question, missing = books.locate(question)
                reasons += [missing] if missing else books.support(question)
    wordings = (
        w for w in question.paraphrases if not _gives_away(w, question.key) and not _form_of(w, QUESTION_LENGTH)
    )
    fresh = dict.fromkeys(wording for wording in wordings if normal(wording) != normal(question.question))
    return replace(question, paraphrases=tuple(fresh)), reasons


def _form(question: Question) -> list[str]:
    """Reasons that need no book: length, language, set phrases."""
    reasons = [f"question {reason}" for reason in _form_of(question.question, QUESTION_LENGTH)]
    reasons += [f"answer {reason}" for reason in _form_of(question.answer, ANSWER_LENGTH)]
    if question.evidence:
        reasons += [f"evidence {reason}" for reason in _form_of(question.evidence, EVIDENCE_LENGTH)]
        if _chinese(question.evidence) > 0.5 > _chinese(question.question + question.answer):
            reasons.append("another language than the book's")
    if PASSAGE_WORDS.search(question.question) or PASSAGE_WORDS.search(question.answer):
        reasons.append("speaks of the passage, not of the book")
    return reasons


def _form_of(text: str, length: tuple[int, int]) -> list[str]:
    shortest, longest = length
    longest *= 1 if _chinese(text) > 0.3 else 3
    checks = {
        "too short": len(text) < shortest,
        "too long": len(text) > longest,
        "garbled": "\ufffd" in text or bool(re.search(r"(.)\1{7}", text)),
        "opens with a set phrase": BANNED.search(text) is not None,
    }
    return [reason for reason, holds in checks.items() if holds]


def _chinese(text: str) -> float:
    letters = [character for character in text if character.isalpha()]
    return sum("\u3400" <= letter <= "\u9fff" for letter in letters) / len(letters) if letters else 1.0


def _gives_away(wording: str, keys: tuple[str, ...]) -> bool:
    # A key of one character (a number, 半) stands in many questions by chance.
    return any(len(bare(key)) > 1 and bare(key) in normal(wording) for key in keys)


def _merge(questions: list[Question]) -> tuple[list[Question], list[Rejected]]:
    """Make near duplicates wordings of the first; where the same is asked and answered otherwise, reject the later."""
    merged: dict[int, Question] = dict(enumerate(questions))
    into: dict[int, int] = {}
    contradicted = []
    for link in sorted(links(questions), key=lambda link: (link.right, link.left)):
        left = into.get(link.left, link.left)
        if link.right not in merged or left not in merged or link.reason in (SAME_PLACE, "same record"):
            continue
        first, later = merged[left], merged[link.right]
        if first.of or later.of:  # words its fact anew on purpose
            continue
        if link.reason == "same wording" and not _agree(first, later):
            contradicted.append(Rejected(later, ("asked before and answered otherwise",)))
        elif _agree(first, later) and link.reason in ("same wording", *(() if later.level == "NA" else MERGED)):
            wordings = dict.fromkeys((*first.paraphrases, *later.wordings()))
            wordings.pop(first.question, None)
            keys = tuple(dict.fromkeys((*first.key, *later.key)))
            merged[left] = replace(first, paraphrases=tuple(wordings), key=keys)
            into[link.right] = left
        else:
            continue
        del merged[link.right]
    return list(merged.values()), contradicted


def _agree(first: Question, later: Question) -> bool:
    if first.level == "NA" or later.level == "NA":
        return first.level == later.level
    ours, theirs = (frozenset(bare(key) for key in pair.key or (pair.answer,)) for pair in (first, later))
    return keys_agree(ours, theirs)


def count_reasons(rejected: list[Rejected]) -> dict[str, int]:
    """How often each reason was given, the commonest first."""
    counts = Counter(reason for pair in rejected for reason in pair.reasons)
    return dict(counts.most_common())
