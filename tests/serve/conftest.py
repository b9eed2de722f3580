"""A page to look at: a server of its own, with one model that recites and one that never comes to an end."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_runs import CODE, ENDLESS, MARKUP, RECITED, Served, make_run, reciting_model
from tiny import few_questions

from shuoshu.answer.index import build_index
from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.books.stage import read_books
from shuoshu.questions.question import Question
from shuoshu.recipe import BooksOptions, IndexOptions
from shuoshu.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def recites(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """A run on the bundled book, with its questions; its model sees 256 tokens."""
    folder = tmp_path_factory.mktemp("page") / "灯录"
    make_run(folder, tokenizer, reciting_model(tokenizer, RECITED, context=256))
    read_books(["demo"], folder / "books", BooksOptions())
    build_index(read_chapters(folder / "books" / "chapters.jsonl"), folder / "index", IndexOptions())
    (folder / "questions").mkdir()
    for part in ("train", "test"):
        shutil.copy(few_questions() / f"{part}.jsonl", folder / "questions")
    return folder


@pytest.fixture(scope="session")
def endless(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """A run whose book is full of markup, and whose model goes on and on, slowly."""
    folder = tmp_path_factory.mktemp("page") / "endless"
    model = reciting_model(tokenizer, ENDLESS, layers=32)
    make_run(folder, tokenizer, model, [Question(question=f"灯{MARKUP[:30]}？", answer="灯")])
    text = f"第一回 {MARKUP}\n江上有一盏{CODE}灯。{MARKUP}\n灯下有人说书。\n"
    chapter = Chapter(book=f"灯{MARKUP}", number=1, title=f"第一回 {MARKUP}", text=text, start=0)
    build_index([chapter], folder / "index", IndexOptions())
    return folder


@pytest.fixture(scope="session")
def served(recites: Path, endless: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`shuoshu serve` with both runs and a bare model; at the end it closes on Ctrl-C, in good order."""
    runs = [str(recites), str(endless), str(recites / "finetune" / "model")]
    command = [sys.executable, "-m", "shuoshu", "serve", *runs, "--port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    log = tmp_path_factory.mktemp("log") / "server.txt"
    with log.open("w", encoding="utf-8") as stderr:
        server = subprocess.Popen(command, stderr=stderr, env=environment)
    try:
        yield Served(url=_wait_for_address(server, log), recites=recites, endless=endless)
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
        assert "Closed." in log.read_text(encoding="utf-8")
        assert "Traceback" not in log.read_text(encoding="utf-8")
    finally:
        server.kill()


def _wait_for_address(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(1200):
        if found := re.search(r"http://\S+", log.read_text(encoding="utf-8")):
            return found[0]
        try:
            server.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the server did not start: {log.read_text(encoding='utf-8')}")
