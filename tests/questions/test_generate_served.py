"""Questions generated against `shuoshu serve` itself: a real server, by title and by passage."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shuoshu.books.chapter import read_chapters, write_chapters
from shuoshu.questions.generate import generate_questions
from shuoshu.questions.options import GenerateOptions


@pytest.fixture(scope="module")
def address(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`shuoshu serve` with a tiny run, in a process of its own."""
    log = tmp_path_factory.mktemp("log") / "server.txt"
    command = [sys.executable, "-m", "shuoshu", "serve", str(tiny_run), "--port", "0", "--no-page"]
    with log.open("w", encoding="utf-8") as stderr:
        server = subprocess.Popen(command, stderr=stderr, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        for _ in range(1200):
            if found := re.search(r"http://[\d.]+:\d+", log.read_text(encoding="utf-8")):
                yield f"{found[0]}/v1"
                return
            assert server.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        raise AssertionError("the server did not start")
    finally:
        server.kill()
        server.wait()


def test_by_title_and_by_passage(address: str, tiny_run: Path, tmp_path: Path) -> None:
    chapters = read_chapters(tiny_run / "books/chapters.jsonl")[:1]
    write_chapters(tmp_path / "chapters.jsonl", chapters)
    options = GenerateOptions(
        chapters=[str(tmp_path / "chapters.jsonl")],
        out=str(tmp_path / "out"),
        ways=["title", "passage"],
        base_url=address,
        model=f"{tiny_run.name}:open",
        per_title=2,
        density=1.0,
        in_flight=4,
        temperature=0.0,
    )
    figures = generate_questions(options)
    # It answers from the book and writes no JSON: every answer is paid for, kept, and counted as not readable.
    assert figures["calls"] > 0
    assert figures["failed"] == {}
    assert figures["unreadable"] > 0
    assert figures["accepted"] == 0
    again = generate_questions(options)
    assert again["calls"] == figures["calls"]
    assert (tmp_path / "out/report.html").is_file()
