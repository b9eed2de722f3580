"""Every `shuoshu …` line of the README and the docs: all of them parse, and all but the long ones are run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shuoshu import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = ("demo", "serve", "run", "questions generate", "questions review")
"""Commands that take minutes, wait for a person, or ask a paid endpoint: they are parsed, not run."""
PLACES = {"RUN", "HOST"}
"""Words that stand for something else: a line with one shows a form, not a command."""


def commands() -> list[tuple[str, list[str]]]:
    """(page, words) of every line in the docs that is a command."""
    found = {}
    for page in PAGES:
        for line in re.findall(r"^ {4}(shuoshu .*)$", page.read_text(encoding="utf-8"), flags=re.M):
            words = shlex.split(line, comments=True)[1:]
            if not PLACES & set(words) and not any(word.startswith("[") or "..." in word for word in words):
                found.setdefault(tuple(words), page.name)
    return [(page, list(words)) for words, page in found.items()]


def _is_long(words: list[str]) -> bool:
    return any(words[: len(verb.split())] == verb.split() for verb in LONG)


@pytest.fixture(scope="module")
def workshop(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader of the docs would have it: a run called demo, some books, a question file."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    for name in ("demo", "a", "b"):
        shutil.copytree(tiny_run, folder / "runs" / name)
    shutil.copy(tiny_run / "questions" / "test.jsonl", folder / "test.jsonl")
    shutil.copy(tiny_run / "questions" / "train.jsonl", folder / "train.jsonl")
    (folder / "questions.txt").write_text("邵拙爱喝什么茶？\n虞照川的师父是谁？\n", encoding="utf-8")
    (folder / "my.yaml").write_text("books: {paths: [demo]}\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("page", "words"), commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_of_the_docs_parses(page: str, words: list[str], workshop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(workshop)
    cli.parse(words)


RUN = [(page, words) for page, words in commands() if not _is_long(words)]


@pytest.mark.parametrize(
    ("page", "words"), RUN, ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_of_the_docs_runs(page: str, words: list[str], workshop: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "shuoshu", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=workshop, env=environment, input="\n")
    assert done.returncode == 0, f"{page}: shuoshu {' '.join(words)}\n{done.stderr}"
