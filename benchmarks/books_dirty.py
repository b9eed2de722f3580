"""The stage `books` on copies made dirty on purpose, in many ways, with the truth known.

    python benchmarks/books_dirty.py ../shared/corpus [--works 西游记 …] [--ways one-line …] [--random 40] [--json]

For every way and work: are the chapters all there with their numbers and titles, how like the clean text is the
cleaned one (twice the longest common subsequence, by the characters of both), how many characters of the book were
lost that the dirty copy still had, how many of the copy's dirt stayed, how many adverts planted are gone.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from rapidfuzz.distance import LCSseq

sys.path.insert(0, str(Path(__file__).parent))
from dirty_copies import Draft, finish, read_clean
from dirty_english import english_novel
from dirty_ways import CHINESE, ENGLISH, at_random

from shuoshu.books.book import Book, read_book
from shuoshu.books.chapter import Chapter
from shuoshu.books.reading.containers import Source

Way = Callable[[Draft], None]


@dataclass(frozen=True)
class Score:
    """How well one dirty copy was read."""

    chapters: int
    found: int
    numbers: float
    """F1 of the chapter numbers found against the true ones."""
    titles: float
    """Share of the true chapters whose title was found to the letter."""
    likeness: float
    lost: float
    """Characters of the book lost, of a thousand, not counting those destroyed on purpose."""
    dirt: float
    """Characters in the result that are not the book's, of a thousand."""
    adverts: float
    """Share of the adverts planted that left no trace; 1 where none was planted."""
    foreign: int
    """Letters of other scripts left."""


def score(draft: Draft, book: Book, *, step: int = 1) -> Score:
    """Compare a book read with the draft its copy was made of, every so-many-th chapter of it."""
    ours = [chapter for chapter in book.chapters if chapter.number > 0]
    numbers, truths = Counter(c.number for c in ours), Counter(p.number for p in draft.truth if p.number > 0)
    both = sum((numbers & truths).values())
    finder = _Finder(book.chapters)
    common = length_ours = length_theirs = titles = asked = 0
    for part in draft.truth[:: max(1, step)]:
        mine = finder.find(part.number, part.text)
        asked += 1
        if mine is None:
            length_theirs += len(part.text)
            continue
        titles += mine.number == part.number and _same_title(mine.title, part.title if draft.titled else "")
        text = _body(mine)
        if len(text) > 8 * len(part.text) + 20_000:  # the book is not divided: look for the chapter in it
            at = _whereabouts(text, part.text)
            text = text[max(0, at - 2000) : at + len(part.text) + 4000]
            common += LCSseq.similarity(text, part.text)
            length_ours += len(part.text)
        else:
            common += LCSseq.similarity(text, part.text)
            length_ours += len(text)
        length_theirs += len(part.text)
    total = sum(len(part.text) for part in draft.truth)
    destroyed = draft.destroyed * length_theirs / max(1, total)
    everything = _letters("".join(chapter.text for chapter in book.chapters))
    left = [advert for advert in draft.planted if _stands(advert, everything)]
    return Score(
        chapters=sum(truths.values()),
        found=len(ours),
        numbers=round(2 * both / max(1, len(ours) + sum(truths.values())), 4),
        titles=round(titles / asked, 4),
        likeness=round(2 * common / max(1, length_ours + length_theirs), 4),
        lost=round(max(0.0, 1000 * (length_theirs - common - destroyed) / max(1, length_theirs)), 2),
        dirt=round(1000 * max(0, length_ours - common) / max(1, length_ours), 2),
        adverts=round(1 - len(left) / len(draft.planted), 4) if draft.planted else 1.0,
        foreign=len(re.findall("[\u3040-\u30ff\u0370-\u04ff]", everything)),
    )


class _Finder:
    """Finds the chapter of a book that holds a text: by its number, else by the phrases they share."""

    def __init__(self, chapters: list[Chapter]) -> None:
        self.chapters = chapters
        self.by_number = {chapter.number: chapter for chapter in reversed(chapters)}
        self.where: dict[str, int] = {}
        for i, chapter in enumerate(chapters):
            for phrase in _phrases(chapter.text):
                self.where.setdefault(phrase, i)

    def find(self, number: int, text: str) -> Chapter | None:
        phrases = _phrases(text)
        same = self.by_number.get(number)
        if same is not None and len(phrases & _phrases(same.text)) > 0.3 * len(phrases):
            return same
        votes = Counter(self.where[phrase] for phrase in phrases if phrase in self.where)
        return self.chapters[votes.most_common(1)[0][0]] if votes else same


