"""The chat page, in Gradio: ask, listen, and see where it stands in the book."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Any

import gradio as gr
from gradio.components.chatbot import ExampleMessage

from shuoshu.answer.ask import Answer, Mode
from shuoshu.errors import UserError
from shuoshu.serve.controls import chosen_sampling, sampling_controls
from shuoshu.serve.desk import Desk, Waiting
from shuoshu.serve.examples import example_questions
from shuoshu.serve.render import messages, plain
from shuoshu.serve.talk import Talk, Turn, in_passage

REDRAW = 0.05
"""Seconds between two redrawings of an answer as it comes: faster than anyone reads, slower than a model writes."""
LONGEST = 2000
"""Characters of a question. What the model cannot take in it refuses itself; this keeps a pasted book off the line."""
AT_ONCE, IN_LINE = 64, 64
"""Questions of all visitors that are being answered or wait at a desk, and those that wait to be let in."""
MODES: tuple[tuple[str, Mode], ...] = (("从书中回答 From the books", "open"), ("凭记忆回答 From memory", "closed"))
TITLE = "说书 Shuoshu"
HEADER = """<h1><b>说书</b> <span lang="en">Shuoshu</span></h1>
<p>由书训练而成的小语言模型。问它书里的事，看书中原文。
<span lang="en">A small language model trained on these books: ask, and see where it stands.</span></p>"""

log = logging.getLogger(__name__)


def build_page(desks: Sequence[Desk]) -> gr.Blocks:
    """The page for one or more models."""
    first = desks[0]
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_height=True) as page:
        talk = gr.State(Talk())
        with gr.Row(elem_id="top"):
            gr.HTML(HEADER, elem_id="header", padding=False)
            model = gr.Dropdown(
                [(name, place) for place, name in enumerate(names(desks))],
                value=0,
                label="模型 Model",
                visible=len(desks) > 1,
                filterable=False,
                scale=0,
                min_width=200,
                elem_id="model",
            )
        chat = gr.Chatbot(
            elem_id="chat",
            placeholder=_welcome(first),
            examples=_cards(first),
            latex_delimiters=[],
            buttons=[],
            feedback_options=(),
            group_consecutive_messages=False,
            show_label=False,
            container=False,
            layout="bubble",
            height=None,
            min_height=320,
            scale=1,
        )
        with gr.Row(elem_id="ask", equal_height=True):
            box = gr.Textbox(
                placeholder="问书里的事 Ask a question",
                label="问题 Question",
                show_label=False,
                container=False,
                lines=1,
                max_lines=5,
                max_length=LONGEST,
                scale=1,
                autofocus=True,
                elem_id="question",
            )
            send = gr.Button("发送 Send", variant="primary", scale=0, min_width=108, elem_id="send")
            stop = gr.Button("停止 Stop", variant="stop", scale=0, min_width=108, visible=False, elem_id="stop")
        with gr.Row(elem_id="choices"):
            mode = gr.Radio(
                _choices(first),
                value=first.storyteller.mode,
                label="怎样回答 How to answer",
                show_label=False,
                container=False,
                scale=1,
                elem_id="mode",
            )
            again = gr.Button("重答 Retry", size="sm", scale=0, min_width=96, elem_id="retry")
            clear = gr.Button("清空 Clear", size="sm", scale=0, min_width=96, elem_id="clear")
        with gr.Accordion("采样，凭记忆回答时用 Sampling", open=False, elem_id="sampling"):
            sampling = sampling_controls()

        settings = [model, mode, *sampling]
        running = [chat, box, send, stop]

        async def ask(
            question: str, talk: Talk, model: int, mode: Mode, *numbers: float | None, tries: int = 0
        ) -> AsyncIterator[Any]:
            if talk.busy or not question.strip():
                yield gr.skip()
                return
            turn = Turn(
                question=question.strip(),
                mode=mode,
                sampling=chosen_sampling(*numbers, tries=tries),
                model=names(desks)[model] if len(desks) > 1 else "",
                tries=tries,
            )
            talk.begin(turn)
            try:
                yield messages(talk), "", gr.update(visible=False), gr.update(visible=True)
                async for _ in _answered(desks[model], turn, talk):
                    yield messages(talk), gr.skip(), gr.skip(), gr.skip()
                yield messages(talk), gr.skip(), gr.update(visible=True), gr.update(visible=False)
            finally:
                talk.busy = False

        async def ask_example(event: gr.SelectData, *rest: Any) -> AsyncIterator[Any]:
            async for update in ask(event.value["text"], *rest):
                yield update

        async def ask_again(talk: Talk, *rest: Any) -> AsyncIterator[Any]:
            question, tries = "", 0
            if talk.turns and not talk.busy:
                *talk.turns, last = talk.turns
                question, tries = last.question, last.tries + 1
            async for update in ask(question, talk, *rest, tries=tries):
                yield update

        def cut_short(talk: Talk) -> None:
            talk.stop = True

        def forget(talk: Talk) -> list[dict[str, str]]:
            talk.turns, talk.stop = [], True
            return messages(talk)

        def change(model: int, mode: Mode) -> tuple[Any, Any]:
            desk = desks[model]
            kept: dict[str, Any] = {} if mode in desk.modes else {"value": desk.storyteller.mode}
            shown = gr.update(placeholder=_welcome(desk), examples=_cards(desk))
            return gr.update(choices=_choices(desk), **kept), shown

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on([box.submit, send.click], ask, [box, talk, *settings], running, **quiet)
        chat.example_select(ask_example, [talk, *settings], running, **quiet)
        again.click(ask_again, [talk, *settings], running, **quiet)
        stop.click(cut_short, [talk], queue=False, **quiet)
        clear.click(forget, [talk], [chat], queue=False, **quiet)
        model.change(change, [model, mode], [mode, chat], queue=False, **quiet)
    page.queue(max_size=IN_LINE, default_concurrency_limit=AT_ONCE, api_open=False)
    return page


def names(desks: Sequence[Desk]) -> list[str]:
    """What to call each model: its folder's name, with the folder above it where two have the same."""
    short = [desk.storyteller.name for desk in desks]
    folders = [desk.storyteller.run.path.resolve() for desk in desks]
    return [
        f"{folder.parent.name}/{name}" if short.count(name) > 1 else name
        for name, folder in zip(short, folders, strict=True)
    ]


