"""Run folders whose models say what a test wants them to say."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from shuoshu.folder import format_line
from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.questions.formats import write_questions
from shuoshu.questions.question import Question
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.stage import save_model

RECITED = "照川<s>提灯_过江，师父说：不怕。"
"""What the first model says to every question, with marks that HTML and Markdown would take for theirs."""
ENDLESS = "说书人又道："

MARKUP = '<img src=x onerror="window.hit=1">**粗**<script>window.hit=1</script>'
"""Whatever shows this as anything but these very characters lets strangers write on the page."""
CODE = "<script>window.hit=1</script>![x](//a.b/c)"
"""The like, short enough to be quoted whole in an answer."""


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    recites: Path
    """The run of the first model, on the bundled book."""
    endless: Path
    """The run of the second one, whose book, questions and chapters hold markup."""


def reciting_model(tokenizer: Tokenizer, text: str, layers: int = 1, context: int = 1024) -> MiniGLM:
    """A model whose every answer is `text`, word for word; or `text` over and over, if it ends in a colon.

    Attention and feed-forward layers add nothing, so what comes next depends on the last token alone, and the output
    layer holds for each token the embedding of the one before it.
    """
    ids = tokenizer.encode(text)
    chain = [tokenizer.encode("\n")[0], *ids, ids[0] if text.endswith("：") else tokenizer.chat_end]
    assert len(set(chain[:-1])) == len(chain) - 1, "a token that comes twice has two successors"
    config = GLMConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=256,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=context,
        tie_word_embeddings=False,
    )
    model = MiniGLM(config)
    weights = dict(model.named_parameters())
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in weights.items():
            if "o_proj" in name or "down_proj" in name or "lm_head" in name:
                weight.zero_()
        embedding = weights["model.embed_tokens.weight"].normal_()
        for here, following in pairwise(chain):
            weights["lm_head.weight"][following] += embedding[here]
    return model


def make_run(folder: Path, tokenizer: Tokenizer, model: MiniGLM, questions: list[Question] | None = None) -> None:
    """A run folder with a recipe, a model and, where given, training questions."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(format_line() + "\n", encoding="utf-8")
    save_model(model, tokenizer, folder / "finetune" / "model")
    if questions:
        write_questions(folder / "questions" / "train.jsonl", questions)
