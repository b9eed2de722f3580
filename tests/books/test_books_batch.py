"""Columns of files in, columns of chapters out."""

from pathlib import Path

from shuoshu.books.batch import NAMES, read_files


def test_files_to_chapters(tmp_path: Path) -> None:
    (tmp_path / "雨.txt").write_text("第一章 甲\n他来了。\n第二章 乙\n他走了。\n", encoding="utf-8")
    (tmp_path / "空.txt").write_bytes(b"")
    files = [str(tmp_path / "雨.txt"), str(tmp_path / "空.txt")]
    columns = read_files({"path": files, "format": ["text", "text"], "member": ["", ""]})
    assert tuple(columns) == NAMES
    assert columns["number"] == [1, 2, -1]
    assert columns["text"] == ["第一章 甲\n他来了。\n", "第二章 乙\n他走了。\n", ""]
    assert "empty" in columns["reason"][2]
