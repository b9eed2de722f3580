"""Question files that visitors bring: read where they are, and gone when they are read."""

import base64
import binascii
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from shuoshu.errors import UserError
from shuoshu.evaluate.metrics import has_verdict
from shuoshu.questions.formats import CSV_SUFFIXES, read_questions
from shuoshu.questions.question import Question
from shuoshu.serve.sentences import Sentence

MOST_BYTES = 700_000
"""In base64 and with the rest of the request less than the server takes of anybody (`guard.BODY`)."""
MOST_QUESTIONS = 2000
PLAIN = (".txt", ".text", ".md")
"""Endings of files that hold a question a line."""


def read_sheet(name: str, content: bytes) -> list[dict[str, Any]]:
    """The questions of a file called `name`, as the page takes them.

    Each is a record of a question file, and `judged` where an answer to it can be right or wrong. Raises UserError in
    the words of `read_questions`, with the visitor's name of the file.
    """
    if len(content) > MOST_BYTES:
        most = f"{MOST_BYTES // 1000} kB"
        raise Sentence("file_too_big", f"{name}: the file is bigger than {most}; split it.", n=most)
    questions = _lines(content, name) if PurePath(name).suffix.lower() in PLAIN else _records(content, name)
    if not questions:
        raise Sentence("file_empty", f"{name}: the file holds no question.", name=name)
    if len(questions) > MOST_QUESTIONS:
        words = f"{name}: {len(questions)} questions are more than the {MOST_QUESTIONS} of one file; split it."
        raise Sentence("file_too_many", words, name=name, n=len(questions), most=MOST_QUESTIONS)
    return [{**question.to_record(), **({"judged": True} if has_verdict(question) else {})} for question in questions]


def from_base64(data: str) -> bytes:
    """The bytes of a file as a browser sends it. Raises UserError where they are none."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Sentence("file_torn", "The file did not arrive whole; send it again.") from error


def as_question(record: Any) -> Question:
    """A record that came back from the page, with what it takes to judge an answer.

    Raises UserError for what is no question.
    """
    question = record.get("question") if isinstance(record, dict) else None
    if not isinstance(question, str) or not question.strip():
        raise Sentence("no_question", "A question is missing.")
    key = record.get("key")
    keys = tuple(one for one in key if isinstance(one, str)) if isinstance(key, list) else ()
    return Question(question=question, answer="", key=keys, level="NA" if record.get("level") == "NA" else "")


def _lines(content: bytes, name: str) -> list[Question]:
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return [Question(question=line.strip(), answer="") for line in text.splitlines() if line.strip()]
    raise Sentence("file_encoding", f"{name}: neither UTF-8 nor GB18030 text; save it as UTF-8.", name=name)


def _records(content: bytes, name: str) -> list[Question]:
    """What `read_questions` reads of the bytes: it takes a file, so they are one for a moment."""
    with TemporaryDirectory() as folder:
        # The ending tells tables from JSON; nothing else of a visitor's name comes near the disk.
        ending = PurePath(name).suffix.lower()
        path = Path(folder) / ("questions" + (ending if ending in CSV_SUFFIXES else ".jsonl"))
        path.write_bytes(content)
        try:
            return [replace(question, paraphrases=()) for question in read_questions(path)]
        except UserError as error:
            why = str(error).replace(str(path), name)
            raise Sentence("file_bad", why, why=why) from error
