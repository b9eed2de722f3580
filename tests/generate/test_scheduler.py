"""Many requests at once: each gets its solo text, and nobody's failure, leaving or slowness touches another."""

import queue
import random
import threading
from dataclasses import replace

import pytest
import torch
from tiny import random_model

from shuoshu.errors import UserError
from shuoshu.generate.engine import Engine
from shuoshu.generate.request import Event, Finish
from shuoshu.generate.scheduler import Closed, QueueFull, Scheduler, Ticket
from shuoshu.model import MiniGLM
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer

LONG = Sampling(max_new_tokens=8000)
"""So long that a test can cancel it at leisure."""


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> MiniGLM:
    return random_model(tokenizer, max_position_embeddings=8192)


@pytest.fixture(scope="module")
def engine(model: MiniGLM, tokenizer: Tokenizer) -> Engine:
    return Engine(model, tokenizer)


@pytest.fixture
def prompts(tokenizer: Tokenizer, novella: str) -> list[list[int]]:
    """24 prompts of 1 to 150 tokens, half of them with a common beginning."""
    chosen = random.Random(4)
    common = tokenizer.encode(novella[:70])
    cut = [novella[start : start + chosen.randint(1, 130)] for start in range(1000, 13000, 500)]
    return [(common if i % 2 else []) + tokenizer.encode(text)[:100] for i, text in enumerate(cut)]


class Listener:
    """Keeps what it hears."""

    def __init__(self, scheduler: Scheduler, prompt: list[int], sampling: Sampling) -> None:
        self.events: list[Event] = []
        self.first = threading.Event()
        self.ticket: Ticket = scheduler.submit(prompt, sampling, self.hear)

    def hear(self, event: Event) -> None:
        self.events.append(event)
        self.first.set()

    def end(self) -> Finish:
        assert self.ticket.done.wait(60)
        assert [event.finish is not None for event in self.events] == [False] * (len(self.events) - 1) + [True]
        finish = self.events[-1].finish
        assert finish is not None
        return finish

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)

    @property
    def ids(self) -> list[int]:
        return [i for event in self.events for i in event.ids]


@pytest.fixture
def open_scheduler(engine: Engine):
    """Makes schedulers and closes them."""
    made: list[Scheduler] = []

    def make(slots: int = 4, queue: int = 128) -> Scheduler:
        made.append(Scheduler(engine, slots, queue))
        return made[-1]

    yield make
    for scheduler in made:
        scheduler.close()


def test_each_text_is_its_solo_text_whatever_joins_and_leaves(open_scheduler, engine, prompts):
    chosen = random.Random(1)
    samplings = [
        Sampling(max_new_tokens=chosen.randint(1, 60), temperature=chosen.choice((0, 0, 0.9)), top_p=0.9, seed=i)
        for i in range(len(prompts))
    ]
    alone = [engine.generate([prompt], s)[0] for prompt, s in zip(prompts, samplings, strict=True)]
    scheduler = open_scheduler(slots=5)
    listeners = []
    for prompt, sampling in zip(prompts, samplings, strict=True):
        listeners.append(Listener(scheduler, prompt, sampling))
        if chosen.random() < 0.5:
            listeners[-1].first.wait(10)  # joins in the middle of the others
    gone = [Listener(scheduler, prompts[i], LONG) for i in (3, 8)]
    for listener in gone:
        listener.ticket.cancel()
    for listener, expected, prompt in zip(listeners, alone, prompts, strict=True):
        finish = listener.end()
        assert (listener.ids, listener.text, finish.reason) == (expected.ids, expected.text, expected.finished)
        assert (finish.usage.prompt_tokens, finish.usage.completion_tokens) == (len(prompt), len(expected.ids))
    assert [listener.end().reason for listener in gone] == ["cancelled"] * 2
    load = scheduler.load()
    assert (load.running, load.waiting, load.requests) == (0, 0, len(prompts) + 2)
    assert load.cached_tokens > 0


def test_submitting_from_many_threads_mixes_nothing_up(open_scheduler, engine, prompts):
    scheduler, sampling = open_scheduler(slots=3), Sampling(max_new_tokens=10)
    expected = [result.ids for result in engine.generate(prompts, sampling)]
    found: queue.Queue[tuple[int, list[int]]] = queue.Queue()

    def ask(i: int) -> None:
        listener = Listener(scheduler, prompts[i], sampling)
        listener.end()
        found.put((i, listener.ids))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(found.get() for _ in prompts) == dict(enumerate(expected))


