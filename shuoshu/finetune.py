"""Fine-tuning: the base model learns to answer, from the answers alone."""

import sys
from typing import Any

from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.model import MiniGLM
from shuoshu.questions.formats import read_questions
from shuoshu.questions.question import Question
from shuoshu.questions.untold import untold_questions
from shuoshu.recipe import Recipe, shared_options
from shuoshu.terminal import say
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.data import PairSource, Source, hold_out
from shuoshu.train.loop import Hooks
from shuoshu.train.regime import pick_device
from shuoshu.train.score import answer_bits, bits_per_char, spread
from shuoshu.train.stage import Training, begin, run_training
from shuoshu.train.team import join

QUICK_PAIRS = 48
"""Wordings set aside that are scored while training, evenly spread."""
UNTOLD = 0.1
"""Least share of unanswerable questions among those learned."""


def finetune(run: RunFolder, recipe: Recipe, fingerprint: str) -> dict[str, Any]:
    """Teach the base model of a run its questions; writes `finetune/`. Returns the figures of `--json`."""
    folder = run.path / "finetune"
    questions = read_questions(run.questions("train"))
    if not questions:
        raise UserError(f"{run.questions('train')} holds no question; name question files under questions.train.")
    device = pick_device()
    team = join(device)
    begin(folder, fingerprint, team)
    options = {**shared_options(recipe.finetune, recipe.train), "init_from": recipe.model.init_from}
    base = run.path / "pretrain" / "model"
    model = MiniGLM.load(base).to(device)
    tokenizer = Tokenizer.load(base)
    chapters = read_chapters(run.chapters)
    questions += _untold(questions, chapters)
    pairs, characters = learned_pairs(tokenizer, questions, model.config.max_position_embeddings)
    _show_example(tokenizer, *pairs[0])
    valid, _ = learned_pairs(tokenizer, read_questions(run.questions("valid")), model.config.max_position_embeddings)

    def source(batch: int) -> Source:
        made = PairSource(pairs, tokenizer.end_of_text, characters, batch, options["seed"])
        say(
            f"finetune: {len(pairs)} wordings of {len(questions)} questions, {made.padding():.1%} of positions padding."
        )
        return made

    # Twenty looks at all of them took 59 % of the demo's fine-tuning.
    valid = spread(valid, QUICK_PAIRS)
    hooks = Hooks(score=(lambda m: answer_bits(m, valid, tokenizer.characters_of)) if valid else None)
    model, figures = run_training(
        Training(
            stage="finetune", folder=folder, fingerprint=fingerprint, model=model, tokenizer=tokenizer,
            make_source=source, hooks=hooks, options=options, team=team,
        )
    )  # fmt: skip
    texts = [chapter.text for chapter in hold_out(chapters)[1]]
    context = model.config.max_position_embeddings
    return {**figures, "bits_per_char": bits_per_char(model, tokenizer, texts, context) if texts else None}


def _untold(questions: list[Question], chapters: list[Chapter]) -> list[Question]:
    """Unanswerable questions by rule, where the given ones hold fewer: who is only shown answers always answers."""
    wordings = sum(len(question.wordings()) for question in questions)
    given = sum(len(question.wordings()) for question in questions if question.level == "NA")
    return untold_questions(questions, chapters, round(UNTOLD * wordings) - given)


def learned_pairs(
    tokenizer: Tokenizer, questions: list[Question], context: int
) -> tuple[list[tuple[list[int], list[int]]], int]:
    """(prompt ids, answer ids with the end mark) of every wording, and the characters of the answers.

    An answer that does not fit the context is left out, and said: cut short it would teach answers without an end.
    """
    pairs, characters, long = [], 0, 0
    for question in questions:
        answer = [*tokenizer.encode(question.answer), tokenizer.chat_end]
        for wording in question.wordings():
            prompt = tokenizer.chat([{"role": "user", "content": wording}])
            if len(prompt) + len(answer) > context:
                long += 1
                continue
            pairs.append((prompt, answer))
            characters += len(question.answer)
    if long:
        say(f"finetune: {long} wordings are longer than the context ({context} tokens) and are left out.")
    if questions and not pairs:
        raise UserError(f"No question with its answer fits the context of {context} tokens; raise model.context.")
    return pairs, characters


def _show_example(tokenizer: Tokenizer, prompt: list[int], answer: list[int]) -> None:
    """Print what is masked (grey) and what is learned (green) of one conversation."""
    grey, green, plain = ("\033[90m", "\033[32m", "\033[0m") if sys.stderr.isatty() else ("[masked] ", "[learned] ", "")
    shown = [tokenizer.fast.decode(part, skip_special_tokens=False) for part in (prompt, answer)]
    say(f"An example; the loss is on the answer and its end mark only:\n{grey}{shown[0]}{green}{shown[1]}{plain}")
