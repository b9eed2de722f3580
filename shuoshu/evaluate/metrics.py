"""What one answer is worth: ROUGE-L, right or wrong, and the faults a reader sees at once.

Each function looks at one answer; `scores.py` sums them up. What "right" means is fixed by the design and must not be
loosened here: a figure is only worth something while it stays comparable.
"""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Protocol

from shuoshu.evaluate.untold import says_untold
from shuoshu.questions.question import Question

LONGEST_ANSWER = 60
"""An answer longer than this many characters is never right: a page that holds the key by chance is no answer."""

LOOP_LENGTH = 16
"""A stretch of this many characters that only says one thing again and again is a loop."""

# What no book and no person writes, but a broken decoder does:
_GARBLE = re.compile(
    "\ufffd"  # bytes that are no UTF-8, replaced
    r"|<0x[0-9A-Fa-f]{2}>|<\|[a-z_]+\|>"  # byte tokens and special tokens shown as text
    # UTF-8 shown byte by byte, as Latin-1 or in the alphabet of byte-level BPE (`ä½ł` for 你): a lead byte of three
    # and two bytes that follow it.
    r"|[\u00e0-\u00ef][\u0080-\u00bf\u0122-\u0143]{2}"
)
# Control characters, lone surrogates, private use, unassigned.
_GARBLE_CATEGORIES = {"Cc", "Cs", "Co", "Cn"}


class CitationLike(Protocol):
    """A place in the books that an answer names."""

    @property
    def book(self) -> str: ...
    @property
    def chapter(self) -> int: ...
    @property
    def quote(self) -> str: ...


def words(text: str) -> list[str]:
    """Words as jieba cuts them (rjieba: the same words, 13 times as fast), white space left out."""
    import rjieba

    return [word for word in rjieba.cut(text) if not word.isspace()]


def characters(text: str) -> list[str]:
    """Characters, white space left out."""
    return [character for character in text if not character.isspace()]


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L on words: F1 (beta 1) of the longest common subsequence, 0 to 1.

    Source: Lin 2004, ROUGE, section 3.1, over the whole text as one sequence. Punctuation counts as words, as it does
    where `jieba.lcut` feeds a ROUGE package.
    """
    return lcs_f1(words(answer), words(reference))


def rouge_l_char(answer: str, reference: str) -> float:
    """ROUGE-L on characters: no word segmenter, hence the same number wherever it is computed."""
    return lcs_f1(characters(answer), characters(reference))


def lcs_f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    """F1 of the longest common subsequence of two sequences; 0 where one is empty."""
    from rapidfuzz.distance import LCSseq

    if not answer or not reference:
        return 0.0
    # With P = L/a and R = L/r, F1 = 2PR/(P+R) = 2L/(a+r).
    return 2 * LCSseq.similarity(answer, reference) / (len(answer) + len(reference))


def is_right(answer: str, question: Question) -> bool:
    """Whether an answer is right, as the design defines it.

    After NFKC it holds one of the question's keys and is at most `LONGEST_ANSWER` characters long. A question of level
    `NA` has no answer in the books: right is an answer that says so.
    """
    if question.level == "NA":
        return says_untold(answer)
    text = _plain(answer)
    return len(text) <= LONGEST_ANSWER and any(_plain(key) in text for key in question.key if _plain(key))


def has_verdict(question: Question) -> bool:
    """Whether answers to this question can be called right or wrong: it has a key, or is unanswerable."""
    return question.level == "NA" or any(_plain(key) for key in question.key)


def is_garbled(answer: str) -> bool:
    """Whether the answer shows broken bytes: `�`, private-use or unassigned characters, byte or special tokens."""
    if _GARBLE.search(answer):
        return True
    return any(unicodedata.category(c) in _GARBLE_CATEGORIES for c in answer if c not in "\n\r\t")


def is_empty(answer: str) -> bool:
    """Whether the answer holds no letter, character or digit at all."""
    return not any(character.isalnum() for character in answer)


def is_repetitive(answer: str) -> bool:
    """Whether the answer is caught in a loop. White space does not count. Either of:

    - some stretch of at least `LOOP_LENGTH` characters is one unit said over and over, twice at least: 8 characters
      twice, 4 characters four times, one character sixteen times;
    - more than two fifths of its character trigrams stood before in it (seq-rep-3 after Welleck et al. 2019, arXiv
      1908.04319), in an answer of twice `LOOP_LENGTH` or more: loops that change a little at each turn. Of 34,892 such
      sentences of eight novels one is as bad, a catalogue of sutras.
    """
    text = "".join(characters(answer))
    if len(text) < LOOP_LENGTH:
        return False
    if any(_longest_loop(text, period) >= LOOP_LENGTH for period in range(1, len(text) // 2 + 1)):
        return True
    trigrams = [text[i : i + 3] for i in range(len(text) - 2)]
    return len(text) >= 2 * LOOP_LENGTH and 1 - len(set(trigrams)) / len(trigrams) > 0.4


def cites_evidence(citation: CitationLike, question: Question) -> bool:
    """Whether a cited quotation shows the answer. The question must have `evidence`. Only letters and digits count.

    Of the same book (where the question names one), the quotation either holds the whole evidence (or, being of 8
    characters or more, lies within it), whatever chapter the reader's own count makes it; or it is from the chapter of
    the evidence and shares a run of at least half of the evidence with it, or holds one of the keys.
    """
    if question.book and citation.book.strip("《》") != question.book.strip("《》"):
        return False
    quote, evidence = _letters(citation.quote), _letters(question.evidence)
    if evidence in quote or (len(quote) >= 8 and quote in evidence):
        return True
    if not question.chapter or citation.chapter != question.chapter:
        return False
    holds_key = any(_plain(key) in _plain(citation.quote) for key in question.key if _plain(key))
    return holds_key or 2 * _longest_run(quote, evidence) >= len(evidence)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _letters(text: str) -> str:
    return "".join(character for character in _plain(text) if character.isalnum())


def _longest_run(a: str, b: str) -> int:
    """Length of the longest common substring."""
    return SequenceMatcher(None, a, b, autojunk=False).find_longest_match().size


def _longest_loop(text: str, period: int) -> int:
    """Length of the longest stretch of `text` that repeats itself with this period, twice at least; else 0."""
    longest = run = 0
    for before, after in zip(text, text[period:], strict=False):
        run = run + 1 if before == after else 0
        longest = max(longest, run)
    return longest + period if longest >= period else 0
