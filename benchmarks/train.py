"""Training beside nanoGPT and the Hugging Face Trainer: the same books, the same machine, the same minutes.

    python benchmarks/train.py BOOK... --nanogpt DIR --gpt2 DIR [--minutes 5] [--seeds 1] [--only quality]
    python benchmarks/train.py BOOK... --nanogpt DIR --only quality --contenders "ours batch=4" "nanogpt n_embd=384"

`--nanogpt` is a checkout of github.com/karpathy/nanoGPT, `--gpt2` a folder with GPT-2's `encoder.json` and `vocab.bpe`;
neither belongs to this repository, and what asks for one that is not given is left out. nanoGPT is run by its own
`train.py`, with one line of it changed so that it may multiply in bf16 on a CPU that has it, as ours does.

quality   bits a character after `--minutes` of wall clock, in which tokenizer, encoding and compiling are included. All
          are asked for the same characters: held-out text (every 10th chapter) cut into pieces of 256 characters, each
          read after a line break and nothing else. How many steps fit is measured beforehand, at nobody's expense.
speed     characters a second of training itself, in turns.
team      the same training by one process and by two (DDP, gloo): the largest difference of their losses.

Prints a table, and one JSON line last.
"""

import argparse
import json
import math
import os
import pickle
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from shuoshu.books.chapter import read_chapters
from shuoshu.model import MiniGLM
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.data import hold_out
from shuoshu.train.regime import fast_precision

PIECE = 256
"""Characters of a piece that is scored by itself."""
FAST = fast_precision(torch.device("cpu"))
BF16 = FAST == "bf16"
"""Whether the CPU multiplies bf16; emulated, it would make twelve steps of nanoGPT in a quarter of an hour."""
EVERY = 4
"""Of the pieces, each so many-th is scored."""
OURS = "ours"
SAME = "nanogpt n_layer=4 n_embd=256 n_head=4 block_size=128 batch_size=4 learning_rate=1e-3"
GPT2 = "gpt2 n_layer=4 n_embd=128 n_head=4 block_size=128 batch_size=4 learning_rate=3e-3"
STUDENTS = "gpt2 n_layer=6 n_embd=512 n_head=8 block_size=256 batch_size=32 learning_rate=1e-3 bf16=False"
SHAPE = "n_layer=4 n_embd=256 n_head=4 block_size=256 batch_size=8"
LINE = "ctx = nullcontext() if device_type == 'cpu' else"
RUN_NANOGPT = """
import sys
source = open("train.py").read()
bf16 = sys.argv.pop(1) == "True"
if bf16:
    assert LINE in source
    source = source.replace(LINE, "ctx =")
exec(compile(source, "train.py", "exec"), {"__name__": "__main__"})
""".replace("LINE", repr(LINE))


@dataclass
class Bench:
    """The books as every contender gets them."""

    folder: Path
    nanogpt: Path | None
    gpt2: Path | None
    learned: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def prepare(self, books: Sequence[str]) -> None:
        command("books", *books, "--out", str(self.folder / "books"))
        learned, held = hold_out(read_chapters(self.folder / "books" / "chapters.jsonl"))
        self.learned = [chapter.text for chapter in learned]
        pieces = [chapter.text[i : i + PIECE] for chapter in held for i in range(0, len(chapter.text) - PIECE, PIECE)]
        self.pieces = pieces[::EVERY]

    def ours(self, name: str) -> Path:
        """A new run folder with the books read."""
        run = self.folder / name
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self.folder / "books", run / "books")
        return run

    def tokenized(self, name: str) -> Path:
        """A new run folder with the tokenizer made too, once for all of them."""
        run, first = self.ours(name), self.folder / "first"
        if not (first / "tokenizer").is_dir():
            command("tokenizer", str(self.ours("first")))
        shutil.copytree(first / "tokenizer", run / "tokenizer")
        return run


def command(*words: str, torchrun: bool = False, threads: int | None = None) -> str:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"] if torchrun else []
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "shuoshu", *words], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def bits(logits: Callable[[Tensor], Tensor], encode: Callable[[str], list[int]], pieces: Sequence[str]) -> float:
    """Bits a character of the pieces, each after a line break."""
    start, nats, rows = encode("\n"), 0.0, sorted((encode(piece) for piece in pieces), key=len)
    with torch.no_grad():
        for first in range(0, len(rows), 16):
            part = [start + row for row in rows[first : first + 16]]
            width = max(map(len, part))
            padded = torch.tensor([row + [-100] * (width - len(row)) for row in part])
            targets = padded[:, 1:].clone()
            targets[:, : len(start) - 1] = -100
            scores = logits(padded[:, :-1].clamp(min=0)).float()
            nats += F.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="sum", ignore_index=-100).item()
    return nats / math.log(2) / sum(map(len, pieces))


