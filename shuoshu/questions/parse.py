"""What comes back from a model, read strictly first; what is broken is salvaged only where asking again did not help.

Every parser takes the text and `salvage`. Strict, it raises ParseError on anything but the whole of what was asked for,
and the request is sent again; salvaging, it takes the complete pieces and raises only where there is none.
"""

import json
import re
from typing import Any

KINDS = {"人物介绍": "人物", "情节": "情节", "人物关系": "关系", "其他": "其他"}
SENTENCE_ENDS = '。！？…”’」』）!?.")'
_NUMBERED = re.compile(r"^\s*(\d+)\s*[.．、)）:：]\s*(?:[\[【(（]\s*(\S+?)\s*[\]】)）])?\s*(\S.*?)\s*$")
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL)


class ParseError(ValueError):
    """The text is not what the prompt asked for."""


def parse_numbered(text: str, salvage: bool = False, *, count: int) -> list[tuple[str, str]]:
    """(type, question) of every line `1. [人物介绍] …？`; strict: all numbers from 1 to `count`, in order."""
    found = [match for line in text.splitlines() if (match := _NUMBERED.match(line))]
    if not salvage and [int(match[1]) for match in found] != list(range(1, count + 1)):
        raise ParseError(f"the lines are not numbered from 1 to {count}")
    if not found:
        raise ParseError("no numbered line")
    return [(KINDS.get(match[2] or "", "其他"), match[3]) for match in found[:count]]


def parse_answer(text: str, salvage: bool = False) -> dict[str, Any]:
    """`{"answer", "key": [...], "evidence"}` of one answer; a text without JSON is no answer."""
    value = json_in(text, salvage)
    if not isinstance(value, dict):
        raise ParseError("not one JSON object")
    return _pair({**value, "question": "?"})


def parse_pairs(text: str, salvage: bool = False) -> list[dict[str, Any]]:
    """The pairs of `{"pairs": [...]}` (or of a bare list), each with question, answer, key, evidence and type."""
    return _each(_items(json_in(text, salvage), "pairs"), _pair, salvage)


def parse_paraphrases(text: str, salvage: bool = False) -> dict[str, list[Any]]:
    """`{"questions": [text], "answers": [text], "reverse": [pair]}`."""
    value = json_in(text, salvage)
    if not isinstance(value, dict):
        raise ParseError("not one JSON object")
    reverse = [
        {"evidence": "", **pair} for pair in _items(value.get("reverse") or [], "reverse") if isinstance(pair, dict)
    ]
    return {
        "questions": _each(_items(value, "questions"), _text, salvage),
        "answers": _each(_items(value.get("answers") or [], "answers"), _text, salvage=True),
        "reverse": _each(reverse, _pair, salvage=True),
    }


def parse_unanswerable(text: str, salvage: bool = False) -> list[dict[str, str]]:
    """The `{"kind", "about", "question"}` of `{"questions": [...]}`."""

    def one(item: Any) -> dict[str, str]:
        if not isinstance(item, dict):
            raise ParseError("an item is not an object")
        return {name: _text(item.get(name)) for name in ("kind", "about", "question")}

    return _each(_items(json_in(text, salvage), "questions"), one, salvage)


def parse_text(text: str, salvage: bool = False) -> str:
    """A rewrite: the text itself, code fences and bold marks taken off. Strict: it ends as a sentence ends."""
    if match := _FENCE.search(text):
        text = match[1]
    text = re.sub(r"(?m)^#+\s*|\*\*", "", text).strip()
    if not text:
        raise ParseError("empty")
    if not salvage and text[-1] not in SENTENCE_ENDS:
        raise ParseError("cut short")
    return text


def json_in(text: str, salvage: bool = False) -> Any:
    """The first JSON object or list in a text, whatever stands around it.

    Repaired without asking again, since nothing is lost: code fences, prose before and after, line breaks within
    strings, commas before a closing bracket. With `salvage`, of a list cut short its complete items as well.
    """
    if match := _FENCE.search(text):
        text = match[1]
    begin = re.search(r"[{\[]", text)
    if begin is None:
        raise ParseError("no JSON")
    text = text[begin.start() :]
    decoder = json.JSONDecoder(strict=False)
    for candidate in (text, re.sub(r",\s*([}\]])", r"\1", text)):
        try:
            return decoder.raw_decode(candidate)[0]
        except json.JSONDecodeError:
            continue
    if not salvage:
        raise ParseError("the JSON is broken or cut short")
    return _complete_items(text, decoder)


def _complete_items(text: str, decoder: json.JSONDecoder) -> list[Any]:
    items, at = [], text.find("[") + 1
    while at:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            item, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            break
        items.append(item)
    if not items:
        raise ParseError("no complete item")
    return items


def _items(value: Any, name: str) -> list[Any]:
    items = value.get(name) if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise ParseError(f"no list `{name}`")
    return items


def _each(items: list[Any], parse: Any, salvage: bool) -> list[Any]:
    parsed = []
    for item in items:
        try:
            parsed.append(parse(item))
        except ParseError:
            if not salvage:
                raise
    if items and not parsed:
        raise ParseError("no complete item")
    return parsed


def _pair(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ParseError("a pair is not an object")
    key = item.get("key")
    keys = [key] if isinstance(key, str) else key
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ParseError("`key` is not a list of texts")
    evidence = item.get("evidence", "")
    return {
        "question": _text(item.get("question")),
        "answer": _text(item.get("answer")),
        "key": tuple(key.strip() for key in keys if key.strip()),
        "evidence": evidence.strip() if isinstance(evidence, str) else "",
        "type": item["type"] if item.get("type") in KINDS.values() else "其他",
    }


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ParseError("a text is missing")
    return value.strip()
