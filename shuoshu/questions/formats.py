"""Question files of every format people have: read by content, written as our JSON Lines.

Read: our own JSON Lines; `Question/Answer`, `q/a`, `问/答`; Alpaca `instruction/input/output`; ShareGPT
`conversations`; OpenAI `messages`; each as JSON Lines or as one JSON array; CSV and TSV with any of these headers, as
spreadsheets save them (UTF-8 with or without a byte-order mark, GB18030, UTF-16).
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shuoshu.errors import UserError
from shuoshu.files import reason, write_jsonl
from shuoshu.folder import RunFolder
from shuoshu.questions.question import Question

# Names a field goes by, in lower case. The first that is there and not empty is taken.
NAMES = {
    "question": ("question", "q", "问", "问题", "提问", "instruction", "prompt", "query"),
    "answer": ("answer", "a", "答", "答案", "回答", "output", "response", "completion"),
    "book": ("book", "书", "书名"),
    "chapter": ("chapter", "章", "回", "章节"),
    "type": ("type", "类型", "类别"),
    "key": ("key", "keys", "关键词"),
    "evidence": ("evidence", "证据", "原文", "依据"),
    "paraphrases": ("paraphrases", "其他问法", "同义问法"),
    "level": ("level",),
    "id": ("id", "编号"),
    "of": ("of",),
}
ASKS, ANSWERS = {"human", "user", "问"}, {"gpt", "assistant", "答"}
CSV_SUFFIXES = (".csv", ".tsv")
_STRAY_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
LIST_MARKS = "|；;"
"""What parts a list written into one field of a table."""


def read_questions(path: Path) -> list[Question]:
    """Read a question file of any known format, in the file's order.

    A conversation of several turns gives one question a turn. Raises UserError naming file and line where a record
    has no question or no answer, or is not of a known format.
    """
    text = _decode(path)
    questions = []
    for line, record in _records(path, text):
        try:
            questions.extend(_questions(record))
        except ValueError as error:
            raise UserError(f"{path}, line {line}: {error}.") from error
    return questions


def questions_of(run: RunFolder, part: str) -> list[Question]:
    """The questions of a part of a run (train, valid or test); none where it has no such file."""
    path = run.questions(part)
    return read_questions(path) if path.is_file() else []


def write_questions(path: Path, questions: Iterable[Question]) -> int:
    """Write questions as JSON Lines, whole or not at all; returns how many."""
    return write_jsonl(path, (question.to_record() for question in questions))


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)}).") from error
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path}: neither UTF-8 nor GB18030 text; save it as UTF-8.")


def _records(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Yield (line, record) of a table, a JSON array, one JSON object, or JSON Lines."""
    begin = text.lstrip()[:1]
    if path.suffix.lower() in CSV_SUFFIXES or (begin not in ("", "[", "{", '"') and _is_header(text)):
        yield from _table(path, text)
    elif begin == "[":
        yield from _array(path, text)
    elif (whole := _one_object(text)) is not None:
        inner = next((value for value in whole.values() if _is_list_of_objects(value)), None)
        # A list under a name of its own ({"data": [...]}); the turns of a conversation are no records.
        named = inner is not None and not {"conversations", "messages"} & whole.keys()
        yield from ((1, record) for record in (inner if named and inner is not None else [whole]))
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    yield number, json.loads(_without_commas(line))
                except json.JSONDecodeError as error:
                    words = f"{path}, line {number}: not valid JSON ({error.msg}); mend or remove that line"
                    raise UserError(f"{words} (a table needs the ending .csv).") from error


def _without_commas(text: str) -> str:
    """JSON without the commas that people leave before a closing bracket and at the end of a line."""
    text = _STRAY_COMMA.sub(lambda found: found[1] or "", text)
    return text.rstrip().removesuffix(",")


