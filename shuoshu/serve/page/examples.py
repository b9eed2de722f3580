"""Questions to begin with: from the run's own question files, or made from its books by rule."""

import json
from itertools import islice, zip_longest

from shuoshu.books.chapter import Chapter
from shuoshu.folder import RunFolder
from shuoshu.questions.formats import read_questions
from shuoshu.questions.rules import rule_questions

EXAMPLES = 6
LONGEST = 40
"""Characters: an example is read at a glance."""
CHAPTERS = 64
"""Chapters that examples are made from where there are no question files: a quarter of a second's work."""


def example_questions(run: RunFolder, count: int = EXAMPLES) -> list[str]:
    """Some questions the run was trained on and some it was not, by turns, from all over its books.

    A run without question files is asked who said what in its books. Fewer than `count` where there are fewer, and none
    for a bare model folder. Raises UserError for a broken file.
    """
    parts = [questions for part in ("train", "test") if (questions := _short(run, part))]
    if not parts:
        return _spread(_made(run), count)
    share = -(-count // len(parts))
    mixed = [question for turn in zip_longest(*(_spread(part, share) for part in parts)) for question in turn]
    return [question for question in dict.fromkeys(mixed) if question][:count]


def _made(run: RunFolder) -> list[str]:
    """Who said this? Asked of speeches in the first chapters, which a search finds."""
    if not run.chapters.is_file():
        return []
    with run.chapters.open(encoding="utf-8") as lines:
        chapters = [Chapter(**json.loads(line)) for line in islice(lines, CHAPTERS) if line.strip()]
    made = [question.question for question in rule_questions(chapters, density=2.0) if question.type == "说话人"]
    return [question for question in made if len(question) <= LONGEST]


def _short(run: RunFolder, part: str) -> list[str]:
    """Questions of a file that are short and can be answered."""
    path = run.questions(part)
    if not path.is_file():
        return []
    return [
        question.question
        for question in read_questions(path)
        if len(question.question) <= LONGEST and question.level != "NA"
    ]


def _spread(questions: list[str], count: int) -> list[str]:
    """So many of them, evenly spaced: files go book by book, so that each book gets its share."""
    count = min(count, len(questions))
    return [questions[(2 * place + 1) * len(questions) // (2 * count)] for place in range(count)]