def test_a_common_beginning_is_taken_from_the_cache(open_scheduler, engine, tokenizer, novella):
    evidence = tokenizer.encode(novella[2000:2090])
    first, second = [*evidence, *tokenizer.encode("谁？")], [*evidence, *tokenizer.encode("何处？何时？")]
    sampling = Sampling(max_new_tokens=20)
    alone = [engine.generate([prompt], sampling)[0] for prompt in (first, second)]
    scheduler = open_scheduler(slots=2)
    listener = Listener(scheduler, first, replace(sampling, max_new_tokens=100))
    listener.first.wait(10)
    beside = Listener(scheduler, second, sampling)  # from a text still being written
    assert beside.end().usage.cached_tokens >= len(evidence)
    assert beside.ids == alone[1].ids
    listener.end()
    again = [*first, *listener.ids, *tokenizer.encode("后来呢？")]
    talk = Listener(scheduler, again, sampling)  # the conversation so far
    # All of it, unless the text beside took the row over in the meantime: then what both began with.
    assert talk.end().usage.cached_tokens in (len(first) + len(listener.ids) - 1, len(evidence))
    assert talk.ids == engine.generate([again], sampling)[0].ids


def test_logprobs_come_with_the_tokens(open_scheduler, model, prompts):
    listener = Listener(open_scheduler(), prompts[0], Sampling(max_new_tokens=6, logprobs=3))
    listener.end()
    with torch.no_grad():
        logits = model(torch.tensor([prompts[0] + listener.ids]))[0, len(prompts[0]) - 1 : -1]
    expected = logits.log_softmax(-1)
    found = [each for event in listener.events for each in event.logprobs]
    assert [each.id for each in found] == listener.ids
    for each, row in zip(found, expected, strict=True):
        assert each.logprob == pytest.approx(row[each.id].item(), abs=1e-4)
        assert [i for i, _ in each.top] == row.topk(3).indices.tolist()


def test_a_failing_listener_or_sampling_harms_no_other(open_scheduler, engine, prompts):
    scheduler, sampling = open_scheduler(), Sampling(max_new_tokens=40, temperature=0.8, seed=2)
    expected = engine.generate(prompts[:2], sampling)
    heard: list[Event] = []

    def fail(event: Event) -> None:
        heard.append(event)
        raise ValueError("listener")

    failing = scheduler.submit(prompts[2], sampling, fail)
    listeners = [Listener(scheduler, prompt, sampling) for prompt in prompts[:2]]
    bad = Listener(scheduler, prompts[4], sampling)
    bad.ticket.request.sampling = replace(sampling, top_k="many")  # type: ignore[arg-type]
    for listener, result in zip(listeners, expected, strict=True):
        listener.end()
        assert listener.ids == result.ids
    assert failing.done.wait(10)
    assert len(heard) == 1
    assert bad.end().reason == "error"
    assert "TypeError" in (bad.end().error or "")


def test_a_failing_step_ends_those_under_way_and_no_later_ones(open_scheduler, engine, prompts):
    scheduler, long = open_scheduler(slots=2), LONG
    running = [Listener(scheduler, prompts[0][:5], long) for _ in range(2)]
    broken = Listener(scheduler, prompts[1][:], long)
    broken.ticket.request.prompt[-1] = 10**9  # no such token: the embedding has no such row
    running[0].ticket.cancel()
    assert [listener.end().reason for listener in (*running, broken)] == ["cancelled", "error", "error"]
    later = Listener(scheduler, prompts[5], Sampling(max_new_tokens=8))
    assert later.end().reason == "length"
    assert later.ids == engine.generate([prompts[5]], Sampling(max_new_tokens=8))[0].ids
    assert scheduler.load().requests == 4


def test_the_queue_is_bounded_and_cancelled_ones_leave_it(open_scheduler, prompts):
    scheduler, long = open_scheduler(slots=1, queue=2), LONG
    running = Listener(scheduler, prompts[0][:5], long)
    running.first.wait(10)
    waiting = [Listener(scheduler, prompts[0], long) for _ in range(2)]
    with pytest.raises(QueueFull):
        scheduler.submit(prompts[0], long, print)
    waiting[0].ticket.cancel()
    assert waiting[0].end().reason == "cancelled"
    assert waiting[0].ids == []
    more = Listener(scheduler, prompts[0], long)
    for listener in (running, waiting[1], more):
        listener.ticket.cancel()
        listener.ticket.cancel()
        assert listener.end().reason == "cancelled"
    assert scheduler.load().waiting == 0


def test_mistakes_are_told_at_once(open_scheduler):
    with pytest.raises(UserError, match="prompt is empty"):
        open_scheduler().submit([], Sampling(), print)


def test_closing_drains_then_cancels(open_scheduler, prompts):
    scheduler = open_scheduler(slots=1)
    listeners = [Listener(scheduler, prompts[0], Sampling(max_new_tokens=12)) for _ in range(3)]
    scheduler.close(drain_seconds=60)
    assert [listener.end().reason for listener in listeners] == ["length"] * 3
    with pytest.raises(Closed):
        scheduler.submit(prompts[0], Sampling(), print)
    scheduler = open_scheduler(slots=1)
    listeners = [Listener(scheduler, prompts[0][:5], LONG) for _ in range(3)]
    listeners[0].first.wait(10)
    scheduler.close(drain_seconds=0)
    assert [listener.end().reason for listener in listeners] == ["cancelled"] * 3
    scheduler.close()
