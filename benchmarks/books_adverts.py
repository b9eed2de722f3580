"""Adverts found in lines marked by hand (tests/books/adverts-marked.txt): recall, precision, what was cut wrongly.

    python benchmarks/books_adverts.py [--show]

Each line stands between two paragraphs of a story and goes through the rules adverts, notices and decorations.
"""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz.distance import LCSseq

from shuoshu.books.account import Account
from shuoshu.books.cleaning import rules

MARKED = Path(__file__).resolve().parents[1] / "tests/books/adverts-marked.txt"
_STORY = "天色渐渐暗了下来，他独自一人走在回家的路上，心里想着白天的事。\n"


@dataclass
class Counts:
    """What became of the marked lines."""

    adverts: int = 0
    found: int = 0
    """Cut, with at most 15 % of their letters left and at most one letter of the book's gone."""
    damaged: int = 0
    """Adverts that took more of the book along."""
    innocent: int = 0
    cut: int = 0
    """Innocent lines that lost something."""
    faults: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.adverts

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.damaged + self.cut)


def count(lines: list[str]) -> Counts:
    """Clean the lines and compare with their marks."""
    counts = Counts()
    for line in lines:
        full, real = _letters(line), _letters(re.sub("⟦[^⟧]*⟧", "", line))
        out = _letters(_cleaned(re.sub("[⟦⟧]", "", line)))
        lost = len(real) - LCSseq.similarity(out, real)
        left = len(out) - (len(real) - lost)
        if "⟦" not in line:
            counts.innocent += 1
            counts.cut += out != real
            right = out == real
        else:
            counts.adverts += 1
            right = lost <= 1 and left <= max(1, 0.15 * (len(full) - len(real)))
            counts.found += right
            counts.damaged += lost > 1
        if not right:
            counts.faults.append(f"{line} → {out}")
    return counts


def _cleaned(line: str) -> str:
    text = f"{_STORY}{line}\n{_STORY}"
    account = Account(len(text))
    for rule in ("control", "markup", "adverts", "notices", "decorations"):
        text = rules.BEFORE[rule](text, account)
    return text.removeprefix(_STORY).removesuffix(_STORY)


def _letters(text: str) -> str:
    return re.sub(r"[\s⟦⟧]", "", text)


def halves() -> tuple[list[str], list[str]]:
    """The lines that rules are mended on, and those that are only counted."""
    lines = [line for line in MARKED.read_text(encoding="utf-8").split("\n") if line and not line.startswith("# ")]
    return lines[::2], lines[1::2]


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description="Adverts in lines marked by hand.")
    parser.add_argument("--show", action="store_true", help="show the faults of the first half")
    show = parser.parse_args().show
    print("| lines | adverts | found | recall | took text along | innocent | cut | precision |")
    print("|---|---|---|---|---|---|---|---|")
    for name, lines in zip(("mended on", "only counted"), halves(), strict=True):
        c = count(lines)
        row = (name, c.adverts, c.found, f"{c.recall:.3f}", c.damaged, c.innocent, c.cut, f"{c.precision:.3f}")
        print("| " + " | ".join(map(str, row)) + " |")
        if show and name == "mended on":
            print("\n".join(c.faults))


if __name__ == "__main__":
    main()
