"""What pretraining and fine-tuning do alike around the loop: settle the plan, train, write the model folder."""

import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shuoshu.files import folder_aside, read_json
from shuoshu.model import MiniGLM, describe
from shuoshu.terminal import clock, say
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.data import Source
from shuoshu.train.loop import Hooks, plan_or_saved, probe, train
from shuoshu.train.plot import plot_metrics
from shuoshu.train.regime import Plan, Stage, choose_settings, default_minutes


def begin(folder: Path, fingerprint: str) -> None:
    """Make the stage's folder ready: what a killed run with the same inputs and options left stays, the rest goes."""
    plan = folder / "plan.json"
    if not (plan.is_file() and read_json(plan).get("fingerprint") == fingerprint):
        for name in ("state", "plan.json", "metrics.jsonl"):
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (folder / "state").mkdir(parents=True, exist_ok=True)


def run_training(
    stage: Stage,
    folder: Path,
    fingerprint: str,
    model: MiniGLM,
    tokenizer: Tokenizer,
    make_source: Callable[[int], Source],
    hooks: Hooks,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Train `model` as `options` (`recipe.shared_options`) say, and write `folder/model` and `folder/loss.png`.

    `make_source(batch)` gives the batches. Returns the stage's figures.
    """
    began = time.monotonic()
    device = next(model.parameters()).device
    settings = choose_settings(options, stage, 1, device)
    source = make_source(settings["batch"])

    def make() -> Plan:
        return _plan(stage, model, source, options, device, began)

    plan = plan_or_saved(folder, fingerprint, make)
    say(
        f"{stage}: {describe(model.config)} on {device.type}, {plan.precision}; {plan.steps} steps of {plan.batch} "
        f"rows, {plan.steps / source.steps:.1f} epochs of {source.tokens:,} tokens ({source.characters:,} characters); "
        f"{plan.optimizer} {plan.lr:g}, decay {plan.weight_decay:g}, dropout {plan.dropout:g}."
    )
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = plan.dropout
    state = train(model, source, plan, folder, hooks, stage, device)
    with folder_aside(folder / "model") as aside:
        save_model(model, tokenizer, aside)
    plot_metrics(folder / "metrics.jsonl", folder / "loss.png", f"{stage}: {describe(model.config)}")
    seen = state.tokens / max(source.tokens, 1)
    figures = {
        "steps": state.step,
        "epochs": round(seen, 2),
        "tokens": state.tokens,
        "characters": round(seen * source.characters),
        "seconds": round(state.seconds, 1),
        "characters_per_second": round(seen * source.characters / max(state.seconds, 1e-9)),
        "peak_memory_mb": peak_memory_mb(device),
        "parameters": model.config.parameters(),
        "best_step": state.best_step,
        "stopped": state.stopped,
        "held_out": state.scores[-1][1] if state.scores else None,
    }
    say(f"{stage} took {clock(state.seconds)}: {figures['characters_per_second']:,} characters a second.")
    return figures


def save_model(model: MiniGLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a complete Hugging Face model folder."""
    model.config.save(folder, tokenizer.stop_ids, tokenizer.end_of_text)
    tokenizer.save(folder)
    model.save_weights(folder / "model.safetensors")


def peak_memory_mb(device: torch.device) -> int:
    """Most memory the process (on a GPU: the device) has used so far, in MB."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak / 1e3)


def _plan(
    stage: Stage, model: MiniGLM, source: Source, options: dict[str, Any], device: torch.device, began: float
) -> Plan:
    """Decide every setting. Of several budgets given, the one that is used up first holds."""
    shared = {name: options[name] for name in ("evaluate_times", "save_minutes", "patience", "seed")}
    first = choose_settings(options, stage, 1, device)
    budgets = [options["steps"]]
    budgets += [round(options["tokens"] / source.tokens * source.steps) if options["tokens"] else None]
    budgets += [round(options["epochs"] * source.steps) if options["epochs"] else None]
    counted = [max(1, budget) for budget in budgets if budget is not None]
    minutes = options["minutes"] if counted else options["minutes"] or default_minutes(stage, device)
    if minutes:
        trial = Plan(steps=1, minutes=None, **first, **shared)
        pace = probe(model, source, trial, device)
        minutes = max(minutes - (time.monotonic() - began) / 60, 0.01)  # the probe is part of the budget
        timed = max(1, round(minutes * 60 / pace))
        if counted and min(counted) <= timed:
            minutes = None
        counted.append(timed)
    steps = min(counted)
    return Plan(steps=steps, minutes=minutes, **choose_settings(options, stage, steps / source.steps, device), **shared)
