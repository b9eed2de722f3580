"""The training loop: a plan, a source of batches and a model in; the best weights, curves and exact checkpoints out.

    probe the speed → fix the number of steps → step, score, save … → weights

Everything that decides the result is in the plan, in the checkpoint or worked out from the number of the step (the
random numbers of dropout too). So a run killed anywhere goes on to the same weights as an unbroken one, bit for bit on
a CPU.
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
from torch import Tensor, nn

from shuoshu.errors import UserError
from shuoshu.files import read_json, write_json, write_text
from shuoshu.model import MiniGLM
from shuoshu.terminal import Progress, progress, say
from shuoshu.train.average import Average
from shuoshu.train.checkpoint import find_checkpoint, read_checkpoint, save_checkpoint
from shuoshu.train.data import Batch, Source
from shuoshu.train.objective import Objective
from shuoshu.train.optimiser import Optimiser, learning_rate
from shuoshu.train.regime import Plan
from shuoshu.train.team import SOLO, Team, whole

LOG_TIMES = 200
"""Points on the training curve."""
SHOW_TIMES = 4
"""How often in a run samples are shown."""
CORRECT_EVERY = 20
"""Points of the curve after which the number of steps is fitted to the minutes again, as long as the rate is high."""


@dataclass
class State:
    """Where a training stands: all the numbers a checkpoint holds beside its tensors."""

    step: int = 0
    steps: int = 0
    """Steps in all; with a budget in minutes fitted to the speed seen, as long as the rate is high."""
    log_every: int = 1
    """Steps from one point of the curve to the next."""
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

    score: Callable[[nn.Module], float] | None
    """Bits per character on held-out text, of a module that turns ids into logits; None where nothing is held out."""
    show: Callable[[MiniGLM], list[str]] | None = None
    """Lines that show what the model writes by now."""
    track: Callable[[int, dict[str, Any]], None] | None = None
    """Takes each point of the curves: the step and its figures."""


@dataclass
class Learner:
    """The model, as it is trained: on what, by whom."""

    model: MiniGLM
    source: Source
    objective: Objective
    team: Team = SOLO
    sharded: bool = False
    """Whether each process holds only a part of the weights."""

    def __post_init__(self) -> None:
        self.device = next(self.model.parameters()).device
        self.wrapped = self.team.wrap(self.objective, self.sharded)

    @property
    def speaks(self) -> bool:
        """Whether this process can show what the model writes: the first, if it has the whole of it."""
        return self.team.first and not self.sharded

    def step(
        self, run: nn.Module, batch: Batch, optimiser: Optimiser, lr: float, plan: Plan, seed: int
    ) -> tuple[Tensor, Tensor]:
        """One update by `run`; gives the loss and the gradient norm without waiting for the device."""
        torch.manual_seed(seed)
        run.train()
        # Each process's mean is weighed by what it has to learn, so that their mean is that of the whole batch.
        count = torch.tensor(max(int((batch[1] >= 0).sum()), 1) / self.team.world)
        parts = *(torch.from_numpy(part) for part in self.team.share(batch)), count
        if self.device.type == "cuda":  # only pinned memory is copied without waiting
            parts = tuple(part.pin_memory().to(self.device, non_blocking=True) for part in parts)
        with autocast(plan, self.device):
            loss = run(*parts)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip)
        optimiser.step(lr)
        return loss.detach(), norm


def autocast(plan: Plan, device: torch.device) -> AbstractContextManager[Any]:
    """Matrix products in bf16 where the plan says so."""
    return torch.autocast(device.type, torch.bfloat16) if plan.precision == "bf16" else nullcontext()


def probe(learner: Learner, plan: Plan) -> float:
    """Seconds a step takes, measured on three steps that are then forgotten.

    A first guess only: on its way the loop corrects the number of steps by the speed it has had.
    """
    model = learner.model
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    optimiser = Optimiser(model, plan.optimizer, plan.lr, plan.weight_decay, plan.table_rate)
    batches = learner.source.epoch(0)
    times = []
    for turn in range(3):
        start = time.perf_counter()
        learner.step(learner.wrapped, batches[turn * len(batches) // 3], optimiser, 0.0, plan, 0)
        if learner.device.type == "cuda":
            torch.cuda.synchronize(learner.device)
        times.append(time.perf_counter() - start)
    model.load_state_dict(weights)
    return learner.team.agree(min(times))  # the first warms caches up


def train(learner: Learner, plan: Plan, folder: Path, hooks: Hooks, label: str) -> State:
    """Train the learner's model by `plan`, saving to `folder/state` and `folder/metrics.jsonl`; resumes by itself.

    At the end the model holds the weights the plan keeps: the best on held-out text, or the last.
    Raises UserError when the loss is no longer a number (the last good checkpoint stays).
    """
    team, model, source = learner.team, learner.model, learner.source
    learner.objective.noise = plan.noise
    run = torch.compile(learner.wrapped) if plan.compile else learner.wrapped
    assert isinstance(run, nn.Module)
    optimiser = Optimiser(model, plan.optimizer, plan.lr, plan.weight_decay, plan.table_rate)
    average = Average(model, plan.ema)
    state = _resume(learner, optimiser, average, plan, folder)
    began, saved = time.monotonic() - state.seconds, time.monotonic()
    losses: list[Tensor] = []
    with (
        progress(label, state.steps, state.step) as bar,
        (folder / "metrics.jsonl").open("a", encoding="utf-8") as metrics,
    ):

        def note(**record: Any) -> None:
            if team.first:
                metrics.write(json.dumps({"step": state.step, **record}) + "\n")
                metrics.flush()
                if hooks.track is not None:
                    hooks.track(state.step, record)

        for batch in _batches(source, state):
            if state.step >= state.steps or state.stopped:
                break
            lr = learning_rate(state.step, state.steps, plan.lr, plan.warmup, plan.cooldown)
            seed = (plan.seed * 1_000_003 + state.step) * 65_536 + team.rank
            loss, norm = learner.step(run, batch, optimiser, lr, plan, seed)
            losses.append(loss)
            state.step += 1
            average.update(state.step)
            state.tokens += int((batch[1] >= 0).sum())
            state.seconds = time.monotonic() - began
            if state.step % state.log_every == 0 or state.step == state.steps:
                mean = _mean(losses, team, state, source, lr)
                losses.clear()
                bits = mean / math.log(2) * source.tokens / max(source.characters, 1)
                note(epoch=state.epoch, loss=mean, bits_per_char=bits, lr=lr, grad_norm=whole(norm).item(),
                     tokens=state.tokens, seconds=round(state.seconds, 2))  # fmt: skip
                words = f"loss {mean:.3f}" + (f", held out {state.scores[-1][1]:.3f}" if state.scores else "")
                bar.update(state.step, words)
            if _due(state.step, state.steps, plan.evaluate_times):
                with average.in_place():
                    _score(learner, state, plan, folder, hooks, note, bar)
            if hooks.show is not None and learner.speaks and _due(state.step, state.steps, SHOW_TIMES):
                with average.in_place():
                    for line in hooks.show(model.eval()):
                        bar.line(line)
            if losses:  # only where a point of the curve ends, so that a resumed curve has the same points
                continue
            steady = plan.minutes and state.step < (1 - plan.cooldown) * state.steps
            changed = steady and state.step % (CORRECT_EVERY * state.log_every) == 0
            if changed:  # and saved, for the new number of steps must outlive a kill
                _fit_to_budget(state, plan, team, bar)
            if changed or team.agree(time.monotonic() - saved >= plan.save_minutes * 60):
                state.seconds = time.monotonic() - began
                _save(learner, optimiser, average, state, folder)
                saved = time.monotonic()
        state.seconds = time.monotonic() - began
    _save(learner, optimiser, average, state, folder)
    average.settle()
    if plan.keep == "best" and state.best_step not in (0, state.step):
        say(f"{label}: keeping step {state.best_step} of {state.step}, the best on held-out text ({state.best:.3f}).")
        _take(learner, folder / "state" / "best")
    return state


def _mean(losses: list[Tensor], team: Team, state: State, source: Source, lr: float) -> float:
    """Mean loss since the last point of the curve. Raises UserError, naming the place, when one is no number."""
    values = team.mean(torch.stack(losses)).tolist()
    for ago, value in zip(range(len(values) - 1, -1, -1), values, strict=True):
        if not math.isfinite(value):
            index = state.index - 1 - ago
            place = source.where(state.epoch, index) if index >= 0 else "the end of the epoch before"
            raise UserError(
                f"The loss became {value} at step {state.step - ago} (epoch {state.epoch}, batch {index}: {place}; "
                f"learning rate {lr:.2g}); the checkpoints before it are kept. Lower the rate (train.lr)."
            )
    return sum(values) / len(values)


def _batches(source: Source, state: State) -> Iterator[Any]:
    """Batches from where the state stands, epoch after epoch, moving the state on as each is taken."""
    while True:
        batches = source.epoch(state.epoch)
        for index in range(state.index, len(batches)):
            state.index += 1
            yield batches[index]
        state.epoch, state.index = state.epoch + 1, 0


def _due(step: int, steps: int, times: int) -> bool:
    """Whether a thing done `times` times in a run, and at its end, falls on this step."""
    return step == steps or (times > 0 and step % max(1, steps // times) == 0)


def _score(
    learner: Learner, state: State, plan: Plan, folder: Path, hooks: Hooks, note: Callable[..., None], bar: Progress
) -> None:
    """Score held-out text; keep the best weights; say when the model only gets worse."""
    if hooks.score is None:
        return
    judged = learner.wrapped.eval() if learner.sharded else learner.model.eval()
    with autocast(plan, learner.device):
        bits = learner.team.agree(hooks.score(judged))
    state.scores.append((state.step, bits))
    note(valid_bits_per_char=bits, seconds=round(state.seconds, 2))
    if bits < state.best:
        state.best, state.best_step, state.worse = bits, state.step, 0
        if plan.keep == "best":
            _put(learner, folder / "state" / "best")
        return
    state.worse += 1
    if state.worse == 2:
        best = f"{state.best:.3f} bits a character at step {state.best_step}"
        bar.line(f"  overfitting: held-out text only gets worse since {best}")
    if plan.keep == "best" and plan.patience and state.worse >= plan.patience:
        state.stopped = f"no better on held-out text for {state.worse} scorings"
        bar.line(f"  stopping at step {state.step}: {state.stopped}")


def _fit_to_budget(state: State, plan: Plan, team: Team, bar: Progress) -> None:
    """Correct the number of steps by the speed seen, scoring included.

    Never so far down that the learning rate would have to jump: what is left is at least the whole cooldown.
    """
    fitting = round(state.step * (plan.minutes or 0) * 60 / max(state.seconds, 1e-9))
    steps = team.agree(max(fitting, math.ceil(state.step / max(1 - plan.cooldown, 0.01)), state.step + 1))
    if abs(steps - state.steps) > 0.02 * state.steps:
        bar.line(f"  {state.steps} steps become {steps}, to end within {plan.minutes:.2g} minutes")
        state.steps = steps
        bar.resize(steps)


def _weights(model: MiniGLM) -> dict[str, Tensor]:
    """All weights that are trained, by name, a tied output layer left out."""
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


def _put(learner: Learner, folder: Path) -> None:
    """Save the weights alone."""
    save_checkpoint(folder, 0, _weights(learner.model), {}, learner.team, learner.sharded)


def _take(learner: Learner, folder: Path) -> None:
    """Take over what `_put` saved."""
    found = find_checkpoint(folder)
    if found is None:
        raise UserError(f"{folder} is damaged; remove the stage's folder and run the same command again.")
    read_checkpoint(found[1], _weights(learner.model))


def _tensors(learner: Learner, optimiser: Optimiser, average: Average) -> dict[str, Tensor]:
    groups = {"model": _weights(learner.model), "optimizer": optimiser.state(), "average": average.state()}
    return {f"{group}/{name}": tensor for group, own in groups.items() for name, tensor in own.items()}


def _save(learner: Learner, optimiser: Optimiser, average: Average, state: State, folder: Path) -> None:
    tensors = _tensors(learner, optimiser, average)
    save_checkpoint(folder / "state", state.step, tensors, asdict(state), learner.team, learner.sharded)


def _resume(learner: Learner, optimiser: Optimiser, average: Average, plan: Plan, folder: Path) -> State:
    """Take over the newest checkpoint, and cut the metrics back to it; a new State where there is none."""
    metrics = folder / "metrics.jsonl"
    found = learner.team.agree(find_checkpoint(folder / "state") if learner.team.first else None)
    if found is None:
        if learner.team.first:
            write_text(metrics, "")
        learner.team.wait()
        return State(steps=plan.steps, log_every=max(1, plan.steps // LOG_TIMES))
    record, checkpoint = found
    state = State(**record)
    state.scores = [(step, bits) for step, bits in state.scores]
    optimiser.prepare()
    read_checkpoint(checkpoint, _tensors(learner, optimiser, average))
    if learner.team.first:
        lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= state.step]
        write_text(metrics, "".join(line + "\n" for line in kept))
    learner.team.wait()
    if state.step < state.steps and not state.stopped:
        say(f"Going on from step {state.step} of {state.steps}.")
    return state


def plan_or_saved(folder: Path, fingerprint: str, make: Callable[[], Plan], team: Team = SOLO) -> Plan:
    """The plan a killed run left in `folder` (`stage.begin` leaves none but its own), or a new one, saved."""
    path = folder / "plan.json"
    if team.agree(path.is_file()):
        return Plan(**read_json(path)["plan"])
    plan = team.agree(make())
    if team.first:
        write_json(path, {"fingerprint": fingerprint, "plan": asdict(plan)})
    return plan
