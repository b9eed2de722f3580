"""Decoding speed of the engine beside transformers and llama.cpp, on the same weights in one run.

    python benchmarks/generate.py [--new-tokens 512] [--batch 16] [--rounds 3]
    python benchmarks/generate.py --questions            # 174 questions of 512 tokens, answered and scored
    python benchmarks/generate.py --faithful MODEL       # what fewer bits change, on a trained model folder

The speed is that of a random network of 6 layers × 512 with a vocabulary of 8,192: it does not depend on what the
network says. Prompts are 100 tokens each, all different; tokens a second count the reading of the prompts as well, as
whoever waits does. Contenders take turns, and each keeps its best round. llama.cpp is measured where llama-cpp-python
is installed. Prints a table, and one JSON line last.
"""

import argparse
import importlib.util
import json
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers

from shuoshu.evaluate.embedding import Similarity
from shuoshu.evaluate.scores import mark, score
from shuoshu.export.gguf import write_gguf
from shuoshu.generate.engine import Engine
from shuoshu.generate.network import Segment
from shuoshu.model import GLMConfig, MiniGLM
from shuoshu.questions.formats import read_questions
from shuoshu.recipe import Arithmetic, Sampling
from shuoshu.tokenizer import Tokenizer, train_tokenizer
from shuoshu.train.stage import save_model

PROMPT = 100
PRECISIONS: tuple[Arithmetic, ...] = ("fp32", "bf16", "int8")
QUESTIONS = 174
"""As many as the students' evaluation asked: 86 s on a laptop's GPU."""


class Speed(NamedTuple):
    """One measurement."""

    tokens_per_second: float
    """Of all texts together, from the prompts to the last token."""
    first_ms: float
    """Until the first token of the first text."""


Contender = Callable[[int, int], Speed]
"""Writes a number of tokens (second) for each of a number of texts (first), and says how fast it was."""


def build(folder: Path) -> tuple[MiniGLM, Tokenizer]:
    """A random model of the shape to be measured, saved for the others too."""
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


def prompts(batch: int) -> list[list[int]]:
    """Different texts of 100 tokens."""
    return [[(7 * i + 13 * row) % 8000 + 64 for i in range(PROMPT)] for row in range(batch)]


def ours(model: MiniGLM, tokenizer: Tokenizer, precision: Arithmetic) -> Contender:
    """The engine. Stop marks are taken out of reach so that every text runs to its length."""
    engine = Engine(model, tokenizer, precision)
    tokenizer.end_of_text = tokenizer.chat_end = -1

    def measure(batch: int, new: int) -> Speed:
        start = time.perf_counter()
        next(engine.stream(prompts(1)[0], Sampling(max_new_tokens=2)))
        first = time.perf_counter() - start
        start = time.perf_counter()
        results = engine.generate(prompts(batch), Sampling(max_new_tokens=new))
        return Speed(sum(len(result.ids) for result in results) / (time.perf_counter() - start), 1000 * first)

    return measure


