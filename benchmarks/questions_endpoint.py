"""Questions asked from a local endpoint that fails: 10,000 requests, a fifth of them faults, killed ten times.

    python benchmarks/questions_endpoint.py SHARED [--novels 4] [--latency 0.2] [--kills 10] [--only kills|throughput]

Two runs over the same books by every way, each against a server of its own (tests/questions/fake_endpoint.py, another
process): one undisturbed, one with faults and SIGKILL at random moments; then the two are compared. The server counts,
by the name of the request: answers paid, paid twice, sent again because they were lost on the wire, and requests whose
client was gone before they were answered. Last, how near 64 in flight come to what a server of a fixed latency allows.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from questions_check import NOVELS, chapters_of

from shuoshu.books.chapter import write_chapters

ROOT = Path(__file__).resolve().parents[1]
RUN = (
    "import json, sys\n"
    "from shuoshu.questions.generate import generate_questions\n"
    "from shuoshu.questions.options import GenerateOptions\n"
    "print(json.dumps(generate_questions(GenerateOptions(**json.loads(sys.argv[1])))))\n"
)
RESULTS = ("questions.jsonl", "rejected.jsonl", "rewrites.jsonl")


def serve(*options: str) -> tuple[subprocess.Popen[str], str]:
    """A server of its own, and its address."""
    command = [sys.executable, str(ROOT / "tests/questions/fake_endpoint.py"), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def counts(address: str) -> dict[str, Any]:
    """What the server has served."""
    with urllib.request.urlopen(address) as answer:
        return json.load(answer)


def generate(options: dict[str, Any], out: Path, address: str) -> subprocess.Popen[str]:
    """A generator in a process of its own."""
    words = json.dumps({**options, "out": str(out), "base_url": address})
    command = [sys.executable, "-c", RUN, words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def figures_of(run: subprocess.Popen[str]) -> dict[str, Any]:
    """What a finished generator printed."""
    return json.loads(run.communicate()[0].splitlines()[-1])


def measure_kills(shared: Path, novels: int, latency: float, kills: int) -> None:
    """The undisturbed run, the disturbed one, and whether they end alike."""
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        chapters = [one for title in NOVELS[:novels] for one in chapters_of(title, shared / f"corpus/{title}.txt")]
        write_chapters(folder / "chapters.jsonl", chapters)
        options = {
            "chapters": [str(folder / "chapters.jsonl")],
            "ways": ["title", "passage", "paraphrase", "unanswerable", "rewrite"],
            "density": 1.0,
            "absent": 1.0,
            "model": "fake",
            "timeout": 10.0,
        }
        server, address = serve("--latency", str(latency))
        begin = time.monotonic()
        figures = figures_of(generate(options, folder / "undisturbed", address))
        served = counts(address)
        server.kill()
        print(f"undisturbed, {time.monotonic() - begin:.0f} s: {served}", flush=True)
        print({name: figures[name] for name in ("calls", "accepted", "rejected", "rewrites")}, flush=True)

        server, address = serve("--latency", str(latency), "--faults", "0.2", "--hang", "12")
        moments = sorted(chance.random() * served["paid"] for _ in range(kills))
        killed = 0
        begin = time.monotonic()
        while True:
            run = generate(options, folder / "disturbed", address)
            while run.poll() is None and moments:
                time.sleep(0.1)
                if counts(address)["paid"] > moments[0]:
                    moments.pop(0)
                    run.send_signal(signal.SIGKILL)
                    killed += 1
                    run.wait()
            if run.wait() == 0:
                break
        figures = figures_of(run)
        served = counts(address)
        server.kill()
        print(f"disturbed, {killed} kills, {time.monotonic() - begin:.0f} s: {served}", flush=True)
        print({name: figures[name] for name in ("calls", "failed", "salvaged", "unreadable")})
        for name in RESULTS:
            same = (folder / "undisturbed" / name).read_bytes() == (folder / "disturbed" / name).read_bytes()
            print(f"{name}: {'equal' if same else 'DIFFERENT'}")


def measure_throughput(latency: float, jobs: int) -> None:
    """How near 64 in flight come to what the server allows: 64 at once, each answered after `latency` seconds."""
    from shuoshu.questions.client import Client, Job
    from shuoshu.questions.ledger import Ledger
    from shuoshu.questions.options import GenerateOptions
    from shuoshu.questions.parse import parse_text

    server, address = serve("--latency", str(latency), "--at-once", "64")
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.jsonl") as ledger:
        client = Client(GenerateOptions(base_url=address, model="fake", out=folder), ledger)
        todo = [Job("rewrite", f"【原文】\n第{i}件事。\n【原文完】", parse_text, 100) for i in range(jobs)]
        begin, busy = time.monotonic(), time.process_time()
        client.run("throughput", todo)
        seconds, busy = time.monotonic() - begin, time.process_time() - busy
    server.kill()
    rate, allowed = jobs / seconds, 64 / latency
    print(
        f"throughput: {rate:.1f} of {allowed:.1f} answers a second at {latency:g} s each, {jobs:,} in all: "
        f"{rate / allowed:.1%}; {1000 * busy / jobs:.1f} ms of a core an answer",
        flush=True,
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--novels", type=int, default=4)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", choices=["kills", "throughput"])
    given = parser.parse_args()
    if given.only != "throughput":
        measure_kills(given.shared, given.novels, given.latency, given.kills)
    if given.only != "kills":
        for latency, jobs in ((0.3, 80 * 64), (1.0, 32 * 64)):  # whole rounds: a last one of 8 would idle 56 places
            measure_throughput(latency, jobs)


if __name__ == "__main__":
    main()
