"""What the review page shows beside its boxes: how far it is, what the checks say, the chapter with the evidence."""

import re
import time
from collections.abc import Iterable
from html import escape

from shuoshu.questions.question import Question
from shuoshu.questions.review import Review, Wanted

PARTS = {"question": "问题", "answer": "答案", "evidence": "依据"}
FAULTS = {
    "key not in the answer": "答案里没有关键词",
    "key in the question": "问题里已有答案",
    "no evidence": "没有依据",
    "evidence not in the chapter": "这一章里没有这段依据",
    "evidence not in the book": "书里没有这段依据",
    "the book has no such chapter": "书里没有这一章",
    "key not near the evidence": "依据附近没有关键词",
    "evidence does not fit the pair": "依据说的不是这件事",
    "evidence does not fit the answer": "依据与答案不符",
    "a name that is not near the evidence": "有人名不在依据附近",
    "another language than the book's": "语言与书不同",
    "speaks of the passage, not of the book": "说的是“这段文字”，不是书",
    "too short": "太短",
    "too long": "太长",
    "garbled": "有乱码",
    "opens with a set phrase": "以套话开头",
}
"""The checks' reasons in Chinese; those on the form follow the name of the part (question too long)."""
BETWEEN = "␟"
"""Stands between the texts of the boxes; review.js knows it."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def fault_words(fault: str) -> str:
    """A reason of the checks in Chinese and English."""
    part, _, rest = fault.partition(" ")
    if fault in FAULTS:
        return f"{FAULTS[fault]} {fault}"
    return f"{PARTS[part]}{FAULTS[rest]} {fault}" if part in PARTS and rest in FAULTS else fault


def head_html(review: Review, place: int, wanted: Wanted) -> str:
    """Name of the file, the pair's place among those looked at, and how many are judged."""
    pairs, places = review.pairs, review.find(wanted)
    accepted, rejected = (sum(pair.verdict == verdict for pair in pairs) for verdict in ("accept", "reject"))
    done, total = accepted + rejected, len(pairs)
    if not places:
        where = "没有符合的条目 No pair matches"
    elif place in places:
        where = f"第 {places.index(place) + 1} / {len(places)} 条"
    else:
        where = f"不在筛选的 {len(places)} 条中 Not among the {len(places)} looked for"
    widths = (f'style="width:{100 * count / total:.2f}%"' for count in (accepted, rejected))
    bars = "".join(f'<i class="{name}" {width}></i>' for name, width in zip(("yes", "no"), widths, strict=True))
    return (
        f'<div class="line"><h1><b>审阅</b> {_safe(review.file.name)}</h1>'
        f'<span class="at">{where}</span> <span class="id">{_safe(pairs[place].question.id)}</span>'
        f'<span class="done">已审 {done} / {total}：接受 {accepted}，拒绝 {rejected} '
        f'<span lang="en">reviewed: {accepted} accepted, {rejected} rejected</span></span></div>'
        f'<div class="bar" role="progressbar" aria-valuenow="{done}" aria-valuemax="{total}">{bars}</div>'
    )


def status_html(review: Review, place: int, texts: Iterable[str], saved: bool) -> str:
    """The verdict, what the checks find wrong, and whether what was done is on the disk.

    `texts` are those of the boxes that this is about: somebody may have typed on since, and the page compares.
    """
    pair = review.pairs[place]
    kind = " · ".join(filter(None, (pair.question.type, pair.question.level)))
    words = {"": ("open", "未审 Open"), "accept": ("yes", "已接受 Accepted"), "reject": ("no", "已拒绝 Rejected")}
    name, verdict = words[pair.verdict]
    checks = [f'<li class="bad">{_safe(fault_words(fault))}</li>' for fault in pair.faults]
    checks = checks or ['<li class="good">通过检查 The checks find nothing wrong</li>']
    # What changes with every save makes the page draw this anew.
    about = f'data-at="{time.monotonic_ns()}" data-texts="{_safe(BETWEEN.join(texts))}"'
    note = f'<span class="saved" {about}>{"✓ 已保存 Saved" if saved else ""}</span>'
    return (
        f'<div class="state {name}"><b>{verdict}</b> <span class="kind">{_safe(kind)}</span> {note}</div>'
        f"<ul>{''.join(checks)}</ul>"
    )


def fault_html(words: str) -> str:
    """Why something was not saved."""
    return f'<div class="state fault" data-at="{time.monotonic_ns()}">{_safe(words)}</div>'


def passage_html(review: Review, place: int) -> str:
    """The chapter, the evidence marked in it, and the keys in the evidence."""
    question = review.located(place)
    chapter = review.chapters.get((question.book, question.chapter or 0))
    if chapter is None:
        if question.level == "NA":
            return _none("书里不应有答案的问题。", "A question that the book should not answer.")
        return _none("没有这一章的原文，请选章回。", "There is no such chapter here; choose one.")
    at = chapter.text.find(question.evidence) if question.evidence else -1
    if at < 0:
        lost = _none("这一章里没有依据。", "The evidence does not stand in this chapter.") if question.evidence else ""
        return f'{lost}<div class="text">{_safe(chapter.text)}</div>'
    end = at + len(question.evidence)
    before, after = _safe(chapter.text[:at]), _safe(chapter.text[end:])
    return f'<div class="text">{before}<mark>{_with_keys(question)}</mark>{after}</div>'


def _none(chinese: str, english: str) -> str:
    return f'<p class="none">{chinese} <span lang="en">{english}</span></p>'


def _with_keys(question: Question) -> str:
    keys = "|".join(re.escape(key) for key in sorted(question.key, key=len, reverse=True))
    if not keys:
        return _safe(question.evidence)
    parts = re.split(f"({keys})", question.evidence)
    return "".join(f"<b>{_safe(part)}</b>" if i % 2 else _safe(part) for i, part in enumerate(parts))


def _safe(text: str) -> str:
    # $ and { begin what Gradio takes for a template.
    return CONTROL.sub("", escape(text)).replace("$", "&#36;").replace("{", "&#123;")
