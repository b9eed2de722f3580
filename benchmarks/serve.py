"""The server under load: many clients that stream at once for minutes, then a crowd that comes all at one moment.

    python benchmarks/serve.py [RUN] [--seconds 600] [--clients 64] [--crowd 500] [--threads 2] [--pause 0]
    python benchmarks/serve.py RUN --questions FILE      # a run with an index, asked these questions: the usual way

Starts `shuoshu serve` on RUN, or on a random network of 6 layers × 512 with a vocabulary of 8,192, in a process of its
own, and asks it from this one. Every client streams one greedy answer after another; each answer is compared with what
the server says to the same prompt when it is alone. Prints a table, and one JSON line last.

An answer from the books comes in one piece: there `first_token` is the time to the answer, citations and all.

- **errors**: anything but a whole stream. **mixed up**: a stream that is not the solo answer to its prompt.
- **between tokens**: seconds between two pieces of a stream, against the fair share, which is the streams written at
  once (`--slots`) divided by the tokens a second of all together.
- **memory**: resident memory of the server, the most in the run against the state after its first tenth.
- **crowd**: so many clients at once. Each must get its whole answer, or 429; then one more must be answered soon.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

PROMPTS = 48
"""Different questions; fewer than clients, so that some are the same at the same time."""
SAMPLE_SECONDS = 2.0
"""Between two looks at the memory."""


@dataclass
class Tally:
    """What the clients have seen."""

    answers: int = 0
    tokens: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    mixed_up: int = 0
    gaps: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Server:
    """Where the server is."""

    port: int
    model: str

    def figure(self, name: str) -> float:
        """A figure of `/metrics`."""
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/metrics") as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(name):
                    return float(line.split()[-1])
        return 0.0


@contextmanager
def served(run: Path, slots: int, queue: int, threads: int) -> Iterator[Server]:
    """`shuoshu serve RUN` without its page, until the end of the block."""
    code = (
        "import sys; from pathlib import Path; from shuoshu.serve.app import serve_runs; "
        "from shuoshu.serve.options import ServeOptions; "
        f"options = ServeOptions(page=False, slots={slots}, queue={queue}, per_client=100000); "
        "serve_runs([Path(sys.argv[1])], '127.0.0.1', 0, options)"
    )
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        with log.open("w", encoding="utf-8") as stderr:
            process = subprocess.Popen([sys.executable, "-c", code, str(run)], stderr=stderr, env=environment)
        try:
            while not (
                found := re.search(r"API: http://127.0.0.1:(\d+)/v1  models: ([^,\s]*)", log.read_text("utf-8"))
            ):
                if process.poll() is not None:
                    raise SystemExit(log.read_text("utf-8"))
                time.sleep(0.1)
            yield Server(int(found[1]), found[2])
        finally:
            process.terminate()
            process.wait()


@dataclass(frozen=True)
class Question:
    """A prompt, and how long its answer may be: people's answers do not all end at the same moment."""

    prompt: str
    most: int
    chat: bool = False
    """Asked of the run as it comes (from the books, where it has an index), not a text to go on from."""

    def request(self, model: str) -> bytes:
        """The HTTP request for a streamed answer."""
        asked = {"messages": [{"role": "user", "content": self.prompt}]} if self.chat else {"prompt": self.prompt}
        body = json.dumps({"model": model, **asked, "max_tokens": self.most, "temperature": 0, "stream": True}).encode()
        head = (
            f"POST /v1/{'chat/' if self.chat else ''}completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body

    @classmethod
    def of(cls, file: Path, tokens: int) -> list["Question"]:
        """The first questions of a file."""
        records = map(json.loads, file.read_text("utf-8").splitlines()[:PROMPTS])
        return [cls(record["question"], tokens, chat=True) for record in records]

    @classmethod
    def some(cls, tokens: int) -> list["Question"]:
        """Prompts of 5 to 60 characters, answers of a half to one and a half times `tokens`."""
        return [
            cls(
                "".join(chr(0x4E00 + (31 * i * i + 7 * k) % 6000) for k in range(5 + i % 56)),
                tokens // 2 + 37 * i % PROMPTS * tokens // PROMPTS,
            )
            for i in range(PROMPTS)
        ]


async def stream(server: Server, question: Question, tally: Tally | None = None) -> tuple[int, str]:
    """Ask for one streamed answer: its status and its text. With a tally, the pieces are timed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
    writer.write(question.request(server.model))
    try:
        text, last = "", time.perf_counter()
        status = int((await reader.readline()).split()[1])
        while line := await reader.readline():
            if not line.startswith(b"data: "):
                continue
            if line.startswith(b"data: [DONE]"):
                return status, text
            said = json.loads(line[6:])
            if "error" in said:
                return 0, str(said["error"]["code"])
            choice = said["choices"][0]
            piece = choice["delta"].get("content", "") if question.chat else choice["text"]
            if question.chat and not piece:
                continue  # who speaks, or that he has ended
            text += piece
            if tally is not None:
                now = time.perf_counter()
                (tally.gaps if text != piece else tally.firsts).append(now - last)
                last = now
                tally.tokens += 1
        return (status if status != 200 else 0), "broken off"
    finally:
        writer.close()


async def press(server: Server, solo: dict[Question, str], clients: int, seconds: float, pause: float) -> Tally:
    """Let so many clients ask again and again for so many seconds; each reads `pause` seconds, about, in between."""
    tally, end = Tally(), time.monotonic() + seconds
    questions = list(solo)

    async def client(number: int) -> None:
        turn, reads = number, random.Random(number)
        while time.monotonic() < end:
            question = questions[turn % len(questions)]
            turn += 7
            try:
                status, text = await stream(server, question, tally)
            except OSError as error:
                tally.errors[type(error).__name__] += 1
                continue
            tally.answers += 1
            if status != 200:
                tally.errors[text if status == 0 else str(status)] += 1
            elif text != solo[question]:
                tally.mixed_up += 1
            await asyncio.sleep(pause * reads.uniform(0.5, 1.5))

    async def watch() -> None:
        while time.monotonic() < end:
            tally.memory.append(await asyncio.to_thread(server.figure, "process_resident_memory_bytes"))
            await asyncio.sleep(SAMPLE_SECONDS)

    await asyncio.gather(watch(), *(client(number) for number in range(clients)))
    return tally


async def storm(server: Server, solo: dict[Question, str], crowd: int) -> dict[str, Any]:
    """Let a crowd ask at one moment; then one more, when they have gone."""
    questions = list(solo)

    async def client(number: int) -> str:
        question = questions[number % len(questions)]
        try:
            status, text = await stream(server, question)
        except OSError as error:
            return type(error).__name__
        return "mixed up" if status == 200 and text != solo[question] else str(status or text)

    outcomes = Counter(await asyncio.gather(*(client(number) for number in range(crowd))))
    began = time.perf_counter()
    status, text = await stream(server, questions[0])
    seconds = round(time.perf_counter() - began, 3)
    return {"outcomes": dict(outcomes), "recovered": status == 200 and text == solo[questions[0]], "seconds": seconds}


def build_run(folder: Path) -> None:
    """A random network of the shape that is measured, whose likeliest tokens are far apart."""
    import torch

    from shuoshu.model import GLMConfig, MiniGLM
    from shuoshu.tokenizer import train_tokenizer
    from shuoshu.train.stage import save_model

    tokenizer = train_tokenizer(["".join(chr(0x4E00 + i) for i in range(6000))], 8192)
    config = GLMConfig(
        vocab_size=8192, hidden_size=512, num_hidden_layers=6, num_attention_heads=8, num_key_value_heads=8,
        intermediate_size=1408, max_position_embeddings=512,
    )  # fmt: skip
    model = MiniGLM(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.1, generator=generator)
    save_model(model, tokenizer, folder)


def share(values: list[float], part: float) -> float:
    """The value that so large a part of all does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


async def measure(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    solo: dict[Question, str] = {}
    questions = Question.of(options.questions, options.tokens) if options.questions else Question.some(options.tokens)
    for question in questions:
        status, solo[question] = await stream(server, question)
        if status != 200:
            raise SystemExit(f"the server does not answer: {status} {solo[question]}")
    began = time.monotonic()
    tally = await press(server, solo, options.clients, options.seconds, options.pause)
    speed = tally.tokens / (time.monotonic() - began)
    fair = min(options.slots, options.clients) / speed
    settled = tally.memory[len(tally.memory) // 10 :]
    crowd = await storm(server, solo, options.crowd)
    return {
        "seconds": options.seconds,
        "clients": options.clients,
        "slots": options.slots,
        "answers": tally.answers,
        "errors": sum(tally.errors.values()),
        "error_kinds": dict(tally.errors),
        "mixed_up": tally.mixed_up,
        "tokens_per_second": round(speed, 1),
        "fair_share_ms": round(1000 * fair, 2),
        "between_tokens_p50_ms": round(1000 * share(tally.gaps, 0.5), 2),
        "between_tokens_p95_ms": round(1000 * share(tally.gaps, 0.95), 2),
        "between_tokens_p99_ms": round(1000 * share(tally.gaps, 0.99), 2),
        "p95_over_fair_share": round(share(tally.gaps, 0.95) / fair, 2),
        "first_token_p50_s": round(share(tally.firsts, 0.5), 3),
        "first_token_p95_s": round(share(tally.firsts, 0.95), 3),
        "memory_mb": round(settled[0] / 1e6, 1),
        "memory_growth": round(max(settled) / settled[0] - 1, 4),
        "crowd": crowd,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--questions", type=Path, help="JSONL file with a question a line, to ask RUN")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--pause", type=float, default=0, help="seconds a client reads between two answers, about")
    parser.add_argument("--crowd", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=128, help="length of an answer, about")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--queue", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2, help="of the server's arithmetic")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = options.run or Path(name) / "random"
        if not options.run:
            build_run(run)
        with served(run, options.slots, options.queue, options.threads) as server:
            figures = asyncio.run(measure(server, options))
    for name, value in figures.items():
        print(f"{name:24} {value}")
    print(json.dumps({**figures, "threads": options.threads, "python": platform.python_version()}))


if __name__ == "__main__":
    main()
