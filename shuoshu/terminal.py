"""What a person sees while waiting: a progress bar with the time left, plain lines where there is no terminal.

Everything here goes to stderr; stdout belongs to results, and with `--json` its last line is one JSON object.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Plain lines (logs, CI) come at most this often, so that an hour's training stays a page.
PLAIN_SECONDS = 10.0


def say(text: str) -> None:
    """Print a line for the person at the keyboard (on the first rank only)."""
    if _rank() == 0:
        print(text, file=sys.stderr, flush=True)


class Progress:
    """A task of known length. `update` takes how far it is and a few words on how it goes."""

    def __init__(self, label: str, total: float, done: float = 0) -> None:
        self.label, self.total = label, max(total, 1e-9)
        self._start = time.monotonic()
        self._from = done  # resumed work begins here; the time left is counted from there
        self._last_line = self._start
        self._bar = None
        if sys.stderr.isatty() and _rank() == 0:
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[words]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(label, total=self.total, words="")
            self._bar.update(self._task, completed=done)

    def resize(self, total: float) -> None:
        """Change how long the task is."""
        self.total = total
        if self._bar is not None:
            self._bar.update(self._task, total=total)

    def update(self, done: float, words: str = "") -> None:
        """Show that `done` of the total is reached."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, words=words)
            return
        now = time.monotonic()
        if now - self._last_line >= PLAIN_SECONDS:
            self._last_line = now
            share = (done - self._from) / max(self.total - self._from, 1e-9)
            left = (now - self._start) * (1 - share) / share if share > 0 else float("nan")
            say(f"{self.label} {done / self.total:4.0%}, {clock(left)} left  {words}")

    def line(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(label: str, total: float, done: float = 0) -> Iterator[Progress]:
    """`with progress("read", 10) as bar: bar.update(3)`; `done` where the work was already begun."""
    bar = Progress(label, total, done)
    try:
        yield bar
    finally:
        bar.close()


def finish(figures: dict[str, Any], as_json: bool) -> None:
    """End a command: with `--json` its figures are the last line on stdout; else what matters has been said."""
    if as_json and _rank() == 0:
        print(json.dumps(figures, ensure_ascii=False), flush=True)


def clock(seconds: float) -> str:
    """`75` → `1:15`, `3700` → `1:01:40`; `?` where it is not known."""
    if not seconds < 1e8:  # also true of NaN
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))
