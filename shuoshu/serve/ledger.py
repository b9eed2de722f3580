"""What is known of requests afterwards: a line in the log, and figures for Prometheus. No words, unless asked."""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shuoshu import __version__
from shuoshu.serve.gate import Gate

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from shuoshu.serve.narrator import Narrator

log = logging.getLogger("shuoshu.serve")

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
GAPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


@dataclass(kw_only=True)
class Record:
    """One request for an answer, as it goes."""

    client: str
    method: str
    path: str
    status: int = 0
    model: str = ""
    mode: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    question: str = ""
    answers: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    first: float = 0.0
    """Seconds to the first words."""
    gaps: list[float] = field(default_factory=list)
    """Seconds between words, of one text."""
    outcome: str = ""
    """Why it ended before its end: the client left, the time was up …"""
    _last: dict[int, float] = field(default_factory=dict)

    def heard(self, choice: int) -> None:
        """There are new words of one of the texts."""
        now = time.monotonic()
        if choice in self._last:
            self.gaps.append(now - self._last[choice])
        elif not self.first:
            self.first = now - self.began
        self._last[choice] = now


class Ledger:
    """Keeps the figures. `log_prompts` adds questions and answers to the lines of the log."""

    def __init__(self, narrators: Sequence["Narrator"], gate: Gate, log_prompts: bool = False) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
        from prometheus_client.platform_collector import PlatformCollector
        from prometheus_client.process_collector import ProcessCollector

        disable_created_metrics()
        self.log_prompts = log_prompts
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_Now(narrators, gate))  # type: ignore[arg-type]
        here: Any = {"registry": self.registry}
        self._requests = Counter("shuoshu_requests", "Requests for answers.", ["path", "status"], **here)
        self._seconds, self._first, self._gaps = (
            Histogram(f"shuoshu_{name}_seconds", words, ["model"], buckets=buckets, **here)
            for name, words, buckets in (
                ("request", "From a request to its end.", SECONDS),
                ("first_words", "From a request to its first words.", SECONDS),
                ("between_words", "Between the words of a text.", GAPS),
            )
        )

    def enter(self, record: Record) -> None:
        """Write down a request that has ended."""
        seconds = time.monotonic() - record.began
        self._requests.labels(record.path, str(record.status)).inc()
        if record.model:
            self._seconds.labels(record.model).observe(seconds)
        if record.first:
            self._first.labels(record.model).observe(record.first)
        for gap in record.gaps:
            self._gaps.labels(record.model).observe(gap)
        words = ""
        if self.log_prompts and record.question:
            told = {"question": record.question, "answers": record.answers}
            words = " " + json.dumps(told, ensure_ascii=False)  # one line, whatever people write
        log.info(
            "%s %s %s %d %s %d+%d tokens %.2f s%s%s",
            record.client, record.method, record.path, record.status, f"{record.model}:{record.mode}".strip(":") or "-",
            record.prompt_tokens, record.completion_tokens, seconds,
            f" ({record.outcome})" if record.outcome else "", words,
        )  # fmt: skip

    def exposition(self) -> tuple[bytes, str]:
        """All figures in Prometheus' text format, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class _Now:
    """Figures that are read off when somebody asks: those of the engines and of the gate."""

    def __init__(self, narrators: Sequence["Narrator"], gate: Gate) -> None:
        self._narrators, self._gate = narrators, gate

    def collect(self) -> Iterable["Metric"]:
        """Called by the registry."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        yield InfoMetricFamily("shuoshu_build", "Version.", value={"version": __version__})
        yield GaugeMetricFamily("shuoshu_inside", "Requests being answered or waiting.", value=self._gate.inside)
        refused = CounterMetricFamily("shuoshu_refused", "Requests sent away.", labels=["code"])
        for code, count in self._gate.refused.items():
            refused.add_metric([code], count)
        yield refused
        families = {
            "running": GaugeMetricFamily("shuoshu_running", "Texts being written.", labels=["model"]),
            "waiting": GaugeMetricFamily("shuoshu_waiting", "Texts waiting to be written.", labels=["model"]),
            "requests": CounterMetricFamily("shuoshu_texts", "Texts ended.", labels=["model"]),
            "prompt_tokens": CounterMetricFamily("shuoshu_prompt_tokens", "Tokens read.", labels=["model"]),
            "cached_tokens": CounterMetricFamily(
                "shuoshu_cached_tokens", "Of these, from the cache.", labels=["model"]
            ),
            "completion_tokens": CounterMetricFamily("shuoshu_completion_tokens", "Tokens written.", labels=["model"]),
        }
        for narrator in self._narrators:
            if "closed" in narrator.modes:
                load = narrator.scheduler.load()
                for name, family in families.items():
                    family.add_metric([narrator.name], getattr(load, name))
        yield from families.values()