def _one_object(text: str) -> dict[str, Any] | None:
    """The one JSON object a text is, over several lines or with its records in a list; None where it is none."""
    try:
        value = json.loads(_without_commas(text))
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _array(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON array, one by one, so that each is known by the line it begins on."""
    text = _STRAY_COMMA.sub(lambda found: found[1] or "", text)
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    line, counted = 1, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        try:
            record, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}); mend the file.") from error
        yield line, record


def _names_columns(names: list[str]) -> bool:
    return bool(set(names) & set(NAMES["question"]) and set(names) & set(NAMES["answer"]))


def _is_header(text: str) -> bool:
    """Whether a text begins as a table does: `问<tab>答`."""
    first = text.lstrip().split("\n", 1)[0]
    return any(_names_columns([name.strip().lower() for name in first.split(mark)]) for mark in ",\t;")


def _table(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    body = re.sub(r"\A\s*(?:sep=.\r?\n\s*)?", "", text)  # Excel tells itself the separator in a line of its own
    lead = text[: len(text) - len(body)].count("\n")
    header = body.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(body, newline=""), delimiter=max(",\t;", key=header.count))
    names: list[str] | None = None
    begin = 1
    try:
        for row in rows:
            if names is None:
                names = [name.strip().lower() for name in row]
                if not _names_columns(names):
                    raise UserError(
                        f"{path}, line {lead + 1}: the header names no question and answer columns (found: "
                        f"{', '.join(names) or 'nothing'}); name them question and answer, or 问 and 答."
                    )
            elif any(cell.strip() for cell in row):
                yield lead + begin, dict(zip(names, row, strict=False))
            begin = rows.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {lead + rows.line_num}: not a table ({error}).") from error


def _questions(record: Any) -> list[Question]:
    """The questions of one record, whatever its format. Raises ValueError saying what is wrong with it."""
    if not isinstance(record, dict):
        raise ValueError(f"a record must be an object with a question and an answer, not {type(record).__name__}")
    fields = {str(name).strip().lower(): value for name, value in record.items()}
    if turns := fields.get("conversations") or fields.get("messages"):
        pairs = _turns(turns)
        if len(pairs) == 1:
            return [_question({**fields, "question": pairs[0][0], "answer": pairs[0][1]})]
        return [_question({"question": question, "answer": answer}) for question, answer in pairs]
    if "instruction" in fields and "question" not in fields:
        # Alpaca: the input is what the instruction is about, so it belongs to the question.
        parts = [_text(fields, name) for name in ("instruction", "input")]
        fields["question"] = "\n".join(part for part in parts if part)
    return [_question(fields)]


def _question(fields: dict[str, Any]) -> Question:
    question, answer = (_first(fields, name) for name in ("question", "answer"))
    for name, value in (("question", question), ("answer", answer)):
        if not value:
            known = ", ".join(NAMES[name])
            raise ValueError(f"no {name} (looked for {known}, conversations, messages)")
    return Question(
        question=question,
        answer=answer,
        id=_first(fields, "id"),
        book=_first(fields, "book").removeprefix("《").removesuffix("》"),
        chapter=_chapter(fields),
        type=_first(fields, "type"),
        key=_list(fields, "key"),
        evidence=_first(fields, "evidence"),
        paraphrases=_list(fields, "paraphrases"),
        level=_first(fields, "level"),
        of=_first(fields, "of"),
    )


def _turns(turns: Any) -> list[tuple[str, str]]:
    """(question, answer) of every turn of a conversation; what a system message says is left out."""
    if not isinstance(turns, list):
        raise ValueError("the conversation is not a list of messages")
    pairs, asked = [], ""
    for turn in turns:
        if not isinstance(turn, dict):
            raise ValueError("a message of the conversation is not an object")
        role = turn.get("from", turn.get("role"))
        text = turn.get("value", turn.get("content"))
        if not isinstance(text, str):
            raise ValueError(f"a message of the conversation (from {role!r}) holds no text")
        if role in ASKS:
            asked = text.strip()
        elif role in ANSWERS and asked:
            pairs.append((asked, text.strip()))
            asked = ""
    if not pairs:
        raise ValueError("the conversation holds no question that is answered")
    return pairs


def _first(fields: dict[str, Any], name: str) -> str:
    return next((text for alias in NAMES[name] if (text := _text(fields, alias))), "")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"`{name}` must be text, not {json.dumps(value, ensure_ascii=False)[:40]}")


def _list(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    for alias in NAMES[name]:
        value = fields.get(alias)
        if isinstance(value, str):
            for mark in LIST_MARKS[1:]:
                value = value.replace(mark, LIST_MARKS[0])
            value = value.split(LIST_MARKS[0])
        if value is None or value == [""]:
            continue
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"`{alias}` must be a list of texts, not {json.dumps(value, ensure_ascii=False)[:40]}")
        return tuple(item.strip() for item in value if item.strip())
    return ()


def _chapter(fields: dict[str, Any]) -> int | None:
    text = _first(fields, "chapter")
    if not text:
        return None
    try:
        return int(float(text))
    except ValueError:
        return None  # a heading in place of a number: the evidence check finds the chapter
