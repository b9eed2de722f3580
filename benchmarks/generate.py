"""Decoding speed of the engine beside transformers' `generate`, on the same weights in one run.

    python benchmarks/generate.py [--new-tokens 512] [--batch 16]

A random network of 6 layers × 512 with a vocabulary of 8,192 (the speed does not depend on what it says), two
arithmetics each, a prompt of 100 tokens. Prints a table, and one JSON line last.
"""

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from shuoshu.generate.engine import Engine
from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.recipe import Precision, Sampling
from shuoshu.tokenizer import Tokenizer, train_tokenizer
from shuoshu.train.stage import save_model

PROMPT = 100
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")


def build(folder: Path) -> tuple[MiniGLM, Tokenizer]:
    """A random model of the shape to be measured, saved for transformers too."""
    text = "".join(chr(0x4E00 + i) for i in range(6000))
    tokenizer = train_tokenizer([text], 8192)
    config = GLMConfig(
        vocab_size=8192, hidden_size=512, num_hidden_layers=6, num_attention_heads=8, num_key_value_heads=8,
        intermediate_size=1408, max_position_embeddings=1024,
    )  # fmt: skip
    model = MiniGLM(config)
    model.initialise(torch.Generator().manual_seed(0))
    save_model(model, tokenizer, folder)
    return model.eval(), tokenizer


def ours(model: MiniGLM, tokenizer: Tokenizer, precision: Precision, batch: int, new: int) -> float:
    """Tokens a second, all rows together. Stop marks are taken out of reach so that every text runs to its length."""
    engine = Engine(model, tokenizer, precision)
    tokenizer.end_of_text = tokenizer.chat_end = -1
    prompts = [[(7 * i + 13 * row) % 8000 + 64 for i in range(PROMPT)] for row in range(batch)]
    engine.generate(prompts, Sampling(max_new_tokens=8))
    start = time.perf_counter()
    results = engine.generate(prompts, Sampling(max_new_tokens=new))
    return sum(len(result.ids) for result in results) / (time.perf_counter() - start)


def theirs(folder: Path, dtype: torch.dtype, batch: int, new: int) -> float:
    """The same of transformers' `generate`, greedy, with its cache."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    ids = torch.tensor([[(7 * i + 13 * row) % 8000 + 64 for i in range(PROMPT)] for row in range(batch)])
    with torch.inference_mode():
        model.generate(ids, max_new_tokens=8, do_sample=False)
        start = time.perf_counter()
        out = model.generate(ids, min_new_tokens=new, max_new_tokens=new, do_sample=False)
    return (out.shape[1] - PROMPT) * batch / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--new-tokens", type=int, default=512)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, tokenizer = build(folder)
        for batch in (1, options.batch):
            for precision in PRECISIONS:
                new = options.new_tokens if batch == 1 else options.new_tokens // 4
                figures[f"shuoshu_{precision}_{batch}"] = round(ours(model, tokenizer, precision, batch, new), 1)
                if precision != "int8":  # transformers has no such kernel of its own: compare with its bf16
                    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
                    figures[f"transformers_{precision}_{batch}"] = round(theirs(folder, dtype, batch, new), 1)
    print(f"{'tokens a second':24}{'shuoshu':>10}{'transformers':>14}{'ratio':>8}")
    for batch in (1, options.batch):
        for precision in PRECISIONS:
            other = figures[f"transformers_{'bf16' if precision == 'int8' else precision}_{batch}"]
            mine = figures[f"shuoshu_{precision}_{batch}"]
            print(f"{f'batch {batch}, {precision}':24}{mine:>10.0f}{other:>14.0f}{mine / other:>8.2f}")
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    print(json.dumps({**figures, "threads": torch.get_num_threads(), **versions}))


if __name__ == "__main__":
    main()
