"""Unanswerable questions made by rule: what the books do not tell, for learning to say so, with no model at hand.

Three kinds, each true by construction as far as a search of the text can tell:

- a person of another book: a trained question whose hero does not occur in the book it is asked of;
- a person of no book: the hero's name replaced by one put together from the books' own names that stands nowhere;
- a relation nobody speaks of: the mother, the birthday … of a person beside whose name no word for it stands.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from shuoshu.books.chapter import Chapter
from shuoshu.questions.names import find_names
from shuoshu.questions.question import Question

NOT_TOLD = "书中没有提到。"
"""The answer where the books do not tell."""
UNTOLD_KEYS = ("没有", "未提", "不知", "无法")
NEAR = 40
"""Characters on each side of a name among which no word for the relation may stand."""
LEAST = 5
"""How often a person must be named to be asked about."""

# What is asked, in wordings with a place for the name, and the words by which a book would tell it.
_RELATIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("{}的母亲叫什么名字？", "{}的娘姓什么？"), "母|娘|妈|老夫人"),
    (("{}的妹妹叫什么？", "谁是{}的妹妹？"), "妹"),
    (("{}的儿子叫什么名字？", "{}有几个儿子？"), "儿|子嗣|公子|小将"),
    (("{}的女儿嫁给了谁？", "{}的女儿叫什么名字？"), "女"),
    (("{}的妻子是哪里人？", "{}的老婆叫什么？"), "妻|妇|娘子|夫人|浑家|老婆|内人"),
    (("{}的师父是谁？", "{}跟谁学的本事？"), "师|徒|学|教"),
    (("{}是哪一年出生的？", "{}的生日是哪一天？"), "生|岁|诞"),
    (("{}养的狗叫什么名字？", "{}家里养了什么鸟？"), "狗|犬|鸟|鹰|雀"),
    (("{}写的那部书叫什么？", "{}写过什么诗集？"), "书|诗|写|文"),
    (("{}的祖父做过什么官？", "{}的爷爷是谁？"), "祖|爷|官"),
    (("{}最爱吃的菜是什么？", "{}爱喝什么酒？"), "吃|菜|酒|喝|饮"),
    (("{}的舅舅叫什么？", "{}的姑姑是谁？"), "舅|姑|甥|侄"),
)


@dataclass(frozen=True)
class _Book:
    title: str
    text: str
    names: list[str]


def untold_questions(
    questions: Sequence[Question], chapters: Sequence[Chapter], most: int, seed: int = 0
) -> list[Question]:
    """At most `most` unanswerable questions (level `NA`), the three kinds in turn; the same for the same seed.

    Fewer where the books have too few names; none for books in a script the wordings do not fit.
    """
    if most <= 0:
        return []
    draw = random.Random(seed)
    books = []
    for title in dict.fromkeys(chapter.book for chapter in chapters):
        own = [chapter for chapter in chapters if chapter.book == title]
        names = [
            name for name, count in find_names(own).items() if count >= LEAST and re.search("[\u4e00-\u9fff]", name)
        ]
        books.append(_Book(title, "\n".join(chapter.text for chapter in own), names))
    if not any(book.names for book in books):
        return []
    one, other = draw.sample(questions, len(questions)), draw.sample(questions, len(questions))
    kinds = [_of_other_books(one, books, draw), _of_no_book(other, books, draw), _unspoken(books, draw)]
    made: dict[str, Question] = {}
    alive = list(range(len(kinds)))
    for kind in cycle(range(len(kinds))):
        if len(made) >= most or not alive:
            break
        if kind in alive:
            found = next(kinds[kind], None)
            if found is None:
                alive.remove(kind)
            elif found[1] not in made:
                made[found[1]] = _question(*found, number=len(made) + 1)
    return list(made.values())


def _of_other_books(
    questions: Sequence[Question], books: list[_Book], draw: random.Random
) -> Iterator[tuple[str, str]]:
    """(book, wording): heroes of one book asked of another."""
    for question in questions:
        others = [book for book in books if book.title != question.book]
        heroes = _heroes(question, books)
        if not heroes or not others:
            continue
        book = draw.choice(others)
        if any(hero in book.text for hero in heroes):
            continue
        wording = draw.choice(question.wordings())
        if f"《{question.book}》" in wording:
            yield book.title, wording.replace(f"《{question.book}》", f"《{book.title}》")
        else:
            yield book.title, f"《{book.title}》里，{wording}"


def _of_no_book(questions: Sequence[Question], books: list[_Book], draw: random.Random) -> Iterator[tuple[str, str]]:
    """(book, wording): the hero's name replaced by one of nobody."""
    names = [name for book in books for name in book.names]
    everything = "\n".join(book.text for book in books)
    for question in questions:
        for wording in question.wordings():
            heroes = [hero for hero in _heroes(question, books) if hero in wording]
            if not heroes:
                continue
            for _ in range(20):
                invented = draw.choice(names)[0] + draw.choice(names)[-1] + draw.choice(names)[-1]
                invented = invented[: max(2, len(heroes[0]))]
                if invented not in everything:
                    yield question.book, wording.replace(heroes[0], invented)
                    break


def _unspoken(books: list[_Book], draw: random.Random) -> Iterator[tuple[str, str]]:
    """(book, wording): relations of real people that the text beside their names never touches."""
    asked = [(book, name, relation) for book in books for name in book.names for relation in _RELATIONS]
    draw.shuffle(asked)
    for book, name, (wordings, words) in asked:
        spoken = re.compile(words)
        places = (found.start() for found in re.finditer(re.escape(name), book.text))
        if any(spoken.search(book.text, max(0, place - NEAR), place + len(name) + NEAR) for place in places):
            continue
        wording = draw.choice(wordings).format(name)
        yield book.title, wording if draw.random() < 0.5 else f"《{book.title}》里，{wording}"


def _heroes(question: Question, books: list[_Book]) -> list[str]:
    """The names of the question's book that stand in its first wording, the longest first."""
    own = next((book for book in books if book.title == question.book), None)
    found = [name for name in (own.names if own else ()) if name in question.question]
    return sorted(found, key=lambda name: (-len(name), name))


def _question(book: str, wording: str, number: int) -> Question:
    return Question(
        id=f"untold-{number:05d}",
        book=book,
        type="无答案",
        question=wording,
        answer=NOT_TOLD,
        key=UNTOLD_KEYS,
        level="NA",
    )