def options_of(contender: str) -> tuple[str, dict[str, str]]:
    kind, *words = contender.split()
    return kind, dict(word.split("=", 1) for word in words)


def train_ours(bench: Bench, options: dict[str, str], minutes: float, seed: int) -> dict[str, Any]:
    """The commands a user would type, tokenizer included; options by their names on the command line."""
    run, began = bench.ours("ours"), time.monotonic()
    vocabulary = options.pop("tokenizer.vocab-size", None)
    command("tokenizer", str(run), *(["--tokenizer.vocab-size", vocabulary] if vocabulary else []))
    spent = (time.monotonic() - began) / 60
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    # Starting Python and writing the model stand outside the command's own minutes: some 10 seconds.
    left = max(minutes - spent - 0.15, 0.1)
    told = ["--pretrain.minutes", f"{left:.3f}", "--pretrain.questions-share", "0", "--train.seed", str(seed)]
    figures = json.loads(command("pretrain", str(run), *told, *words, "--json"))
    wall = time.monotonic() - began
    model = MiniGLM.load(run / "pretrain" / "model").eval()
    tokenizer = Tokenizer.load(run / "pretrain" / "model")
    score = bits(model, tokenizer.encode, bench.pieces)
    return {"bits": score, "wall": wall, **{name: figures[name] for name in ("steps", "parameters", "epochs")}}


