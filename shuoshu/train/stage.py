"""What pretraining and fine-tuning do alike around the loop: settle the plan, train, write the model folder."""

import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shuoshu.files import folder_aside, read_json
from shuoshu.model import MiniGLM, describe
from shuoshu.terminal import clock, say
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.adapters import adapt, merge
from shuoshu.train.allocator import keep_freed_memory
from shuoshu.train.data import Source
from shuoshu.train.loop import Hooks, Learner, plan_or_saved, probe, train
from shuoshu.train.objective import Objective
from shuoshu.train.plot import plot_metrics
from shuoshu.train.regime import Plan, Stage, choose_settings, default_minutes, reasons
from shuoshu.train.team import SOLO, Team, must_shard, whole
from shuoshu.train.track import tracking


def begin(folder: Path, fingerprint: str, team: Team = SOLO) -> None:
    """Make the stage's folder ready: what a killed run with the same inputs and options left stays, the rest goes."""
    plan = folder / "plan.json"
    if team.first:
        if not (plan.is_file() and read_json(plan).get("fingerprint") == fingerprint):
            for name in ("state", "plan.json", "metrics.jsonl"):
                path = folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        (folder / "state").mkdir(parents=True, exist_ok=True)
    team.wait()


@dataclass(kw_only=True)
class Training:
    """What a stage brings to be trained."""

    stage: Stage
    folder: Path
    fingerprint: str
    """Of all that decides the result: a folder left by another is begun anew."""
    model: MiniGLM
    tokenizer: Tokenizer
    make_source: Callable[[int], Source]
    """The batches, by the number of rows in one."""
    hooks: Hooks
    options: dict[str, Any]
    """`recipe.shared_options`."""
    team: Team = SOLO
    teachers: Sequence[MiniGLM] = ()


def run_training(training: Training) -> tuple[MiniGLM, dict[str, Any]]:
    """Train as the options say, and write `model/` and `loss.png` into the folder. Returns the model and the figures.

    The model returned is whole on every process of the team, and ready to be scored.
    """
    began = time.monotonic()
    stage, folder, options, team = training.stage, training.folder, training.options, training.team
    model, tokenizer = training.model, training.tokenizer
    device = next(model.parameters()).device
    keep_freed_memory()
    config = model.config
    settings = choose_settings(options, stage, 1, device)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = settings["dropout"]
    adapted = adapt(model, options["lora"]) if options["lora"] else None
    source = training.make_source(settings["batch"])
    sharded = options["shard"] if options["shard"] is not None else must_shard(config.parameters(), device)
    objective = Objective(model, settings["noise"], training.teachers)
    learner = Learner(model, source, objective, team, sharded and team.world > 1)

    def make() -> Plan:
        return _plan(stage, learner, options, began)

    plan = plan_or_saved(folder, training.fingerprint, make, team)
    say(
        f"{stage}: {describe(config)} on {_place(device, team, learner.sharded)}, {plan.precision}; {plan.steps} steps "
        f"of {plan.batch} rows, {plan.steps / source.steps:.1f} epochs of {source.tokens:,} tokens "
        f"({source.characters:,} characters); {plan.optimizer} {plan.lr:g}, decay {plan.weight_decay:g}, "
        f"dropout {plan.dropout:g}. {reasons(plan, stage, plan.steps / source.steps, options)}"
    )
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = plan.dropout
    name = f"{folder.parent.name} {stage}"
    with tracking(options["track"] if team.first else (), folder, name, asdict(plan)) as track:
        state = train(learner, plan, folder, replace(training.hooks, track=track), stage)
    model = merge(adapted) if adapted else _gathered(learner)
    if team.first:
        with folder_aside(folder / "model") as aside:
            save_model(model, tokenizer, aside)
        plot_metrics(folder / "metrics.jsonl", folder / "loss.png", f"{stage}: {describe(config)}")
    seen = state.tokens / max(source.tokens, 1)
    figures = {
        "steps": state.step,
        "epochs": round(seen, 2),
        "tokens": state.tokens,
        "characters": round(seen * source.characters),
        "seconds": round(state.seconds, 1),
        "characters_per_second": round(seen * source.characters / max(state.seconds, 1e-9)),
        "peak_memory_mb": peak_memory_mb(device),
        "parameters": config.parameters(),
        "best_step": state.best_step,
        "stopped": state.stopped,
        "held_out": state.scores[-1][1] if state.scores else None,
    }
    say(f"{stage} took {clock(state.seconds)}: {figures['characters_per_second']:,} characters a second.")
    return model.eval(), figures


def _gathered(learner: Learner) -> MiniGLM:
    """The model with all its weights, on every process."""
    if not learner.sharded:
        return learner.model
    complete = MiniGLM(learner.model.config).to(learner.device)
    with torch.no_grad():
        for mine, part in zip(complete.parameters(), learner.model.parameters(), strict=True):
            mine.copy_(whole(part))
    return complete


def _place(device: torch.device, team: Team, sharded: bool) -> str:
    """`cpu`, or `4 × cuda, the weights in parts`."""
    many = f"{team.world} × {device.type}" if team.world > 1 else device.type
    return f"{many}, the weights in parts" if sharded else many


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


def _plan(stage: Stage, learner: Learner, options: dict[str, Any], began: float) -> Plan:
    """Decide every setting. Of several budgets given, the one that is used up first holds."""
    source, device = learner.source, learner.device
    shared = {name: options[name] for name in ("evaluate_times", "save_minutes", "patience", "seed")}
    first = choose_settings(options, stage, 1, device)
    budgets = [options["steps"]]
    budgets += [round(options["tokens"] / source.tokens * source.steps) if options["tokens"] else None]
    budgets += [round(options["epochs"] * source.steps) if options["epochs"] else None]
    counted = [max(1, budget) for budget in budgets if budget is not None]
    minutes = options["minutes"] if counted else options["minutes"] or default_minutes(stage, device)
    if minutes:
        trial = Plan(steps=1, minutes=None, **first, **shared)
        pace = probe(learner, trial)
        minutes = max(minutes - (time.monotonic() - began) / 60, 0.01)  # the probe is part of the budget
        timed = max(1, round(minutes * 60 / pace))
        if counted and min(counted) <= timed:
            minutes = None
        counted.append(timed)
    steps = min(counted)
    settings = choose_settings(options, stage, steps / source.steps, device, source.steps)
    return Plan(steps=steps, minutes=minutes, **settings, **shared)
