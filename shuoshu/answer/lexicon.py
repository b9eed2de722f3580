"""The lexicon of names: the people of each book and what else they are called, kept beside the search index.

`learn_lexicon` makes it from the chapters by rule (`answer/aliases.py`); `index/lexicon.json` holds it. An other name
belongs to one person of one book: where it fits people of two books asked about together, it is nobody's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from shuoshu.answer.aliases import HAN, People, by_first, learn_people, mentions
from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.files import read_json, write_json
from shuoshu.folder import make_again
from shuoshu.questions.names import find_names
from shuoshu.recipe import FORMAT

FILE = "lexicon.json"
LONGEST, MOST_NAMES, MOST_OTHERS = 40, 5000, 50
"""Bounds of what is kept and believed: characters of a name, people of a book, names of a person."""
_COMMON = re.compile("[们说这来个时没后会对]")
_TRADITIONAL = re.compile("[們說這來個時沒後會對]")


class Lexicon:
    """People and names of the books. Safe to share between threads: nothing changes once it is made."""

    def __init__(self, people: dict[str, People], simplified: bool = True) -> None:
        self.simplified = simplified
        """Whether the books are printed in simplified characters."""
        self._people = people
        self._owners = lru_cache(maxsize=64)(self._owners_of)

    @classmethod
    def open(cls, folder: Path) -> "Lexicon":
        """The lexicon of an index folder; an empty one where the index was made without.

        Raises UserError where the file is broken.
        """
        path = folder / FILE
        if not path.is_file():
            return cls({})
        try:
            value = read_json(path)
            if value["format"] != FORMAT or not isinstance(value["simplified"], bool):
                raise ValueError("another version")
            return cls({_name(book): _people(people) for book, people in value["books"].items()}, value["simplified"])
        except (UserError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise UserError(f"{path} is a broken lexicon of names; {make_again(folder)}.") from error

    def save(self, folder: Path) -> None:
        """Write it into the index folder, whole or not at all."""
        books = {book: {name: dict(calls) for name, calls in people.items()} for book, people in self._people.items()}
        write_json(folder / FILE, {"format": FORMAT, "simplified": self.simplified, "books": books})

    @property
    def books(self) -> list[str]:
        """Titles of the books, whose people it knows."""
        return list(self._people)

    def names(self, book: str) -> dict[str, tuple[str, ...]]:
        """The people of a book by name, each with the other names, the commonest first. Empty for an unknown book."""
        people = self._people.get(book, {})
        return {
            name: tuple(other for other, _ in calls.most_common() if other != name) for name, calls in people.items()
        }

    def find(self, text: str, books: Sequence[str] = ()) -> list[tuple[int, int, str]]:
        """Where people stand in a text, by any of their names: (start, end, name), in order, none overlapping.

        Only people of `books` are looked for, of all books where none is given.
        """
        owners, groups = self._owners(tuple(books) or tuple(self._people))
        # A name in Latin letters stands as whole words only: Ann is not in Anne.
        return [
            (start, end, owners[calling])
            for start, end, calling in mentions(text, groups)
            if not (re.match("[^\\W_]", text[end:]) and calling[-1].isascii())
            and not (start and text[start - 1].isascii() and text[start - 1].isalnum() and calling[0].isascii())
        ]

    def canonical(self, calling: str, books: Sequence[str] = ()) -> str | None:
        """The name of the person called so, None where it is nobody's or two people's."""
        return self._owners(tuple(books) or tuple(self._people))[0].get(calling)

    def own_names(self, text: str, book: str) -> str:
        """The own names of the people of a book whom a text calls otherwise, a space between them: 玄德 → 刘备."""
        found = (name for start, end, name in self.find(text, (book,)) if text[start:end] != name)
        return " ".join(dict.fromkeys(found))

    def expand(self, question: str, books: Sequence[str] = (), most: int = 3) -> list[str]:
        """Further names of the people asked about that the question does not hold, the commonest of each first."""
        chosen = tuple(books) or tuple(self._people)
        found: list[str] = []
        for name in dict.fromkeys(name for _, _, name in self.find(question, chosen)):
            calls = self.calls(name, chosen)
            found += [calling for calling, _ in calls.most_common() if calling not in question][:most]
        return list(dict.fromkeys(found))

    def calls(self, name: str, books: Sequence[str] = ()) -> Counter[str]:
        """How often each name of a person stands in the books, their own among them."""
        total: Counter[str] = Counter()
        for book in books or self._people:
            total.update(self._people.get(book, {}).get(name, {}))
        return total

    def _owners_of(self, books: tuple[str, ...]) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Every calling → the one person of these books it means; and all such callings by their first character."""
        owners: dict[str, set[str]] = {}
        for book in books:
            for name, calls in self._people.get(book, {}).items():
                for calling in calls:
                    owners.setdefault(calling, set()).add(name)
        sure = {calling: names.pop() for calling, names in owners.items() if len(names) == 1}
        return sure, by_first(sure)


def learn_lexicon(chapters: Iterable[Chapter]) -> Lexicon:
    """Learn people and their other names from the chapters, each book for itself."""
    books: dict[str, list[Chapter]] = {}
    for chapter in chapters:
        books.setdefault(chapter.book, []).append(chapter)
    people, plain, traditional = {}, 0, 0
    for book, own in books.items():
        text = "\n".join(chapter.text for chapter in own)
        plain += len(_COMMON.findall(text))
        traditional += len(_TRADITIONAL.findall(text))
        chinese = len(re.findall(HAN, text)) > len(text) / 4
        found = learn_people(text) if chinese else _english(find_names(own))
        people[book] = _bounded(found)
    return Lexicon(people, simplified=plain >= traditional)


def _bounded(people: People) -> People:
    kept = sorted(people.items(), key=lambda item: (-item[1].total(), item[0]))[:MOST_NAMES]
    return {
        name: Counter(
            dict([(name, calls[name]), *((o, n) for o, n in calls.most_common(MOST_OTHERS - 1) if o != name)])
        )
        for name, calls in sorted(kept)
        if all(len(calling) <= LONGEST for calling in calls)
    }


def _english(counts: dict[str, int]) -> People:
    """People of an English book: full names, with Mr. and the last name, and the first name, where one is meant."""
    full = [name for name in counts if re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", name)]
    people: People = {name: Counter({name: count}) for name, count in counts.items() if name not in full}
    lasts, firsts = Counter(name.split()[1] for name in full), Counter(name.split()[0] for name in full)
    for name in full:
        first, last = name.split()
        people[name] = Counter({name: counts[name]})
        titled = [calling for calling in counts if re.fullmatch(rf"(?:Mr|Mrs|Miss|Dr)\. {last}", calling)]
        shorter = (titled if lasts[last] == 1 and len(titled) == 1 else []) + ([first] if firsts[first] == 1 else [])
        for calling in shorter:
            if people.pop(calling, None) is not None:
                people[name][calling] = counts[calling]
    return people


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 500:
        raise ValueError("not a name")
    return value


def _people(value: Any) -> People:
    if len(value) > MOST_NAMES:
        raise ValueError("too many people")
    return {_calling(name): _calls(name, calls) for name, calls in value.items()}


def _calls(name: str, value: Any) -> Counter[str]:
    if len(value) > MOST_OTHERS or name not in value:
        raise ValueError("too many names, or none")
    if not all(type(count) is int and count >= 0 for count in value.values()):
        raise ValueError("not a number")
    return Counter({_calling(calling): count for calling, count in value.items()})


def _calling(value: Any) -> str:
    if not isinstance(value, str) or not 1 < len(value) <= LONGEST:
        raise ValueError("not a name")
    return value
