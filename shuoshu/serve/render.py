"""A conversation as the chat box shows it.

Whatever comes from a person, a model or a book passes through `plain`; all markup of the page's chat is written here.
The chat box reads Markdown that may hold HTML, and cleans the HTML once more in the browser.
"""

import re

from shuoshu.serve.talk import Shown, Talk, Turn

_PUNCTUATION = re.compile(r"[\t\n\r!-/:-@\[-`{-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

FROM_BOOKS = "从书中 From the books"
FROM_MEMORY = "凭记忆 From memory"


def plain(text: str) -> str:
    """Text that shows as itself in HTML and in Markdown: every ASCII mark and line end as a character reference.

    Control characters, which no book holds, are left out.
    """
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", _CONTROL.sub("", text))


def messages(talk: Talk) -> list[dict[str, str]]:
    """The conversation as the messages of a `gradio.Chatbot`."""
    shown = []
    for turn in talk.turns:
        shown.append({"role": "user", "content": f'<div class="words">{plain(turn.question)}</div>'})
        shown.append({"role": "assistant", "content": f'<div class="turn">{_answer(turn)}</div>'})
    return shown


def _answer(turn: Turn) -> str:
    if turn.state == "failed":
        return f'<div class="fault">{plain(turn.fault)}</div>'
    if turn.state == "waiting":
        return f'<div class="waiting">{_waiting(turn.ahead)}</div>'
    caret = '<span class="caret"></span>' if turn.state == "writing" else ""
    parts = [f'<div class="words">{plain(turn.text)}{caret}</div>']
    parts += [_citation(shown) for shown in turn.shown]
    if turn.state != "writing":
        parts.append(f'<div class="note">{" · ".join(_notes(turn))}</div>')
    return "".join(parts)


def _waiting(ahead: int) -> str:
    if ahead:
        return f'前面还有 {ahead} 个问题，请稍候 <span lang="en">{ahead} before yours</span>'
    return '<span class="dots"><i></i><i></i><i></i></span>'


def _citation(shown: Shown) -> str:
    """《Book》 chapter, offsets, and the passage with the quoted words marked; unfolded, as it is the proof."""
    citation = shown.citation
    title = citation.title or f"第 {citation.chapter} 章"
    return (
        f'<details class="citation" open><summary><span class="book">《{plain(citation.book)}》</span> '
        f'<span class="chapter">{plain(title)}</span> '
        f'<span class="offsets">第 {citation.start}–{citation.end} 字</span></summary>'
        f'<blockquote class="words">{plain(shown.before)}<mark>{plain(citation.quote)}</mark>{plain(shown.after)}'
        "</blockquote></details>"
    )


def _notes(turn: Turn) -> list[str]:
    """What to know about an answer: whose it is, where from, how long it took, whether it is whole."""
    notes = [plain(turn.model)] if turn.model else []
    notes.append(FROM_BOOKS if turn.mode == "open" else f"{FROM_MEMORY}，可能有误 may be wrong")
    if turn.answer:
        if turn.answer.tokens:
            notes.append(f"{turn.answer.tokens} tokens")
        notes.append(f"{turn.answer.seconds:.2f} s")
        if turn.mode == "closed" and turn.sampling.temperature > 0:
            notes.append(f"种子 seed {turn.sampling.seed}")
        if turn.answer.truncated:
            notes.append("到长度上限 cut at the length limit")
        if not turn.answer.answer:
            notes.append("没有写出字 nothing written")
    if turn.state == "stopped":
        notes.append("已停止 stopped")
    return notes
