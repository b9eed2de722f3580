"""Every `shuoshu …` line of the README and the docs: all of them parse, and all but the long ones are run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
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
    return "--judge" in words or any(words[: len(verb.split())] == verb.split() for verb in LONG)


def write_epub(path: Path, text: str) -> None:
    """A small EPUB of one chapter."""
    page = "".join(f"<p>{line}</p>" for line in text.splitlines())
    container = '<rootfiles><rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", f"<container>{container}</container>")
        book.writestr(
            "c.opf",
            '<package><metadata/><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
        )
        book.writestr("a.xhtml", f"<html><body>{page}</body></html>")


@pytest.fixture(scope="module")
def workshop(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader of the docs would have it: a run called demo, some books, a question file."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    for recipe in ("recipes/three-novels.yaml", "renamed/recipe.yaml"):  # what readers make of their own
        (folder / recipe).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "recipes" / "demo.yaml", folder / recipe)
    for name in ("demo", "mine", "a", "b", "three-novels"):
        shutil.copytree(tiny_run, folder / "runs" / name)
    for part, name in (("train", "train"), ("test", "test"), ("test", "sanguo.test"), ("train", "questions")):
        whole = (tiny_run / "questions" / f"{part}.jsonl").read_text(encoding="utf-8")
        few = "".join(whole.splitlines(keepends=True)[:12])
        (folder / f"{name}.jsonl").write_text(few, encoding="utf-8")
    (folder / "questions.txt").write_text("邵拙爱喝什么茶？\n虞照川的师父是谁？\n", encoding="utf-8")
    (folder / "mine.csv").write_text("问,答\n邵拙爱喝什么茶？,姜茶。\n", encoding="gb18030")
    (folder / "theirs.json").write_text('[{"instruction": "虞照川是谁？", "output": "提灯郎。"}]', encoding="utf-8")
    (folder / "my.yaml").write_text("books: {paths: [demo]}\n", encoding="utf-8")
    book = "第一回 甲\n话说天下大势。\n第二回 乙\n且听下回分解。\n"
    (folder / "my-books").mkdir()
    for path in (folder / "三国.txt", folder / "my-books" / "西游.txt"):
        path.write_text(book, encoding="gb18030")
    write_epub(folder / "水浒.epub", book)
    return folder


@pytest.mark.parametrize(
    ("page", "words"), commands(), ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_of_the_docs_parses(page: str, words: list[str], workshop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(workshop)
    cli.parse(words)


RUN = [(page, words) for page, words in commands() if not _is_long(words)]


@pytest.mark.parametrize("page", dict.fromkeys(page for page, _ in RUN))
def test_the_commands_of_a_page_run_in_their_order(page: str, workshop: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words in [words for where, words in RUN if where == page]:
        command = [sys.executable, "-m", "shuoshu", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=workshop, env=environment, input="\n")
        assert done.returncode == 0, f"{page}: shuoshu {' '.join(words)}\n{done.stderr}"
