"""The door: help at once, mistakes told in one sentence with exit code 2, JSON on the last line."""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERBS = [
    "", "demo", "run", "books", "tokenizer", "pretrain", "finetune", "index", "questions", "questions generate",
    "questions import", "questions check", "questions verify", "questions review", "questions export", "evaluate",
    "ask", "complete", "chat", "serve", "export", "compare",
]  # fmt: skip


def shuoshu(*words: str | Path, cwd: Path | None = None, input: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    command = [sys.executable, "-m", "shuoshu", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, input=input, env=environment)


@pytest.mark.parametrize("verb", VERBS)
def test_help_answers_at_once(verb: str):
    times = []
    while len(times) < 5:
        times.append(_help_seconds(verb))
        # Where just now the import of the library takes longer than on the machine of record, so may the help.
        if times[-1] < 0.3 or times[-1] < 0.3 * _import_seconds() / 0.09:
            return
    pytest.fail(f"the help of {verb!r} took {times} seconds")


def _help_seconds(verb: str) -> float:
    """Processor seconds: what the command takes of its own, however busy the machine is with other tests."""
    before = _children_seconds()
    done = shuoshu(*verb.split(), "--help")
    assert done.returncode == 0
    assert "Usage: shuoshu" in done.stdout
    return _children_seconds() - before


def _import_seconds() -> float:
    """Processor seconds of Python with the command line's library, 0.09 on the machine of record."""
    before = _children_seconds()
    subprocess.run([sys.executable, "-c", "import cyclopts, cyclopts.help"], check=True)
    return _children_seconds() - before


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _mistake(*words: str | Path, cwd: Path | None = None) -> str:
    done = shuoshu(*words, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines[-1].startswith("shuoshu: ")
    return lines[-1]


def test_mistakes_are_told_in_a_sentence(tmp_path: Path, tiny_run: Path):
    empty, binary, folder = tmp_path / "空.txt", tmp_path / "x.bin", tmp_path / "folder"
    empty.write_bytes(b"")
    binary.write_bytes(bytes(range(256)) * 64)
    folder.mkdir()
    out = tmp_path / "out"
    for path in (tmp_path / "missing.txt", empty, binary, folder):
        assert str(path) in _mistake("books", path, "--out", out)
        assert not (out / "chapters.jsonl").exists()
    recipe = tmp_path / "r.yaml"
    recipe.write_text("pretrain:\n  minute: 3\n")
    assert "Did you mean" in _mistake("run", recipe)
    recipe.write_text("pretrain: [\n")
    assert f"{recipe}, line 2" in _mistake("run", recipe)
    recipe.write_text("- 3\n")
    assert "sections of options" in _mistake("run", recipe)
    assert "cannot be read" in _mistake("run", tmp_path / "none.yaml")
    assert "did you mean" in _mistake("pretrain", tiny_run, "--train.lrr", "1").lower()
    assert "is not there" in _mistake("ask", tmp_path / "nothing", "谁？")
    assert "neither a run folder" in _mistake("ask", folder, "谁？")
    assert "exclude each other" in _mistake("ask", tiny_run, "谁？", "--open", "--closed")
    assert "either a question" in _mistake("ask", tiny_run)
    assert "empty" in _mistake("ask", tiny_run, " ")
    broken = tmp_path / "q.jsonl"
    broken.write_text('{"question": "谁？", "answer": "他。"}\n{"question": \n', encoding="utf-8")
    assert "line 2" in _mistake("questions", "import", broken, "--out", tmp_path / "q2.jsonl")
    assert not (tmp_path / "q2.jsonl").exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for command in (["serve", tiny_run], ["demo"]):
            assert f"port {port}" in _mistake(*command, "--port", port, cwd=tmp_path)
    assert not (tmp_path / "runs").exists()
    assert "tokens; this model sees" in _mistake("ask", tiny_run, "长" * 3000, "--closed")


def test_json_is_the_last_line(tiny_run: Path, tmp_path: Path):
    asked = shuoshu("ask", tiny_run, "邵拙爱喝什么茶？", "--json")
    record = json.loads(asked.stdout.splitlines()[-1])
    assert {"question", "answer", "mode", "citations", "tokens", "seconds"} <= set(record)
    assert record["mode"] == "open"
    (citation,) = record["citations"]
    chapters = [json.loads(line) for line in (tiny_run / "books" / "chapters.jsonl").read_text().splitlines()]
    text = next(c["text"] for c in chapters if (c["book"], c["number"]) == (citation["book"], citation["chapter"]))
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    closed = json.loads(shuoshu("ask", tiny_run, "谁？", "--closed", "--json").stdout.splitlines()[-1])
    assert (closed["mode"], closed["citations"]) == ("closed", [])
    done = json.loads(shuoshu("complete", tiny_run, "虞照川", "--max-new-tokens", "9", "--json").stdout)
    assert done["text"].startswith("虞照川")
    assert done["tokens"] <= 9
    out = tmp_path / "answers.jsonl"
    for name, content in (
        ("q.txt", "谁？\n\n灯？\n"),
        ("q.jsonl", '{"q": "谁？", "a": "他"}\n{"q": "灯？", "a": "它"}\n'),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        asked = shuoshu("ask", tiny_run, "--file", tmp_path / name, "--out", out, "--closed", "--json")
        assert json.loads(asked.stdout.splitlines()[-1])["questions"] == 2, asked.stderr
        assert [json.loads(line)["question"] for line in out.read_text().splitlines()] == ["谁？", "灯？"]


def test_a_model_folder_alone_answers_from_memory(tiny_run: Path):
    model = tiny_run / "finetune" / "model"
    assert shuoshu("ask", model, "谁？").returncode == 0
    assert "has no index" in _mistake("ask", model, "谁？", "--open")


def test_chat_answers_until_an_empty_line(tiny_run: Path):
    done = shuoshu("chat", tiny_run, input="邵拙爱喝什么茶？\n\n谁？\n")
    assert done.returncode == 0
    assert done.stdout.count("──") == 1


def test_stages_run_one_by_one_in_a_folder(tmp_path: Path):
    run = tmp_path / "run"
    assert shuoshu("books", "demo", "--out", run / "books", "--json").returncode == 0
    small = ["--model.layers", "1", "--model.width", "32", "--model.context", "64"]
    for stage, options in (("tokenizer", []), ("pretrain", ["--pretrain.steps", "2", *small]), ("index", [])):
        done = shuoshu(stage, run, *options, "--json")
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout.splitlines()[-1])
    assert shuoshu("ask", run, "邵拙爱喝什么茶？", "--open").stdout
    assert "no question" in _mistake("finetune", run) or "questions" in _mistake("finetune", run)


def test_evaluate_puts_runs_side_by_side(tiny_run: Path, tmp_path: Path):
    questions, base = tiny_run / "questions" / "test.jsonl", tiny_run / "pretrain" / "model"
    few = tmp_path / "few.jsonl"
    few.write_text("".join(questions.read_text().splitlines(keepends=True)[:6]))
    done = shuoshu("evaluate", tiny_run, base, "--questions", few, "--closed", "--out", tmp_path / "e", "--json")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout.splitlines()[-1])["scores"]
    assert set(scores) == {str(tiny_run), str(base)}
    assert all(set(modes) == {"closed"} for modes in scores.values())
    assert "<html" in (tmp_path / "e" / "report.html").read_text()


def test_a_leak_exits_with_one(tmp_path: Path):
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    train.write_text('{"question": "邵拙爱喝什么？", "answer": "姜茶。"}\n', encoding="utf-8")
    shutil.copy(train, test)
    assert shuoshu("questions", "check", train, test).returncode == 1
    test.write_text('{"question": "沉灯之夜死了多少人？", "answer": "四百一十二人。"}\n', encoding="utf-8")
    assert shuoshu("questions", "check", train, test).returncode == 0
