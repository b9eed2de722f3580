"""What a run decides by itself: device, arithmetic, size and settings, from the budget and the books.

A CPU is short of compute: it sees a novel a few times at most, so nothing may be wasted on regularisation, and small
batches give more steps. A GPU is short of text: it sees the same novel a hundred times, so decay and dropout decide.
The number that tells the two apart is how many epochs the budget buys; it is measured, not guessed (`loop.probe`).
"""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from typing import Any, Literal

import torch

from shuoshu.model import GLMConfig
from shuoshu.recipe import ModelOptions

Stage = Literal["pretrain", "finetune"]

TABLE_RATE = 8.0
"""Rate of embeddings and gains, which AdamW moves, as a multiple of that of the matrices, which Muon moves: after 380
steps on the four novels 6.753 bits a character with 1, 6.600 with 3, 6.556 with 8, 6.605 with 16."""
MANY_EPOCHS = 5
"""Passes over the text from which on it is learned by heart."""
FORGET = 1.4
"""Passes in which decay alone shrinks a weight to 1/e, where the text is read so often. Told in passes, for in steps it
would mean something else with every batch and book (Wang & Aitchison, arXiv:2405.13698)."""
LITTLE_DECAY, MOST_DECAY = 0.01, 4.0
"""Decay where nothing shall hinder learning, and the strongest that was tried: a text of few steps asks for more."""
DROPOUT, NOISE = 0.2, 0.1
"""Where the text is read so often, dropout and the share of input tokens that are replaced: `docs/training.md` has what
they are worth."""


@dataclass(kw_only=True)
class Plan:
    """Every setting of one training, decided. Saved with the run, so that a resumed run never decides anew."""

    steps: int
    minutes: float | None
    batch: int
    optimizer: Literal["muon", "adamw"]
    lr: float
    weight_decay: float
    dropout: float
    warmup: float
    cooldown: float
    clip: float
    ema: float
    noise: float
    precision: Literal["fp32", "bf16"]
    compile: bool
    evaluate_times: int
    save_minutes: float
    keep: Literal["best", "last"]
    patience: int
    seed: int
    table_rate: float = 1.0


def pick_device() -> torch.device:
    """This process's GPU where there is one, else the CPU. (`CUDA_VISIBLE_DEVICES=` in the environment hides GPUs.)"""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def fast_precision(device: torch.device) -> Literal["fp32", "bf16"]:
    """bf16 where the hardware multiplies it: on a 2-core EPYC with AVX512-BF16 a step took 0.47 of its fp32 time."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if has else "fp32"


def choose_config(options: ModelOptions, vocab_size: int, minutes: float, device: torch.device) -> GLMConfig:
    """Shape of a new network: what the options say, the rest by budget (minutes of training) and device."""
    layers, width = (8, 512) if device.type == "cuda" else (4, 256) if minutes < 8 else (6, 256)
    width = options.width or width
    layers = options.layers or layers
    heads = options.heads or max(1, width // 64)
    context = options.context or (512 if device.type == "cuda" else 256)
    return GLMConfig(
        vocab_size=vocab_size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=options.kv_heads or heads,
        head_dim=max(2, width // heads // 2 * 2),
        # SwiGLU has three matrices where a plain layer has two, so 8/3 of the width in place of 4 (arXiv:2002.05202).
        intermediate_size=options.ffn or (width * 8 // 3 + 63) // 64 * 64,
        max_position_embeddings=context,
        tie_word_embeddings=options.tie,
    )


def can_compile(device: torch.device) -> bool:
    """Whether torch.compile has what it needs: a C++ compiler for the CPU, triton for a GPU."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return any(shutil.which(name) for name in ("g++", "clang++", "c++"))


def choose_settings(
    options: dict[str, Any], stage: Stage, epochs: float, device: torch.device, pass_steps: int = 1
) -> dict[str, Any]:
    """Settings for a stage that buys `epochs` passes, of `pass_steps` steps each, over its data.

    Options that were given stand; `options` is `recipe.shared_options(...)`. Fine-tuning is gentle on purpose: a high
    rate overwrites what pretraining has stored (arXiv:2503.21676).
    """
    gpu = device.type == "cuda"
    known = bool(options.get("init_from") or options["lora"])
    repeated = epochs >= MANY_EPOCHS and stage == "pretrain" and not known
    rate = 3e-3 if stage == "pretrain" else 1e-3
    decay = min(max(1 / ((options["lr"] or rate) * FORGET * pass_steps), LITTLE_DECAY), MOST_DECAY)
    chosen: dict[str, Any] = {
        "batch": (64 if gpu else 8) if stage == "pretrain" else (64 if gpu else 32),
        "optimizer": "muon",
        "lr": rate,
        "table_rate": TABLE_RATE if stage == "pretrain" else 1.0,
        "weight_decay": round(decay, 2) if repeated else LITTLE_DECAY,
        "dropout": DROPOUT if repeated else 0.0,
        "warmup": 0.02,
        "cooldown": 0.5,
        "clip": 1.0,
        "ema": 0.0,
        "noise": NOISE if repeated else 0.0,
        "precision": fast_precision(device),
        # Compiling takes 20-45 s on two cores and makes steps 1.25 times as fast: worth it from some minutes on.
        # Fine-tuning's rows differ in length, and each new shape would be compiled again.
        "compile": stage == "pretrain" and (options["minutes"] or 0) >= (3 if gpu else 8) and can_compile(device),
        # A fact learned by heart is not worse for being unknown to the facts set aside, so the last weights stand.
        "keep": "best" if stage == "pretrain" else "last",
    }
    if known:
        # Weights that AdamW made, and know a language already, are moved by AdamW and gently; adapters begin at zero.
        chosen |= {"optimizer": "adamw", "lr": 3e-4 if options["lora"] else 5e-5}
    return {name: options[name] if options.get(name) is not None else value for name, value in chosen.items()}


def reasons(plan: Plan, stage: Stage, epochs: float, options: dict[str, Any]) -> str:
    """Why the plan is as it is, in a few sentences for a person; what the options settled is told as such."""
    if options.get("init_from") or options["lora"]:
        words = "These weights know a language already, so they are moved gently, by AdamW."
    elif stage == "finetune":
        words = "Fine-tuning goes at a third of the rate of pretraining: a higher one overwrites what that has stored."
    elif epochs < MANY_EPOCHS:
        words = (
            f"The budget buys {epochs:.1f} passes over the text, too few to learn it by heart, so nothing hinders "
            f"learning: small batches for many steps, a high rate that falls over the last {plan.cooldown:.0%} of them."
        )
    else:
        means = {"weight decay": plan.weight_decay, "dropout": plan.dropout, "noise": plan.noise}
        words = (
            f"The budget buys {epochs:.0f} passes over the text, enough to learn it by heart. Against that: "
            f"{', '.join(name for name, value in means.items() if value)}; held-out text tells when it happens."
        )
    if stage == "pretrain" and options["compile"] is None and not plan.compile:
        words += " Not compiled: it takes half a minute, too much of a short run."
    names = ("batch", "optimizer", "lr", "weight_decay", "dropout", "noise", "cooldown", "precision", "compile")
    told = [f"{name} {options[name]}" for name in names if options.get(name) is not None]
    return words + (f" As told: {', '.join(told)}." if told else "")


def default_minutes(stage: Stage, device: torch.device) -> float:
    """Budget where none is given."""
    if stage == "finetune":
        return 1.0 if device.type == "cuda" else 5.0
    return 8.0 if device.type == "cuda" else 25.0
