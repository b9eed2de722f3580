"""What was asked and paid for, line by line: killed and started again, nothing is asked twice and nothing is lost."""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from shuoshu.errors import UserError
from shuoshu.files import reason


@dataclass(frozen=True)
class Reply:
    """One answer of the endpoint."""

    text: str
    tokens_in: int
    tokens_out: int
    cut: bool
    """The answer ended at the token limit."""
    seconds: float


class Ledger:
    """`ledger.jsonl`: one line for every answer that came, written the moment it comes.

    A request is known by its hash (model, prompt, temperature, attempt). The last line of a killed run may be half
    written; it is taken off. A ledger that got no line is gone when it is closed, with the folders made for it.
    """

    def __init__(self, path: Path) -> None:
        """Raises UserError when another process holds the ledger, or a line in the middle is broken."""
        self._replies: dict[str, Reply] = {}
        self.tokens_in = self.tokens_out = 0
        self._path = path
        self._made = [folder for folder in path.parents if not folder.exists()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({reason(error)}).") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another run may have taken its empty one away in this moment: what is held then has no name.
            held = os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        except OSError:
            held = False
        if not held:
            self._file.close()
            raise UserError(f"{path} is in use by another run; wait for it, or give another --out.")
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                self._remember(record.pop("hash"), Reply(**record))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._file.close()
                raise UserError(f"{path}, line {number}: broken; remove that line and run again.") from error
            whole += len(line)
        self._file.truncate(whole)

    @property
    def calls(self) -> int:
        """Answers paid for so far, over all runs."""
        return len(self._replies)

    @property
    def mean_seconds(self) -> float | None:
        """Mean time of an answer; None before there are enough to tell."""
        times = [reply.seconds for reply in self._replies.values()]
        return sum(times) / len(times) if len(times) >= 20 else None

    def get(self, name: str) -> Reply | None:
        """The answer to a request, if it ever came."""
        return self._replies.get(name)

    def add(self, name: str, reply: Reply) -> None:
        """Remember an answer. It is with the operating system when this returns, so that a kill cannot lose it."""
        line = json.dumps({"hash": name, **asdict(reply)}, ensure_ascii=False) + "\n"
        try:
            self._file.write(line.encode())
            self._file.flush()
        except OSError as error:
            raise UserError(f"{self._file.name}: cannot be written ({reason(error)}); free some space.") from error
        self._remember(name, reply)

    def _remember(self, name: str, reply: Reply) -> None:
        self._replies[name] = reply
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        if not self._replies:
            with contextlib.suppress(OSError):  # a folder that holds something else stays
                self._path.unlink()
                for folder in self._made:
                    folder.rmdir()
        self._file.close()