def of_transformers(folder: Path, dtype: torch.dtype) -> Contender:
    """transformers' `generate`, greedy, with its cache."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)

    def measure(batch: int, new: int) -> Speed:
        with torch.inference_mode():
            start = time.perf_counter()
            model.generate(torch.tensor(prompts(1)), min_new_tokens=1, max_new_tokens=1, do_sample=False)
            first = time.perf_counter() - start
            start = time.perf_counter()
            out = model.generate(torch.tensor(prompts(batch)), min_new_tokens=new, max_new_tokens=new, do_sample=False)
        return Speed((out.shape[1] - PROMPT) * batch / (time.perf_counter() - start), 1000 * first)

    return measure


def of_llama_cpp(path: Path) -> Contender:
    """llama.cpp by its own functions, with as many threads as torch; texts side by side as sequences of one batch."""
    import llama_cpp as cpp  # pyright: ignore[reportMissingImports]

    silent = cpp.llama_log_callback(lambda level, text, data: None)
    cpp.llama_log_set(silent, None)
    model = cpp.llama_model_load_from_file(str(path).encode(), cpp.llama_model_default_params())
    vocabulary = cpp.llama_vocab_n_tokens(cpp.llama_model_get_vocab(model))

    def measure(batch: int, new: int) -> Speed:
        cpp.llama_log_set(silent, None)  # named here, it lives as long as this function
        settings = cpp.llama_context_default_params()
        settings.n_ctx = batch * (-(-(PROMPT + new) // 256) * 256)
        settings.n_batch, settings.n_ubatch, settings.n_seq_max = 2048, 512, batch
        settings.n_threads = settings.n_threads_batch = torch.get_num_threads()
        context = cpp.llama_init_from_model(model, settings)
        tokens = cpp.llama_batch_init(max(batch, PROMPT), 0, 1)

        def run(texts: Sequence[tuple[int, int, int, bool]]) -> None:
            """Tokens as (token, position, sequence, wanted)."""
            for i, (token, position, sequence, wanted) in enumerate(texts):
                tokens.token[i], tokens.pos[i], tokens.logits[i] = token, position, wanted
                tokens.n_seq_id[i], tokens.seq_id[i][0] = 1, sequence
            tokens.n_tokens = len(texts)
            if cpp.llama_decode(context, tokens):
                raise RuntimeError("llama.cpp failed")

        def likeliest(place: int) -> int:
            logits = np.ctypeslib.as_array(cpp.llama_get_logits_ith(context, place), (vocabulary,))
            return int(logits.argmax())

        start, first, last = time.perf_counter(), 0.0, []
        for sequence, prompt in enumerate(prompts(batch)):
            run([(token, i, sequence, i == PROMPT - 1) for i, token in enumerate(prompt)])
            last.append(likeliest(PROMPT - 1))
            first = first or time.perf_counter() - start
        for step in range(new - 1):
            run([(token, PROMPT + step, sequence, True) for sequence, token in enumerate(last)])
            last = [likeliest(sequence) for sequence in range(batch)]
        speed = Speed(batch * new / (time.perf_counter() - start), 1000 * first)
        cpp.llama_batch_free(tokens)
        cpp.llama_free(context)
        return speed

    return measure


def contenders(folder: Path) -> dict[str, Contender]:
    """All that can be measured here, by name."""
    model, tokenizer = build(folder)
    found: dict[str, Contender] = {f"shuoshu {each}": ours(model, tokenizer, each) for each in PRECISIONS}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        found[f"transformers {name}"] = of_transformers(folder, dtype)
    if importlib.util.find_spec("llama_cpp"):
        for kind in ("f16", "q8_0"):
            write_gguf(folder, folder / f"{kind}.gguf", kind, "random")
            found[f"llama.cpp {kind}"] = of_llama_cpp(folder / f"{kind}.gguf")
    return found


def compare(new: int, batch: int, rounds: int) -> dict[str, float]:
    """Speeds of all contenders, as a table and by name."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        rivals = contenders(Path(name))
        for measure in rivals.values():
            measure(2, 4)  # what is compiled or loaded at first use
        for size, length in ((1, new), (batch, new // 4)):
            best = {who: Speed(0, 1e9) for who in rivals}
            for _ in range(rounds):
                for who, measure in rivals.items():
                    speed = measure(size, length)
                    best[who] = Speed(
                        max(speed.tokens_per_second, best[who].tokens_per_second),
                        min(speed.first_ms, best[who].first_ms),
                    )
            for who, speed in best.items():
                figures[f"{who} {size}"] = round(speed.tokens_per_second, 1)
                figures[f"{who} first_ms"] = round(min(speed.first_ms, figures.get(f"{who} first_ms", 1e9)), 1)
    print(f"{'tokens a second':20}{'1 text':>10}{f'{batch} texts':>10}{'first token':>14}")
    for who in rivals:
        one, many, first = figures[f"{who} 1"], figures[f"{who} {batch}"], figures[f"{who} first_ms"]
        print(f"{who:20}{one:>10.0f}{many:>10.0f}{first:>11.1f} ms")
    return figures


def answer_questions(precision: Arithmetic) -> dict[str, float]:
    """Seconds to answer 174 questions with 512 tokens each (a random network never stops by itself), and to score."""
    data = files("shuoshu.demo")
    with tempfile.TemporaryDirectory() as name:
        model, tokenizer = build(Path(name))
    asked = [q for part in ("test", "train") for q in read_questions(Path(str(data / f"questions.{part}.jsonl")))]
    asked = asked[:QUESTIONS]
    texts = [tokenizer.chat([{"role": "user", "content": question.question}]) for question in asked]
    tokenizer.end_of_text = tokenizer.chat_end = -1
    engine = Engine(model, tokenizer, precision)
    engine.generate(texts[:2], Sampling(max_new_tokens=2))
    start = time.perf_counter()
    results = engine.generate(texts, Sampling(max_new_tokens=512))
    answered = time.perf_counter() - start
    marked = [
        mark(question, result.text, broken=result.broken) for question, result in zip(asked, results, strict=True)
    ]
    score(marked, seconds=answered, similarity=Similarity(), bits_per_char=None, baselines={})
    scored = time.perf_counter() - start - answered
    tokens = sum(len(result.ids) for result in results)
    print(
        f"{len(asked)} questions, {tokens} tokens: answered in {answered:.1f} s, scored in {scored:.1f} s ({precision})"
    )
    return {"questions_seconds": round(answered, 1), "scoring_seconds": round(scored, 1)}


def faithful(folder: Path) -> dict[str, float]:
    """How far each precision is from fp32 on a trained model: bits per character of the novella, logits, answers."""
    data, figures = files("shuoshu.demo"), {}
    model, tokenizer = MiniGLM.load(folder), Tokenizer.load(folder)
    text = (data / "澹江七灯录.txt").read_text(encoding="utf-8")
    ids, window, rows = tokenizer.encode(text), 128, 16
    parts = [ids[i : i + window] for i in range(0, len(ids) - window, window)][: 4 * rows]
    asked = [q.question for q in read_questions(Path(str(data / "questions.test.jsonl")))]
    chats = [tokenizer.chat([{"role": "user", "content": question}]) for question in asked]
    exact: Any = None
    print(f"{'':8}{'bits/char':>12}{'logit error':>14}{'same top':>11}{'same answers':>15}")
    for precision in PRECISIONS:
        engine = Engine(model, tokenizer, precision)
        logits = torch.cat([_logits(engine, parts[i : i + rows]) for i in range(0, len(parts), rows)])
        targets = torch.tensor([part[1:] for part in parts])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        characters = sum(tokenizer.characters_of[i] for part in parts for i in part[1:])
        answers = [result.text for result in engine.generate(chats, Sampling(max_new_tokens=64))]
        exact = exact or (logits, answers)
        row = {
            "bits_per_char": loss / characters / np.log(2),
            "logit_error": ((logits - exact[0]).norm() / exact[0].norm()).item(),
            "same_top": (logits.argmax(-1) == exact[0].argmax(-1)).float().mean().item(),
            "same_answers": sum(map(str.__eq__, answers, exact[1])) / len(answers),
        }
        figures |= {f"{precision} {name}": round(value, 5) for name, value in row.items()}
        bits, error, top, same = row.values()
        print(f"{precision:8}{bits:>12.4f}{error:>14.5f}{top:>11.2%}{same:>15.1%}")
    return figures


def _logits(engine: Engine, parts: list[list[int]]) -> torch.Tensor:
    """Logits (B, T - 1, V) before each token but the first, token by token as in writing."""
    runner, steps = engine.network.runner(len(parts), len(parts[0])), []
    for place in range(len(parts[0]) - 1):
        steps.append(runner.forward([Segment(r, place, [part[place]], True) for r, part in enumerate(parts)]).clone())
    return torch.stack(steps, dim=1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--new-tokens", type=int, default=512, help="for one text; a quarter of it for many")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", action="store_true", help="answer and score 174 questions instead")
    parser.add_argument("--faithful", type=Path, metavar="MODEL", help="compare the precisions on this model instead")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16", help="for --questions")
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    if options.questions:
        figures = answer_questions(options.precision)
    elif options.faithful:
        figures = faithful(options.faithful)
    else:
        figures = compare(options.new_tokens, options.batch, options.rounds)
    versions = {name: __import__(name).__version__ for name in ("torch", "transformers", "numba")}
    print(json.dumps({**figures, "threads": torch.get_num_threads(), "python": platform.python_version(), **versions}))


if __name__ == "__main__":
    main()
