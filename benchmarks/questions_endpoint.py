"""Questions asked from a local endpoint that fails: 10,000 requests, a fifth of them faults, killed ten times.

    python benchmarks/questions_endpoint.py SHARED [--book 水浒传] [--density 10] [--latency 0.5] [--kills 10]

Three runs over the same book, each against a server of its own (tests/questions/fake_endpoint.py, another process):
undisturbed, with how near it comes to what the server allows; with faults and SIGKILL at random moments; and compared.
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

sys.path.insert(0, str(Path(__file__).parent))
from questions_check import chapters_of

from shuoshu.books.chapter import write_chapters

ROOT = Path(__file__).resolve().parents[1]
RUN = (
    "import json, sys\n"
    "from shuoshu.questions.generate import generate_questions\n"
    "from shuoshu.questions.options import GenerateOptions\n"
    "print(json.dumps(generate_questions(GenerateOptions(**json.loads(sys.argv[1])))))\n"
)


def serve(*options: str) -> tuple[subprocess.Popen[str], str]:
    """A server of its own, and its address."""
    command = [sys.executable, str(ROOT / "tests/questions/fake_endpoint.py"), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def counts(address: str) -> dict:
    """What the server has served."""
    with urllib.request.urlopen(address) as answer:
        return json.load(answer)


def generate(options: dict) -> subprocess.Popen[str]:
    """A generator in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(options)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--book", default="水浒传")
    parser.add_argument("--density", type=float, default=10.0)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        chapters = Path(folder) / "chapters.jsonl"
        write_chapters(chapters, chapters_of(given.book, given.shared / f"corpus/{given.book}.txt"))
        options = {
            "chapters": [str(chapters)],
            "ways": ["passage", "paraphrase"],
            "density": given.density,
            "model": "fake",
            "timeout": 60.0,
        }
        server, address = serve("--latency", str(given.latency))
        first = Path(folder) / "undisturbed"
        begin = time.monotonic()
        run = generate({**options, "out": str(first), "base_url": address})
        figures = json.loads(run.communicate()[0].splitlines()[-1])
        served = counts(address)
        server.kill()
        print(f"undisturbed: {served}, {time.monotonic() - begin:.0f} s, {figures['accepted']} accepted", flush=True)

        server, address = serve("--latency", str(given.latency), "--faults", "0.2")
        second = Path(folder) / "disturbed"
        moments = sorted(chance.random() * served["paid"] for _ in range(given.kills))
        kills = 0
        begin = time.monotonic()
        while True:
            run = generate({**options, "out": str(second), "base_url": address})
            while run.poll() is None:
                time.sleep(0.2)
                if moments and counts(address)["paid"] > moments[0]:
                    moments.pop(0)
                    run.send_signal(signal.SIGKILL)
                    kills += 1
                    run.wait()
            if run.returncode == 0:
                break
        figures = json.loads(run.communicate()[0].splitlines()[-1])
        served = counts(address)
        server.kill()
        print(f"disturbed: {served}, {kills} kills, {time.monotonic() - begin:.0f} s", flush=True)
        print({name: figures[name] for name in ("calls", "failed", "salvaged", "unreadable")})
        for name in ("questions.jsonl", "rejected.jsonl"):
            same = (first / name).read_bytes() == (second / name).read_bytes()
            print(f"{name}: {'equal' if same else 'DIFFERENT'}")


def throughput(latency: float = 1.0, jobs: int = 2000) -> None:
    """How near 64 in flight come to what the server allows: one answer a `latency` for each."""
    from shuoshu.questions.client import Client, Job
    from shuoshu.questions.ledger import Ledger
    from shuoshu.questions.options import GenerateOptions
    from shuoshu.questions.parse import parse_text

    server, address = serve("--latency", str(latency))
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.jsonl") as ledger:
        client = Client(GenerateOptions(base_url=address, model="fake", out=folder), ledger)
        todo = [Job("rewrite", f"【原文】\n第{i}件事。\n【原文完】", parse_text, 100) for i in range(jobs)]
        begin = time.monotonic()
        client.run("throughput", todo)
        seconds = time.monotonic() - begin
    server.kill()
    rate, allowed = jobs / seconds, 64 / latency
    print(
        f"throughput: {rate:.1f} of {allowed:.0f} answers a second at {latency:g} s each: {rate / allowed:.1%}",
        flush=True,
    )


if __name__ == "__main__":
    main()
    throughput()
