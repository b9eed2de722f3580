"""A tiny network and a tiny recipe, for tests of what does not depend on size."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch

from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.questions.formats import write_questions
from shuoshu.questions.stage import read_named
from shuoshu.recipe import Recipe
from shuoshu.tokenizer import Tokenizer

TINY = {"layers": 2, "width": 64, "context": 128}


def random_model(tokenizer: Tokenizer, seed: int = 0, **shape: int | bool) -> MiniGLM:
    """A network with random weights, large enough that its likeliest tokens are far apart."""
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = GLMConfig(
        vocab_size=tokenizer.vocab_size,
        **{**sizes, "head_dim": 16, "intermediate_size": 128, "max_position_embeddings": 256, **shape},  # type: ignore
    )
    model = MiniGLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.15, generator=generator)
    return model.eval()


@cache
def few_questions() -> Path:
    """A folder with `test.jsonl`, every sixth of the bundled test questions, and `train.jsonl`, the facts that these
    ask about and every eighth: what a test does with all 10,000 wordings takes minutes on a slow machine."""
    folder = Path(tempfile.mkdtemp(prefix="shuoshu-few-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    test = read_named("demo", "test")[::6]
    asked = {question.of for question in test}
    train = [q for i, q in enumerate(read_named("demo", "train")) if i % 8 == 0 or q.id in asked]
    write_questions(folder / "test.jsonl", test)
    write_questions(folder / "train.jsonl", train)
    return folder


def tiny_recipe(**steps: int) -> Recipe:
    """The whole road on the bundled book in seconds; it learns next to nothing."""
    recipe = Recipe(name="tiny")
    recipe.books.paths = ["demo"]
    recipe.questions.train = [str(few_questions() / "train.jsonl")]
    recipe.questions.test = [str(few_questions() / "test.jsonl")]
    for name, value in TINY.items():
        setattr(recipe.model, name, value)
    recipe.evaluate.trained = 12
    recipe.pretrain.steps = steps.get("pretrain", 12)
    recipe.finetune.steps = steps.get("finetune", 6)
    recipe.train.evaluate_times = 2
    recipe.train.batch = 4
    recipe.evaluate.trained = 6
    return recipe


def write_embedding_model(folder: Path, characters: str) -> Path:
    """A random BERT in a folder of its own, as sentence-transformers reads it; every character is a token."""
    from tokenizers import Tokenizer as Fast
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = {word: i for i, word in enumerate(["[PAD]", "[UNK]", *dict.fromkeys(characters)])}
    tokenizer = Fast(WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split("", "isolated")  # type: ignore[assignment]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    return folder
