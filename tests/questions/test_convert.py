"""Import of what people have, export to what other tools read."""

import json
from pathlib import Path

import pytest

from shuoshu.errors import UserError
from shuoshu.questions.convert import Format, export_questions, import_questions
from shuoshu.questions.formats import read_questions


def test_import_merges_what_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("问,答\n谁？,他。\n哪里？,那里。\n", encoding="gb18030")
    records = [{"q": "谁 ?", "a": "他", "paraphrases": ["是谁？"]}, {"q": "哪里？", "a": "别处。"}]
    (tmp_path / "b.json").write_text(json.dumps(records), encoding="utf-8")
    out = tmp_path / "out.jsonl"
    figures = import_questions([tmp_path / "a.csv", tmp_path / "b.json"], out)
    assert figures == {"read": 4, "written": 3, "duplicates": 1, "conflicts": 1}
    first, *rest = read_questions(out)
    assert (first.question, first.paraphrases) == ("谁？", ("谁 ?", "是谁？"))
    assert [question.answer for question in rest] == ["那里。", "别处。"]


def test_import_without_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one file"):
        import_questions([], tmp_path / "out.jsonl")


@pytest.mark.parametrize("to", ["alpaca", "sharegpt", "openai"])
def test_export_is_read_again(tmp_path: Path, to: Format) -> None:
    (tmp_path / "q.jsonl").write_text(
        json.dumps({"question": "谁？", "answer": "他。", "paraphrases": ["是谁？"]}), encoding="utf-8"
    )
    assert export_questions(tmp_path / "q.jsonl", tmp_path / "out.jsonl", to) == {"written": 2}
    assert [(q.question, q.answer) for q in read_questions(tmp_path / "out.jsonl")] == [
        ("谁？", "他。"),
        ("是谁？", "他。"),
    ]