def gpt2_tokenizer(folder: Path) -> Any:
    """GPT-2's byte-level BPE (`tokenizers`), from its two files."""
    from tokenizers import Tokenizer as Fast
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel

    fast = Fast(BPE.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe")))
    fast.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return fast


class NanoGPT:
    """nanoGPT over one tokenizer: its files prepared, its train.py run, its weights read."""

    def __init__(self, bench: Bench, kind: str) -> None:
        assert bench.nanogpt is not None
        self.bench, self.code = bench, bench.nanogpt.resolve()
        self.data, self.out = bench.folder / f"{kind}-data", bench.folder / f"{kind}-out"
        began = time.monotonic()
        if kind == "gpt2":
            assert bench.gpt2 is not None
            fast = gpt2_tokenizer(bench.gpt2)
            self.encode, size = (lambda text: fast.encode(text).ids), 50304
            ids = [token for row in fast.encode_batch(bench.learned) for token in [*row.ids, 50256]]
        else:
            run = bench.ours("tokenized")
            command("tokenizer", str(run))
            tokenizer = Tokenizer.load(run / "tokenizer")
            self.encode, size = tokenizer.encode, tokenizer.vocab_size
            rows = tokenizer.encode_many(bench.learned)
            ids = [token for row in rows for token in [*row, tokenizer.end_of_text]]
        self.data.mkdir(exist_ok=True)
        np.array(ids, dtype=np.uint16).tofile(self.data / "train.bin")
        np.array(ids[:5000], dtype=np.uint16).tofile(self.data / "val.bin")  # never decides anything
        (self.data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": size}))
        self.characters_per_token = sum(map(len, bench.learned)) / len(ids)
        self.seconds = time.monotonic() - began
        """What tokenizer and encoding took: part of the minutes."""

    def run(self, options: dict[str, str], steps: int) -> tuple[list[float], float]:
        """Train so many steps: seconds of each, and of all from start to end."""
        given = {"dataset": str(self.data), "out_dir": str(self.out), "device": "cpu", "compile": "False",
                 "gradient_accumulation_steps": "1", "eval_iters": "1", "eval_interval": str(steps),
                 "always_save_checkpoint": "True", "max_iters": str(steps), "lr_decay_iters": str(steps),
                 "warmup_iters": str(max(steps // 50, 5)),
                 "dtype": "bfloat16" if BF16 else "float32"} | options  # fmt: skip
        bf16 = given.pop("bf16", str(BF16))
        given.setdefault("min_lr", str(float(given["learning_rate"]) / 10) if "learning_rate" in given else "1e-4")
        words = [f"--{name}={value}" for name, value in given.items()]
        began = time.monotonic()
        shutil.rmtree(self.out, ignore_errors=True)
        code = [sys.executable, "-c", RUN_NANOGPT, bf16, *words]
        done = subprocess.run(code, cwd=self.code, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        times = [
            float(line.split("time ")[1].split("ms")[0]) / 1e3 for line in done.stdout.splitlines() if "time " in line
        ]
        return times, time.monotonic() - began

    def pace(self, options: dict[str, str], steps: int) -> tuple[float, float]:
        """Seconds of a step, and of all that is no step (starting, compiling, saving)."""
        times, wall = self.run(options, steps)
        # The first step also makes the arrays, and with the last one the weights are written.
        step = statistics.median(times[2:-1])
        return step, wall - step * len(times)

    def score(self) -> tuple[float, int]:
        """Bits a character and number of parameters of the weights it saved."""
        sys.path.insert(0, str(self.code))
        from model import GPT, GPTConfig  # pyright: ignore[reportMissingImports]

        saved = torch.load(self.out / "ckpt.pt", map_location="cpu", weights_only=False)
        model = GPT(GPTConfig(**saved["model_args"]))
        model.load_state_dict({name.removeprefix("_orig_mod."): each for name, each in saved["model"].items()})
        model.eval()

        def logits(ids: Tensor) -> Tensor:
            ids = ids.contiguous()
            longest = saved["model_args"]["block_size"]
            if ids.shape[1] <= longest:
                return model(ids, ids)[0]  # without targets it gives the last position alone
            # More tokens than it can read at once: the later ones from what fits before them, half a window at least.
            first, half = ids[:, :longest].contiguous(), longest // 2
            parts = [model(first, first)[0]]
            for at in range(longest, ids.shape[1], half):
                end = min(at + half, ids.shape[1])
                window = ids[:, end - longest : end].contiguous()
                parts.append(model(window, window)[0][:, longest - (end - at) :])
            return torch.cat(parts, 1)

        return bits(logits, self.encode, self.bench.pieces), sum(weight.numel() for weight in model.parameters())


def train_nanogpt(bench: Bench, kind: str, options: dict[str, str], minutes: float, seed: int) -> dict[str, Any]:
    nanogpt = NanoGPT(bench, kind)
    step, rest = nanogpt.pace(options, 12 if kind == "nanogpt" else 8)
    steps = max(int((minutes * 60 - nanogpt.seconds - rest) / step), 5)
    _, wall = nanogpt.run(options, steps)
    score, parameters = nanogpt.score()
    rows = int(options["batch_size"]) * int(options["block_size"])
    seen = steps * rows * nanogpt.characters_per_token
    epochs = round(seen / sum(map(len, bench.learned)), 2)
    return {
        "bits": score, "wall": wall + nanogpt.seconds, "steps": steps, "parameters": parameters, "epochs": epochs
    }  # fmt: skip


def quality(bench: Bench, contenders: Sequence[str], minutes: float, seeds: int) -> list[dict[str, Any]]:
    found = []
    for seed in range(seeds):
        for contender in contenders:
            kind, options = options_of(contender)
            if kind == OURS:
                result = train_ours(bench, options, minutes, seed)
            else:
                result = train_nanogpt(bench, kind, options, minutes, seed)
            found.append({"contender": contender, "seed": seed, **result})
            row = found[-1]
            print(
                f"{row['bits']:.3f} bits  {row['wall']:4.0f} s  {row['steps']:5} steps  {row['epochs']:.2f} epochs  "
                f"{row['parameters'] / 1e6:.1f}M  {contender} (seed {seed})",
                flush=True,
            )
    return found


def speed_ours(bench: Bench, words: Sequence[str], steps: int, **launch: Any) -> tuple[float, list[float]]:
    """Characters a second between the first third and the end of a run, and its losses."""
    run = bench.tokenized("speed")
    fixed = ["--pretrain.steps", str(steps), "--train.evaluate-times", "0", "--pretrain.questions-share", "0"]
    command("pretrain", str(run), *fixed, *words, "--json", **launch)
    points = [json.loads(line) for line in (run / "pretrain" / "metrics.jsonl").read_text().splitlines()]
    points = [point for point in points if "loss" in point]
    done = json.loads((run / "pretrain" / "done.json").read_text())["figures"]
    per_token = done["characters"] / done["tokens"]
    first, last = points[len(points) // 3], points[-1]
    rate = (last["tokens"] - first["tokens"]) / (last["seconds"] - first["seconds"])
    return rate * per_token, [point["loss"] for point in points]


def speed_trainer(bench: Bench, steps: int, compiled: bool) -> float:
    """Characters a second of the Hugging Face Trainer on our tokens and shape (Qwen3, bf16, fused AdamW)."""
    from transformers import Qwen3Config, Qwen3ForCausalLM, Trainer, TrainerCallback, TrainingArguments

    run = bench.tokenized("trainer")
    tokenizer = Tokenizer.load(run / "tokenizer")
    ids = [token for row in tokenizer.encode_many(bench.learned) for token in [*row, tokenizer.end_of_text]]
    rows = np.array(ids[: len(ids) // 256 * 256]).reshape(-1, 256)
    data = [{"input_ids": torch.from_numpy(row), "labels": torch.from_numpy(row)} for row in rows]
    shape = Qwen3Config(
        vocab_size=tokenizer.vocab_size, hidden_size=256, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, head_dim=64, intermediate_size=704, tie_word_embeddings=True,
    )  # fmt: skip
    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *given: Any, **named: Any) -> None:
            times.append(time.perf_counter())

    options = TrainingArguments(
        output_dir=str(bench.folder / "trainer-out"), per_device_train_batch_size=8, max_steps=steps, bf16=BF16,
        use_cpu=True, optim="adamw_torch_fused", learning_rate=1e-3, report_to=[], save_strategy="no",
        disable_tqdm=True, logging_steps=max(steps // 4, 1), torch_compile=compiled,
    )  # fmt: skip
    Trainer(Qwen3ForCausalLM(shape), options, train_dataset=data, callbacks=[Clock()]).train()  # pyright: ignore
    third = len(times) // 3
    rate = (len(times) - 1 - third) * 8 * 256 / (times[-1] - times[third])
    return rate * sum(map(len, bench.learned)) / len(ids)


def speed(bench: Bench, rounds: int) -> dict[str, float]:
    """Characters a second of every contender in its best round."""
    shape = ["--model.layers", "4", "--model.width", "256", "--model.context", "256", "--train.batch", "8"]
    found: dict[str, float] = {}

    def take(name: str, rate: float) -> None:
        found[name] = max(found.get(name, 0.0), round(rate, 1))
        print(f"{rate:9,.0f} characters/s  {name}", flush=True)

    for _ in range(rounds):
        adamw = ["--train.compile", "--train.optimizer", "adamw"]
        take("ours (Muon, compiled)", speed_ours(bench, [*shape, "--train.compile"], 100)[0])
        take("ours (Muon)", speed_ours(bench, [*shape, "--train.no-compile"], 60)[0])
        take("ours (AdamW, compiled)", speed_ours(bench, [*shape, *adamw], 100)[0])
        take(f"Trainer ({FAST})", speed_trainer(bench, 40, False))
        take(f"Trainer ({FAST}, compiled)", speed_trainer(bench, 60, True))
        if bench.nanogpt:
            for name, more in {"fp32": "bf16=False", FAST: "", f"{FAST}, compiled": "compile=True"}.items():
                nanogpt, (_, options) = NanoGPT(bench, "nanogpt"), options_of(f"nanogpt {SHAPE} {more}")
                rate = 8 * 256 / nanogpt.pace(options, 30)[0] * nanogpt.characters_per_token
                take(f"nanoGPT, our tokenizer and shape ({name})", rate)
    if bench.nanogpt and bench.gpt2:
        nanogpt, (_, options) = NanoGPT(bench, "gpt2"), options_of(STUDENTS)
        rate = 32 * 256 / nanogpt.pace(options, 4)[0] * nanogpt.characters_per_token
        take("nanoGPT, as the students set it", rate)
    return found


def team(bench: Bench) -> dict[str, float]:
    """One process of two threads beside two of one."""
    words = ["--train.batch", "8", "--train.precision", "fp32", "--train.no-compile", "--train.no-shard"]
    one, alone = speed_ours(bench, words, 40, threads=2)
    two, together = speed_ours(bench, words, 40, torchrun=True, threads=1)
    apart = max(abs(a - b) / abs(a) for a, b in zip(alone, together, strict=True))
    found = {"one": round(one, 1), "two": round(two, 1), "largest_relative_difference": apart}
    print(f"{one:,.0f} characters/s by one process, {two:,.0f} by two; losses differ by at most {apart:.1e}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", nargs="+")
    parser.add_argument("--nanogpt", type=Path)
    parser.add_argument("--gpt2", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2, help="of the speed, the best of which counts")
    parser.add_argument("--contenders", nargs="*")
    parser.add_argument("--only", choices=("quality", "speed", "team"))
    parser.add_argument("--folder", type=Path, help="work here, and leave everything")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, given.nanogpt, given.gpt2)
        bench.prepare(given.books)
        print(f"{sum(map(len, bench.learned)):,} characters to learn, {sum(map(len, bench.pieces)):,} to foresee")
        contenders = given.contenders
        if contenders is None:
            contenders = [OURS, *([SAME] if bench.nanogpt else []), *([GPT2] if bench.nanogpt and bench.gpt2 else [])]
        found: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "torch": torch.__version__}
        if given.only in (None, "quality"):
            found["quality"] = quality(bench, contenders, given.minutes, given.seeds)
        if given.only in (None, "speed"):
            found["speed"] = speed(bench, given.rounds)
        if given.only in (None, "team"):
            found["team"] = team(bench)
        print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