async def _answered(desk: Desk, turn: Turn, talk: Talk) -> AsyncIterator[None]:
    """Let the turn be answered, yielding whenever the page should be drawn anew, but not at its end."""
    drawn = 0.0
    try:
        if len(turn.question) > LONGEST:
            raise UserError(f"问题太长，最多 {LONGEST} 字。The question is longer than {LONGEST} characters.")
        if turn.mode not in desk.modes:
            raise UserError("这个模型不能这样回答，请换一种。This model cannot answer that way; choose the other one.")
        async with aclosing(desk.answer(turn.question, turn.mode, turn.sampling)) as parts:
            async for part in parts:
                if talk.stop:
                    turn.state = "stopped"
                    return
                if isinstance(part, Exception):
                    raise part
                if isinstance(part, Answer):
                    _finish(turn, part, desk)
                elif isinstance(part, Waiting):
                    turn.ahead = part.ahead
                else:
                    turn.text, turn.state = turn.text + part, "writing"
                if turn.state != "done" and monotonic() - drawn > REDRAW:
                    drawn = monotonic()
                    yield
    except UserError as error:
        turn.fault, turn.state = str(error), "failed"
    except Exception as error:
        log.exception("a question could not be answered")
        words = f"出了错（{type(error).__name__}），详情在终端里。Something went wrong; the terminal says what."
        turn.fault, turn.state = words, "failed"


def _finish(turn: Turn, answer: Answer, desk: Desk) -> None:
    turn.answer, turn.text, turn.state = answer, answer.answer, "done"
    turn.shown = tuple(in_passage(citation, desk.storyteller.index) for citation in answer.citations)


def _choices(desk: Desk) -> list[tuple[str, str]]:
    return [(label, mode) for label, mode in MODES if mode in desk.modes]


def _cards(desk: Desk) -> list[ExampleMessage]:
    return [{"text": question, "display_text": question} for question in example_questions(desk.storyteller.run)]


def _welcome(desk: Desk) -> str:
    """What stands in the chat box before the first question: the books it knows."""
    titles = desk.storyteller.titles
    known = "".join(f"《{plain(title)}》" for title in titles[:6]) + (f"等 {len(titles)} 部" if len(titles) > 6 else "")
    hint = '点一个问题，或自己问 <span lang="en">Pick a question, or ask your own</span>'
    return f'<div class="welcome"><div class="titles">{known}</div><div>{hint}</div></div>'
