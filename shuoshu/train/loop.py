"""The training loop: a plan, a source of batches and a model in; the best weights, curves and exact checkpoints out.

    probe the speed → fix the number of steps → step, score, save … → weights

Everything that decides the result is in the plan, in the checkpoint or worked out from the number of the step. So a
run killed anywhere goes on to the same weights as an unbroken one, bit for bit on a CPU.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shuoshu.errors import UserError
from shuoshu.files import read_json, write_json, write_text
from shuoshu.model import MiniGLM
from shuoshu.terminal import Progress, progress, say
from shuoshu.train.checkpoint import load_checkpoint, random_state, save_checkpoint, set_random_state
from shuoshu.train.data import Source
from shuoshu.train.optimiser import Optimiser, learning_rate
from shuoshu.train.regime import Plan

LOG_TIMES = 200
"""Points on the training curve."""
SHOW_TIMES = 4
"""How often in a run samples are shown."""


@dataclass
class State:
    """Where a training stands: all the numbers a checkpoint holds beside its tensors."""

    step: int = 0
    steps: int = 0
    """Steps in all; re-measured once, after a tenth, when the budget is in minutes."""
    epoch: int = 0
    index: int = 0
    """Batches of this epoch already learned."""
    tokens: int = 0
    best: float = math.inf
    best_step: int = 0
    worse: int = 0
    """Scorings since the best one."""
    seconds: float = 0.0
    stopped: str = ""
    """Why it ended before its last step; empty if it did not."""
    scores: list[tuple[int, float]] = field(default_factory=list)


@dataclass(kw_only=True)
class Hooks:
    """What a stage puts into the loop."""

    score: Callable[[MiniGLM], float] | None
    """Bits per character on held-out text; None where nothing is held out."""
    show: Callable[[MiniGLM], list[str]] | None = None
    """Lines that show what the model writes by now."""


def autocast(plan: Plan, device: torch.device) -> AbstractContextManager[Any]:
    """Matrix products in bf16 where the plan says so."""
    return torch.autocast(device.type, torch.bfloat16) if plan.precision == "bf16" else nullcontext()


def probe(model: MiniGLM, source: Source, plan: Plan, device: torch.device) -> float:
    """Seconds a step takes, measured on three steps that are then forgotten (weights and random state restored).

    A first guess only: a tenth of the way in, the loop corrects the number of steps by the speed it has had.
    """
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    before = random_state(device)
    optimiser = Optimiser(model, plan.optimizer, plan.lr, plan.weight_decay)
    batches = source.epoch(0)
    times = []
    for turn in range(3):
        start = time.perf_counter()
        _step(model, batches[turn * len(batches) // 3], optimiser, 0.0, plan, device)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    model.load_state_dict(weights)
    set_random_state(before, device)
    return min(times)  # the first warms caches up


def train(
    model: MiniGLM, source: Source, plan: Plan, folder: Path, hooks: Hooks, label: str, device: torch.device
) -> State:
    """Train `model` in place by `plan`, saving to `folder/state` and `folder/metrics.jsonl`; resumes by itself.

    At the end the model holds the weights the plan keeps: the best on held-out text, or the last.
    Raises UserError when the loss is no longer a number (the last good checkpoint stays).
    """
    optimiser = Optimiser(model, plan.optimizer, plan.lr, plan.weight_decay)
    state = _resume(model, optimiser, plan, folder, device)
    run_step = torch.compile(model.loss) if plan.compile else model.loss
    began, saved = time.monotonic() - state.seconds, time.monotonic()
    log_every = max(1, plan.steps // LOG_TIMES)
    losses: list[Tensor] = []
    with (
        progress(label, state.steps, state.step) as bar,
        (folder / "metrics.jsonl").open("a", encoding="utf-8") as metrics,
    ):

        def note(**record: Any) -> None:
            metrics.write(json.dumps({"step": state.step, **record}) + "\n")
            metrics.flush()

        for batch in _batches(source, state):
            if state.step >= state.steps or state.stopped:
                break
            lr = learning_rate(state.step, state.steps, plan.lr, plan.warmup, plan.cooldown)
            loss, norm = _step(model, batch, optimiser, lr, plan, device, run_step)
            losses.append(loss)
            state.step += 1
            state.tokens += int((batch[1] >= 0).sum())
            state.seconds = time.monotonic() - began
            if state.step % log_every == 0 or state.step == state.steps:
                mean = torch.stack(losses).mean().item()
                losses.clear()
                if not math.isfinite(mean):
                    raise UserError(
                        f"The loss became {mean} near step {state.step} (epoch {state.epoch}, batch {state.index}, "
                        f"learning rate {lr:.2g}); the checkpoints before it are kept. Lower the rate (train.lr)."
                    )
                bits = mean / math.log(2) * source.tokens / max(source.characters, 1)
                note(epoch=state.epoch, loss=mean, bits_per_char=bits, lr=lr, grad_norm=norm.item(),
                     tokens=state.tokens, seconds=round(state.seconds, 2))  # fmt: skip
                bar.update(
                    state.step, f"loss {mean:.3f}" + (f", held out {state.scores[-1][1]:.3f}" if state.scores else "")
                )
            if _due(state.step, state.steps, plan.evaluate_times):
                _score(model, state, plan, folder, hooks, note, bar)
            if hooks.show is not None and _due(state.step, state.steps, SHOW_TIMES):
                for line in hooks.show(model.eval()):
                    bar.line(line)
            if plan.minutes and state.step == log_every * (LOG_TIMES // 10):
                _fit_to_budget(state, plan, bar)
                saved = -math.inf  # the new number of steps must outlive a kill
            # Only where a point of the curve ends, so that a resumed curve has the same points.
            if not losses and time.monotonic() - saved >= plan.save_minutes * 60:
                state.seconds = time.monotonic() - began
                _save(model, optimiser, state, folder, device)
                saved = time.monotonic()
        state.seconds = time.monotonic() - began
    _save(model, optimiser, state, folder, device)
    if plan.keep == "best" and state.best_step not in (0, state.step):
        say(f"{label}: keeping step {state.best_step} of {state.step}, the best on held-out text ({state.best:.3f}).")
        model.load_weights(folder / "state" / "best.safetensors")
    return state


def _step(
    model: MiniGLM,
    batch: tuple[Any, Any],
    optimiser: Optimiser,
    lr: float,
    plan: Plan,
    device: torch.device,
    run_step: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """One update; gives the loss and the gradient norm without waiting for the device."""
    model.train()
    ids, targets = (torch.from_numpy(part).to(device, non_blocking=True) for part in batch)
    with autocast(plan, device):
        loss = (run_step or model.loss)(ids, targets)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    optimiser.step(lr)
    return loss.detach(), norm


def _batches(source: Source, state: State) -> Iterator[Any]:
    """Batches from where the state stands, epoch after epoch, moving the state on as each is taken."""
    while True:
        for batch in list(source.epoch(state.epoch))[state.index :]:
            state.index += 1
            yield batch
        state.epoch, state.index = state.epoch + 1, 0


def _due(step: int, steps: int, times: int) -> bool:
    """Whether a thing done `times` times in a run, and at its end, falls on this step."""
    return step == steps or (times > 0 and step % max(1, steps // times) == 0)


def _score(
    model: MiniGLM, state: State, plan: Plan, folder: Path, hooks: Hooks, note: Callable[..., None], bar: Progress
) -> None:
    """Score held-out text; keep the best weights; say when the model only gets worse."""
    model.eval()
    if hooks.score is not None:
        bits = hooks.score(model)
        state.scores.append((state.step, bits))
        note(valid_bits_per_char=bits, seconds=round(state.seconds, 2))
        if bits < state.best:
            state.best, state.best_step, state.worse = bits, state.step, 0
            model.save_weights(folder / "state" / "best.safetensors")
        else:
            state.worse += 1
            if state.worse == 2:
                best = f"{state.best:.3f} bits a character at step {state.best_step}"
                bar.line(f"  overfitting: held-out text only gets worse since {best}")
            if plan.keep == "best" and plan.patience and state.worse >= plan.patience:
                state.stopped = f"no better on held-out text for {state.worse} scorings"
                bar.line(f"  stopping at step {state.step}: {state.stopped}")


def _fit_to_budget(state: State, plan: Plan, bar: Progress) -> None:
    """Once, after a tenth: correct the number of steps by the speed seen, scoring included."""
    steps = max(state.step + 1, round(state.step * plan.minutes * 60 / state.seconds)) if plan.minutes else state.steps
    if abs(steps - state.steps) > 0.02 * state.steps:
        bar.line(f"  {state.steps} steps become {steps}, to end within {plan.minutes:.2g} minutes")
        state.steps = steps
        bar.resize(steps)


def _save(model: MiniGLM, optimiser: Optimiser, state: State, folder: Path, device: torch.device) -> None:
    weights = dict(model.state_dict())
    if model.config.tie_word_embeddings:
        del weights["lm_head.weight"]
    tensors = {"model": weights, "optimizer": optimiser.state(), "random": random_state(device)}
    save_checkpoint(folder / "state", state.step, tensors, asdict(state))


def _resume(model: MiniGLM, optimiser: Optimiser, plan: Plan, folder: Path, device: torch.device) -> State:
    """Take over the newest checkpoint, and cut the metrics back to it; a new State where there is none."""
    metrics = folder / "metrics.jsonl"
    found = load_checkpoint(folder / "state")
    if found is None:
        write_text(metrics, "")
        torch.manual_seed(plan.seed)
        return State(steps=plan.steps)
    record, tensors = found
    record.pop("sha256")
    state = State(**record)
    state.scores = [(step, bits) for step, bits in state.scores]
    weights = tensors["model"]
    if model.config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights)
    optimiser.load(tensors["optimizer"])
    set_random_state(tensors["random"], device)
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
    kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= state.step]
    write_text(metrics, "".join(line + "\n" for line in kept))
    if state.step < state.steps and not state.stopped:
        say(f"Going on from step {state.step} of {state.steps}.")
    return state


def plan_or_saved(folder: Path, fingerprint: str, make: Callable[[], Plan]) -> Plan:
    """The plan a killed run left in `folder` (`stage.begin` leaves none but its own), or a new one, saved."""
    path = folder / "plan.json"
    if path.is_file():
        return Plan(**read_json(path)["plan"])
    plan = make()
    write_json(path, {"fingerprint": fingerprint, "plan": asdict(plan)})
    return plan
