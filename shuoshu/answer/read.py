"""The reader: it looks at the windows found for a question and says which answers it, and how sure that is.

Three witnesses are heard, and `choice` weighs them. The words: what question and window share. The bank: whether a
trained question like this one led here. The model, small and trained here: how likely it gives the answer to that
trained question when asked this one, and how likely it says that the books do not tell. Nothing is made up: what is
answered are the book's own words, or a sentence that was learned and stands proven beside them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from shuoshu.answer.bank import Known, QuestionBank, find_evidence
from shuoshu.answer.choice import Choice
from shuoshu.answer.index import Index
from shuoshu.answer.quote import Quote, quote_at, widest_quotes
from shuoshu.answer.signs import SAME, SIGNS, WORD_SIGNS, Signs, bank_signs, unknown_names, word_signs
from shuoshu.model import MiniGLM
from shuoshu.questions.untold import NOT_TOLD
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.regime import fast_precision

WINDOWS = 30
"""Windows read for a question: on four novels 85 questions in a hundred have their answer in one of so many."""
KNOWN = 10
"""Trained questions that may lead to further windows."""
FORGOTTEN = -100.0
"""Log-probability of an answer where there is no model to remember it."""
BY_HEART = 0.5
"""Probability from which on an answer from memory is given in the model's own words, the book's beside it."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What reading came to."""

    quote: Quote
    """The window that shows the answer."""
    answer: str
    """The answer: the model's own sentence where it knows it by heart, else the quote."""
    confidence: float
    """Probability that the answer is right, as fitted (`choice.fit_choice`)."""
    told: bool
    """Whether it is sure enough to be given."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was looked at for one question."""

    quotes: list[Quote]
    signs: Signs
    """(windows, len(SIGNS))"""
    doubt: tuple[float, float]
    """(whether it names somebody unknown, probability by memory that the books do not tell, as far as the words leave
    the question open)."""
    by_heart: dict[int, str]
    """Windows that a well-remembered answer belongs to, with that answer."""


