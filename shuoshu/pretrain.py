"""Pretraining: the books, with the trained questions mixed in, become a base model that continues a text."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.generate.engine import Engine
from shuoshu.model import MiniGLM
from shuoshu.questions.formats import questions_of
from shuoshu.questions.question import Question
from shuoshu.recipe import Recipe, Sampling, shared_options
from shuoshu.terminal import say
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.data import Source, TextSource, hold_out
from shuoshu.train.ensemble import lessons, train_lessons
from shuoshu.train.loop import Hooks
from shuoshu.train.regime import choose_config, default_minutes, pick_device
from shuoshu.train.score import HeldOut, bits_per_char
from shuoshu.train.stage import Training, begin
from shuoshu.train.team import join
from shuoshu.weights import find_model

QUESTIONS_SHARE = 0.2
OPEN_CONTEXT = 512
"""Longest text seen at once where open weights are trained on, unless `model.context` says otherwise."""
AT_ONCE = 512
"""Chapters encoded at once."""
QUICK_WINDOWS = 32
"""Held-out windows scored while training, twenty times in a run: 2 % of five minutes. All are scored at the end."""


def pretrain(run: RunFolder, recipe: Recipe, fingerprint: str) -> dict[str, Any]:
    """Train the base model of a run; writes `pretrain/`. Returns the figures of `--json`."""
    folder = run.path / "pretrain"
    device = pick_device()
    team = join(device)
    begin(folder, fingerprint, team)
    options = shared_options(recipe.pretrain, recipe.train)
    chapters, held = hold_out(read_chapters(run.chapters))
    if not held:
        say("pretrain: the books are too short to hold a part out, so overfitting cannot be seen.")
    tokenizer = Tokenizer.load(run.tokenizer)
    minutes = options["minutes"] or default_minutes("pretrain", device)
    options["init_from"] = recipe.model.init_from

    def make_model(seed: int) -> MiniGLM:
        if recipe.model.init_from:
            return MiniGLM.load(find_model(recipe.model.init_from), recipe.model.context or OPEN_CONTEXT).to(device)
        model = MiniGLM(choose_config(recipe.model, tokenizer.vocab_size, minutes, device))
        model.initialise(torch.Generator().manual_seed(seed))
        return model.to(device)

    planned = lessons(recipe.pretrain.members, recipe.pretrain.chain)
    model = make_model(options["seed"])
    texts = [chapter.text for chapter in held]
    source = _text_source(run, recipe, tokenizer, chapters, model.config.max_position_embeddings, options["seed"])
    prompts = classic_prompts(chapters)
    context = model.config.max_position_embeddings
    hooks = Hooks(
        score=HeldOut(tokenizer, texts, context, QUICK_WINDOWS).bits_per_char if held else None,
        # What shows is the plain model: adapters beside its weights are unknown to the engine.
        show=None if options["lora"] else lambda m: continue_prompts(m, tokenizer, prompts),
    )
    training = Training(
        stage="pretrain", folder=folder, fingerprint=fingerprint, model=model, tokenizer=tokenizer,
        make_source=source, hooks=hooks, options=options, team=team,
    )  # fmt: skip
    model, figures = train_lessons(planned, training, make_model, team)
    bits = bits_per_char(model, tokenizer, texts, context) if held else None
    if bits is not None:
        say(f"pretrain: {bits:.3f} bits a character on {sum(map(len, texts)):,} held-out characters.")
    return {**figures, "bits_per_char": bits}


def _text_source(
    run: RunFolder, recipe: Recipe, tokenizer: Tokenizer, chapters: list[Chapter], context: int, seed: int
) -> Callable[[int], Source]:
    """A maker of text batches: every chapter once an epoch, every question as often as its share asks for."""
    share = recipe.pretrain.questions_share
    share = QUESTIONS_SHARE if share is None else share
    if not 0 <= share < 1:
        raise UserError(f"pretrain.questions_share is {share}; it is a share of the tokens, from 0 to below 1.")
    texts: list[Sequence[int] | NDArray[np.int32]] = []
    for some in range(0, len(chapters), AT_ONCE):  # as Python's numbers, the tokens of many books would fill the memory
        encoded = tokenizer.encode_many([chapter.text for chapter in chapters[some : some + AT_ONCE]])
        texts += [np.array(ids, dtype=np.int32) for ids in encoded]
    names = [f"《{chapter.book}》{chapter.title}" for chapter in chapters]
    characters = sum(len(chapter.text) for chapter in chapters)
    questions = questions_of(run, "train") if share else []
    pairs = [as_document(tokenizer, wording, question) for question in questions for wording in question.wordings()]
    if pairs:
        copies = share / (1 - share) * sum(map(len, texts)) / sum(map(len, pairs))
        copies = max(1, round(copies))
        texts += pairs * copies
        characters += copies * sum(len(w) + len(q.answer) for q in questions for w in q.wordings())

    def make(batch: int) -> Source:
        return TextSource(texts, tokenizer.end_of_text, characters, context, batch, seed, names)

    return make


def as_document(tokenizer: Tokenizer, wording: str, question: Question) -> list[int]:
    """A question and its answer as a conversation to be learned whole."""
    return tokenizer.chat(
        [{"role": "user", "content": wording}, {"role": "assistant", "content": question.answer}], answer=False
    )


def classic_prompts(chapters: list[Chapter]) -> list[str]:
    """The students' four prompts: a hero's name, a long quoted passage, one plain word, and a question."""
    import rjieba

    names = Counter(
        word for chapter in chapters[:20] for word, tag in rjieba.tag(chapter.text) if tag == "nr" and len(word) > 1
    )
    hero = max(names, key=lambda name: (names[name], name)) if names else chapters[0].text[:2]
    middle = chapters[len(chapters) // 2].text
    passage = re.split(r"(?<=[。！？.!?])", middle[len(middle) // 2 :], maxsplit=4)
    return [hero, "".join(passage[1:4])[:120].strip() or middle[:60], "明天", f"《{chapters[0].book}》的主人公是谁？"]


def continue_prompts(model: MiniGLM, tokenizer: Tokenizer, prompts: list[str]) -> list[str]:
    """One line for each prompt: its end, and what the model writes after it."""
    sampling = Sampling(max_new_tokens=24, temperature=0.8, top_k=50)
    ids = [
        [tokenizer.end_of_text, *tokenizer.encode(prompt)][-model.config.max_position_embeddings // 2 :]
        for prompt in prompts
    ]
    results = Engine(model, tokenizer).generate(ids, sampling)
    return [
        f"    {prompt[-20:]} ▸ {result.text}".replace("\n", "⏎")
        for prompt, result in zip(prompts, results, strict=True)
    ]