def _phrases(text: str) -> set[str]:
    text = re.sub(r"[^\w]", "", text)
    return {text[i : i + 8] for i in range(0, len(text) - 8) if text[i] in "不人一来是有的了曰生t"}


def _whereabouts(text: str, part: str) -> int:
    for i in range(0, len(part) - 12, 50):
        at = text.find(part[i : i + 12])
        if at >= 0:
            return max(0, at - i)
    return 0


def _body(chapter: Chapter) -> str:
    """A chapter without its heading lines."""
    if not chapter.title:
        return chapter.text.rstrip("\n")
    before, _, after = chapter.text.partition(f"{chapter.title}\n")
    return after.rstrip("\n") if len(before) < 100 else chapter.text.rstrip("\n")


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text)).lower()


def _same_title(ours: str, theirs: str) -> bool:
    """The title stands at the end of the heading, and only a number before it."""
    ours, theirs = _letters(ours), _letters(theirs)
    return ours.endswith(theirs) and len(ours) - len(theirs) <= 20


def _stands(advert: str, text: str) -> bool:
    """Whether an advert, or half of it, is still in a text (of letters)."""
    core = _letters(advert)
    half = max(4, len(core) // 2)
    return len(core) >= 4 and (core[:half] in text or core[-half:] in text)


def read_dirty(draft: Draft, folder: Path, stem: str) -> Book:
    """Write the copy and read it."""
    path = folder / f"{stem}.txt"
    path.write_bytes(finish(draft))
    return read_book(Source(path=path, format="text", explicit=True), simplify=draft.simplify)


def measure(draft: Draft, way: Way, *, folder: Path, stem: str, step: int) -> Score:
    """Dirty a draft and score what is read from it."""
    way(draft)
    return score(draft, read_dirty(draft, folder, stem), step=step)


def table(rows: dict[str, list[Score]]) -> str:
    """The mean of each way's scores, and the worst likeness, as a Markdown table."""
    out = ["| way | chapters | numbers | titles | likeness | worst | lost ‰ | dirt ‰ | adverts gone | odd letters |"]
    out.append("|" + "---|" * 10)
    for name, scores in rows.items():
        right = sum(s.found == s.chapters for s in scores)
        means = {key: fmean(asdict(s)[key] for s in scores) for key in asdict(scores[0])}
        adverts = f"{means['adverts']:.3f}" if any(s.adverts < 1 for s in scores) else "1"
        row = [name, f"{right}/{len(scores)}", f"{means['numbers']:.3f}", f"{means['titles']:.3f}"]
        row += [f"{means['likeness']:.4f}", f"{min(s.likeness for s in scores):.4f}"]
        row += [f"{means['lost']:.2f}", f"{means['dirt']:.2f}", adverts, f"{means['foreign']:.0f}"]
        out.append(f"| {' | '.join(row)} |")
    return "\n".join(out)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The stage `books` on copies made dirty on purpose.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--works", nargs="*", help="stems of the clean copies (default: all)")
    parser.add_argument("--ways", nargs="*", help="names of the ways (default: all)")
    parser.add_argument("--random", type=int, default=0, help="this many mixtures of ways, drawn at random")
    parser.add_argument("--step", type=int, default=10, help="compare every so-many-th chapter")
    parser.add_argument("--keep", type=Path, help="a folder to leave the dirty copies in")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--each", action="store_true", help="a line a copy, not a way")
    options = parser.parse_args()
    files = [file for file in sorted(options.corpus.glob("*.txt")) if not options.works or file.stem in options.works]
    rows: dict[str, list[Score]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)

        def run(name: str, draft: Draft, way: Way) -> None:
            result = measure(draft, way, folder=folder, stem=f"{draft.title}", step=options.step)
            rows.setdefault(f"{name} {draft.title}" if options.each else name, []).append(result)
            print(name, draft.title, result, file=sys.stderr)

        for name, way in CHINESE.items():
            for file in files:
                if (not options.ways or name in options.ways) and not (
                    name.startswith("heading") and "聊斋" in file.stem
                ):
                    run(name, read_clean(file, random.Random(f"{options.seed} {name} {file.stem}")), way)
        for name, way in ENGLISH.items():
            if not options.ways or name in options.ways:
                run(name, english_novel(random.Random(f"{options.seed} {name}")), way)
        for i in range(options.random):
            rng = random.Random(f"{options.seed} random {i}")
            name, way = at_random(rng)
            run("at random", read_clean(files[i % len(files)], rng), way)
            print("   ", name, file=sys.stderr)
    if options.json:
        print(json.dumps({name: [asdict(s) for s in scores] for name, scores in rows.items()}, ensure_ascii=False))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