class Reader:
    """Reads for the questions of one run. Safe to share between threads."""

    def __init__(
        self,
        index: Index,
        choice: Choice,
        bank: QuestionBank,
        model: MiniGLM | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.index, self.choice, self.bank = index, choice, bank
        # Where the evidence of a trained question stands never changes, and is looked for in a whole chapter.
        self._evidence = cache(lambda question: find_evidence(question, index))
        self._mind = Mind(model, tokenizer) if model is not None and tokenizer is not None else None

    @classmethod
    def open(
        cls, index: Index, folder: Path, bank: QuestionBank, model: MiniGLM | None, tokenizer: Tokenizer | None
    ) -> "Reader":
        """A reader with what was fitted for the run (`choice.json` in its index folder), or what comes along."""
        path = folder / "choice.json"
        return cls(index, Choice.open(path) if path.is_file() else Choice.default(), bank, model, tokenizer)

    def read(self, question: str) -> Read | None:
        """The answer and its place; None where no term of the question stands in the books."""
        evidence = self.gather(question)
        if not evidence.quotes:
            return None
        best, confidence = self.choice.judge(evidence.signs, evidence.doubt)
        quote = evidence.quotes[best]
        answer = evidence.by_heart.get(best, quote.text)
        return Read(quote=quote, answer=answer, confidence=confidence, told=confidence >= self.choice.threshold)

    def gather(self, question: str) -> Evidence:
        """Windows and their signs."""
        quotes = widest_quotes(question, self.index, WINDOWS)
        known = self.bank.nearest(question, KNOWN)
        recalled = (
            self._mind.recall(question, [one.question.answer for one in known])
            if self._mind
            else [FORGOTTEN] * (len(known) + 1)
        )
        wanted = self.index.weigh(question)
        led: dict[int, tuple[float, float, str]] = {}
        for one, memory in zip(known, recalled, strict=False):
            for row in self._places(one, wanted, quotes):
                if row not in led or (one.likeness, memory) > led[row][:2]:
                    led[row] = (one.likeness, memory, one.question.answer)
        if not quotes:
            return Evidence(quotes=[], signs=np.zeros((0, len(SIGNS)), dtype=np.float32), doubt=(0, 0), by_heart={})
        words = word_signs(question, quotes, self.index)
        asked_before = bool(known) and known[0].likeness > SAME
        explained = 0.0 if asked_before else min(1.0, float(words[:, WORD_SIGNS.index("near")].max()))
        bank = bank_signs(len(quotes), {row: found[:2] for row, found in led.items()}, explained)
        return Evidence(
            quotes=quotes,
            signs=np.hstack([words, bank]),
            doubt=(unknown_names(question, self.index), math.exp(recalled[-1]) * (1 - explained)),
            by_heart={row: answer for row, (_, memory, answer) in led.items() if math.exp(memory) >= BY_HEART},
        )

    def _places(self, known: Known, wanted: dict[str, float], quotes: list[Quote]) -> list[int]:
        """The rows of `quotes` that hold the evidence of a trained question; it is added where none does."""
        place = self._evidence(known.question)
        if place is None:
            return []
        book, chapter, start, end = place
        held = [
            row
            for row, quote in enumerate(quotes)
            if (quote.book, quote.chapter) == (book, chapter) and quote.start <= start and end <= quote.end
        ]
        if not held and (quote := quote_at(place, known.question.key, wanted, self.index)) is not None:
            spans = [(other.book, other.chapter, other.start, other.end) for other in quotes]
            span = (quote.book, quote.chapter, quote.start, quote.end)
            if span not in spans:
                quotes.append(quote)
                spans.append(span)
            held = [spans.index(span)]
        return held


class Mind:
    """The model's memory, asked for likelihoods of many answers at once."""

    def __init__(self, model: MiniGLM, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self.device = next(model.parameters()).device

    def recall(self, question: str, answers: Sequence[str]) -> list[float]:
        """Log-probability of each answer from memory, and last of the one that the books do not tell."""
        prompt = self.tokenizer.chat([{"role": "user", "content": question}])
        return self._likely(
            prompt, [[*self.tokenizer.encode(answer), self.tokenizer.chat_end] for answer in (*answers, NOT_TOLD)]
        )

    @torch.no_grad()
    def _likely(self, prompt: list[int], answers: Sequence[list[int]]) -> list[float]:
        """Log-probability of each answer behind the prompt.

        All stand in one row, the prompt once, and no answer sees another: half the tokens of a row each. Logits are
        made only where one is asked for. An answer loses its end, and the prompt its beginning, where the model does
        not read so far.
        """
        room = self.model.config.max_position_embeddings
        answers = [answer[: room // 2] for answer in answers]
        prompt = prompt[-(room - max(map(len, answers))) :]
        ids, places, text = list(prompt), list(range(len(prompt))), [-1] * len(prompt)
        before: list[int] = []  # for every token of an answer, the row's place whose logits foretell it
        for number, answer in enumerate(answers):
            before += [len(prompt) - 1, *range(len(ids), len(ids) + len(answer) - 1)]
            places += range(len(prompt), len(prompt) + len(answer))
            text += [number] * len(answer)
            ids += answer
        owner = torch.tensor(text)
        seen = ((owner == owner.unsqueeze(1)) | (owner == -1)).tril()
        row = torch.tensor([ids], device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast_precision(self.device) == "bf16"):
            hidden = self.model.model(row, torch.tensor(places, device=self.device), seen.to(self.device))[0]
            logits = self.model.lm_head(hidden[before])
        wanted = row[0, len(prompt) :].unsqueeze(1)
        found = F.log_softmax(logits.float(), dim=-1).gather(1, wanted).squeeze(1).cpu()
        return [float(part.sum()) for part in found.split([len(answer) for answer in answers])]
