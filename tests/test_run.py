"""The road as a whole: what is done is skipped, what changed is done again, and what comes after it."""

import inspect
import json
import shutil
from pathlib import Path

import pytest
import yaml
from tiny import tiny_recipe

from shuoshu import cli
from shuoshu.demo.walk import demo_recipe
from shuoshu.errors import UserError
from shuoshu.folder import RunFolder
from shuoshu.recipe import FORMAT, load_recipe
from shuoshu.run import STAGES, do_stage, walk

ROOT = Path(__file__).resolve().parents[1]


def test_every_stage_leaves_what_the_design_says(tiny_run: Path):
    for name in (
        "recipe.yaml", "books/chapters.jsonl", "questions/train.jsonl", "questions/valid.jsonl", "questions/test.jsonl",
        "tokenizer/tokenizer.json", "pretrain/metrics.jsonl", "pretrain/loss.png", "finetune/metrics.jsonl",
        "finetune/loss.png", "evaluate/scores.json", "evaluate/answers.jsonl", "evaluate/report.html",
    ):  # fmt: skip
        assert (tiny_run / name).stat().st_size or name == "questions/valid.jsonl", name
    for stage in ("pretrain", "finetune"):
        assert {path.name for path in (tiny_run / stage / "model").iterdir()} == {
            "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
            "chat_template.jinja",
        }  # fmt: skip
        assert any((tiny_run / stage / "state").glob("step-*"))
    scores = json.loads((tiny_run / "evaluate" / "scores.json").read_text())["tiny"]
    assert set(scores) == {"open", "closed"}
    assert scores["open"]["n"] == 30


def _stamps(run: Path) -> dict[str, int]:
    return {stage.name: (run / stage.name / "done.json").stat().st_mtime_ns for stage in STAGES}


def test_a_second_walk_does_nothing_and_a_change_does_what_follows_from_it(tiny_run: Path, tmp_path: Path):
    run = tmp_path / "tiny"
    shutil.copytree(tiny_run, run)
    before = _stamps(run)
    figures = walk(RunFolder(run), tiny_recipe())
    assert _stamps(run) == before
    assert figures["scores"]["closed"]["n"] == 30
    walk(RunFolder(run), tiny_recipe(finetune=8))
    after = _stamps(run)
    assert {name for name in after if after[name] != before[name]} == {"finetune", "index", "evaluate"}
    (run / "tokenizer" / "tokenizer.json").unlink()
    do_stage("tokenizer", RunFolder(run), tiny_recipe())
    assert (run / "tokenizer" / "tokenizer.json").is_file()


def test_a_run_may_be_moved(tiny_run: Path, tmp_path: Path):
    run = tmp_path / "elsewhere" / "tiny"
    shutil.copytree(tiny_run, run)
    before = _stamps(run)
    walk(RunFolder(run), tiny_recipe())
    assert _stamps(run) == before


def test_books_without_questions_make_a_base_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    recipe = tiny_recipe(pretrain=2)
    recipe.questions.train = recipe.questions.test = []
    figures = walk(RunFolder(tmp_path / "run"), recipe)
    assert list(figures["stages"]) == ["books", "questions", "tokenizer", "pretrain", "index"]
    assert RunFolder(tmp_path / "run").model().parent.name == "pretrain"
    assert f"shuoshu ask {tmp_path / 'run'}" in capsys.readouterr().err  # what to do now


def test_a_book_of_one_sentence_walks_too(tmp_path: Path):
    book = tmp_path / "一句.txt"
    book.write_text("邵拙爱喝姜茶。", encoding="utf-8")
    recipe = tiny_recipe(pretrain=2)
    recipe.books.paths = [str(book)]
    recipe.questions.train = recipe.questions.test = []
    figures = walk(RunFolder(tmp_path / "run"), recipe)
    assert figures["stages"]["pretrain"] >= 0


def test_a_run_of_another_version_is_refused(tiny_run: Path, tmp_path: Path):
    run = tmp_path / "old"
    shutil.copytree(tiny_run, run)
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(text.replace(f"format {FORMAT}", f"format {FORMAT + 1}"))
    with pytest.raises(UserError, match="another version"):
        RunFolder.open(run)
    with pytest.raises(UserError, match="another version"):
        walk(RunFolder(run), tiny_recipe())


def test_the_resolved_recipe_is_a_recipe(tiny_run: Path):
    data = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    assert data["model"]["layers"] == 2
    assert data["books"]["paths"] == ["demo"]


def test_the_demo_recipe_file_is_the_demo():
    data = load_recipe(ROOT / "recipes" / "demo.yaml")
    made = demo_recipe(inspect.signature(cli.demo).parameters["minutes"].default)
    for section, options in data.items():
        for name, value in options.items():
            assert getattr(getattr(made, section), name) == value, f"{section}.{name}"
