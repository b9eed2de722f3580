"""`shuoshu questions review`: a page to read pairs with the passage beside them, correct, accept or reject them.

shuoshu questions review questions.jsonl --chapters runs/mine/books/chapters.jsonl
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shuoshu.books.chapter import read_chapters
from shuoshu.errors import UserError
from shuoshu.questions.question import Question
from shuoshu.questions.review import LISTS, Review, Verdict, Wanted
from shuoshu.questions.review_html import fault_html, fault_words, head_html, passage_html, status_html
from shuoshu.terminal import say

if TYPE_CHECKING:
    import gradio

TITLE = "说书 审阅 Shuoshu review"
VERDICTS = (("全部 All", ""), ("未审 Open", "open"), ("已接受 Accepted", "accept"), ("已拒绝 Rejected", "reject"))
BOXES = (  # field, label, lines at first, lines at most
    ("question", "问题 Question", 2, 4),
    ("answer", "答案 Answer", 2, 6),
    ("key", "关键词，一行一个 Keys, one a line", 1, 6),
    ("evidence", "依据，原文里的话 Evidence, word for word", 2, 8),
    ("paraphrases", "其他问法，一行一个 Other wordings, one a line", 3, 14),
)
FIELDS = ("chapter", *(name for name, *_ in BOXES))
KEYS = " · ".join(
    (
        "<kbd>A</kbd> 接受 accept",
        "<kbd>R</kbd> 拒绝 reject",
        "<kbd>U</kbd> 撤回 undo",
        "<kbd>←</kbd> <kbd>→</kbd> 上一条、下一条 back, next",
        "<kbd>E</kbd> 改问题 edit",
        "<kbd>/</kbd> 查找 find",
        "<kbd>Ctrl</kbd>+<kbd>Enter</kbd> 写完接受 accept while typing",
        "<kbd>Esc</kbd> 离开输入框 leave the box",
    )
)

FONTS = ("PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "system-ui", "sans-serif")
# The page is Chinese: unless told, a browser may take the Japanese forms of characters.
HEAD = '<meta name="referrer" content="no-referrer"><script>document.documentElement.lang = "zh-CN";</script>'


def review_page(review: Review) -> "gradio.Blocks":
    """The page over a review, to be launched with `looks()`.

    What a page shows travels with every event (`seen`), so that an event that comes late never meets another pair.
    All events of all pages go through one line, in the order they come.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        place, touched, seen = gr.State(0), gr.State([]), gr.JSON(visible=False)
        head = gr.HTML(elem_id="head")
        with gr.Row(elem_id="filters"):
            verdict = gr.Radio(list(VERDICTS), value="", show_label=False, container=False, elem_id="verdict", scale=3)
            kind = gr.Dropdown(_kinds(review), value="", label="类型 Kind", elem_id="kind", min_width=130, scale=1)
            fault = gr.Dropdown(_faults(review), value="", label="检查 Checks", elem_id="fault", min_width=190, scale=2)
            text = gr.Textbox(label="查找 Find", max_lines=1, elem_id="find", min_width=130, scale=1)
        with gr.Row(elem_id="pair", equal_height=False):
            with gr.Column(elem_id="form", min_width=320, scale=5):
                status = gr.HTML(elem_id="status")
                boxes = [
                    gr.Textbox(label=label, lines=lines, max_lines=most, elem_id=name)
                    for name, label, lines, most in BOXES
                ]
            with gr.Column(elem_id="book", min_width=320, scale=6):
                with gr.Row(elem_id="where"):
                    chapter = gr.Dropdown([], label="章回 Chapter", elem_id="chapter", min_width=200, scale=1)
                    pick = gr.Button(
                        "选中的原文作依据 Use selection", size="sm", elem_id="pick", min_width=200, scale=0
                    )
                passage = gr.HTML(elem_id="passage")
        with gr.Row(elem_id="acts"):
            back = gr.Button("← 上一条 Back", elem_id="back", min_width=60)
            reject = gr.Button("✗ 拒绝 Reject", elem_id="reject", min_width=60)
            undo = gr.Button("撤回 Undo", elem_id="undo", min_width=60)
            accept = gr.Button("✓ 接受 Accept", variant="primary", elem_id="accept", min_width=60)
            forward = gr.Button("下一条 Next →", elem_id="forward", min_width=60)
        gr.HTML(KEYS, elem_id="keys")
        # Pressed by review.js: a text box tells of keys only, not of what is pasted, deleted or composed (Gradio 6.31).
        store = gr.Button(elem_id="store", visible="hidden")
        search = gr.Button(elem_id="search", visible="hidden")

        typed, wanted = [chapter, *boxes], [verdict, kind, fault, text]
        now = [place, touched, seen, *typed]
        drawn = [place, touched, seen, head, status, passage, *typed]

        def show(at: int, only: Wanted, saved: bool = False) -> list[Any]:
            values = _values(review.pairs[at].question)
            chapters = gr.update(choices=_chapters(review, review.pairs[at].question), value=values["chapter"])
            shown = {"place": at, "values": values}
            texts = [values[name] for name, *_ in BOXES]
            words = [head_html(review, at, only), status_html(review, at, texts, saved), passage_html(review, at)]
            return [at, [], shown, *words, chapters, *texts]

        newest: dict[tuple[str, int], int] = {}

        def take(at: int, changed: list[str], shown: dict[str, Any], values: Sequence[str | None]) -> list[str]:
            """Save the boxes that were changed on this page: the others may have been changed on another one."""
            sender = (shown["page"], shown["place"])
            if shown["order"] < newest.get(sender, 0):  # overtaken by what was sent later: it holds older texts
                return changed
            newest[sender] = shown["order"]
            boxes = dict(zip(FIELDS, (value or "" for value in values), strict=True))
            changed = changed if at == shown["place"] else []
            changed = [name for name in FIELDS if name in changed or boxes[name] != shown["values"][name]]
            review.edit(shown["place"], {name: boxes[name] for name in changed})
            return changed

        def save(at: int, changed: list[str], shown: dict[str, Any], *values: str | None) -> list[Any]:
            try:
                changed = take(at, changed, shown, values)
            except UserError as error:
                return [gr.skip(), fault_html(str(error)), gr.skip()]
            if at != shown["place"]:  # the page has gone on since
                return [gr.skip()] * 3
            texts = [value or "" for value in values[1:]]
            return [changed, status_html(review, at, texts, True), passage_html(review, at)]

        def judge(to: Verdict) -> Callable[..., list[Any]]:
            def step(at: int, changed: list[str], shown: dict[str, Any], *values: Any) -> list[Any]:
                only = Wanted(*values[len(FIELDS) :])
                try:
                    take(at, changed, shown, values[: len(FIELDS)])
                    review.judge(shown["place"], to)
                except UserError as error:
                    return [fault_html(str(error)) if box is status else gr.skip() for box in drawn]
                return show(review.next_open(shown["place"], only) if to else shown["place"], only, saved=True)

            return step

        def move(by: int) -> Callable[..., list[Any]]:
            def step(shown: dict[str, Any], *values: Any) -> list[Any]:
                only = Wanted(*values)
                return show(_beside(review.find(only), shown["place"], by), only)

            return step

        def look(shown: dict[str, Any], *values: Any) -> list[Any]:
            only, at = Wanted(*values), shown["place"]
            places = review.find(only)
            if not places or at in places:  # somebody may be typing in the boxes already
                return [head_html(review, at, only) if box is head else gr.skip() for box in drawn]
            return show(_beside(places, at, 1), only)

        quiet: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 1,
            "concurrency_id": "review",
        }
        stamped: dict[str, Any] = {**quiet, "js": "(...all) => window.stamped(...all)"}
        store.click(save, now, [touched, status, passage], trigger_mode="always_last", **stamped)
        chapter.input(save, now, [touched, status, passage], **stamped)
        picked = pick.click(None, None, boxes[3], js="() => window.picked", api_visibility="private")
        picked.then(save, now, [touched, status, passage], **stamped)
        for button, to in ((accept, "accept"), (reject, "reject"), (undo, "")):
            button.click(judge(cast(Verdict, to)), [*now, *wanted], drawn, **stamped)
        back.click(move(-1), [seen, *wanted], drawn, **quiet)
        forward.click(move(1), [seen, *wanted], drawn, **quiet)
        search.click(look, [seen, *wanted], drawn, trigger_mode="always_last", **quiet)
        gr.on([verdict.input, kind.input, fault.input], look, [seen, *wanted], drawn, **quiet)

        def begin() -> list[Any]:
            counted = [gr.update(choices=choices(review)) for choices in (_kinds, _faults)]
            return [*counted, *show(review.next_open(-1, Wanted()), Wanted())]

        page.load(begin, None, [kind, fault, *drawn], **quiet)
    page.queue(api_open=False)
    return page


def serve_review(file: Path, chapters: Path, port: int) -> None:
    """Open the page on 127.0.0.1, and stay until Ctrl-C.

    Raises UserError where the file or the chapters cannot be read, the page's packages are not installed, or the port
    is taken.
    """
    if find_spec("gradio") is None:
        raise UserError("The page needs more packages; install them with: pip install 'shuoshu[serve]'.")
    from shuoshu.serve.app import address, listen

    review = Review(file, read_chapters(chapters))
    with listen("127.0.0.1", port) as listener:
        import gradio as gr
        import uvicorn
        from fastapi import FastAPI

        page = review_page(review)
        app = FastAPI(docs_url=None, redoc_url=None)
        app = gr.mount_gradio_app(
            app, page, path="/", ssr_mode=False, footer_links=[], run_history=False, enable_monitoring=False, **looks()
        )
        config = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=1
        )  # an open page's connection never closes
        say(f"说书 审阅 Shuoshu review: {address(listener)}  (Ctrl-C closes it)")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
        say("Closed. Every change is saved.")


def looks() -> dict[str, Any]:
    """Theme, style sheet and script of the page, as Gradio takes them. Nothing of it comes from another host."""
    from gradio.themes import Base, Font, sizes

    own = files("shuoshu.questions")
    fonts = [Font(name) for name in FONTS]  # a theme's own would come from fonts.googleapis.com
    theme = Base(neutral_hue="stone", font=fonts, font_mono=fonts, radius_size=sizes.radius_lg)
    # The style sheet reaches only what stands inside the page, not its ground.
    theme.set(body_background_fill="#faf8f4", body_background_fill_dark="#1a1816")
    return {
        "theme": theme,
        "css": own.joinpath("review.css").read_text("utf-8"),
        "head": HEAD + f"<script>{own.joinpath('review.js').read_text('utf-8')}</script>",
    }


def _values(question: Question) -> dict[str, str]:
    """What stands in the boxes for a pair."""
    values = {name: getattr(question, name) for name, *_ in BOXES}
    values = {name: "\n".join(value) if name in LISTS else value for name, value in values.items()}
    return {"chapter": str(question.chapter or ""), **values}


def _kinds(review: Review) -> list[tuple[str, str]]:
    kinds = Counter(kind for pair in review.pairs for kind in (pair.question.type, pair.question.level) if kind)
    return [("全部 All", ""), *((f"{kind} ({count})", kind) for kind, count in kinds.most_common())]


def _faults(review: Review) -> list[tuple[str, str]]:
    faults = Counter(fault for pair in review.pairs for fault in pair.faults)
    some = sum(bool(pair.faults) for pair in review.pairs)
    each = [(f"{fault_words(fault)} ({count})", fault) for fault, count in faults.most_common()]
    return [("不限 All", ""), (f"有问题的 With any fault ({some})", "any"), *each]


def _chapters(review: Review, question: Question) -> list[tuple[str, str]]:
    chapters = [chapter for (book, _), chapter in review.chapters.items() if book == question.book]
    titles = [(chapter.title or f"第 {chapter.number} 章", str(chapter.number)) for chapter in chapters]
    known = {value for _, value in titles}
    other = str(question.chapter or "")
    return [("未定 Unknown", ""), *titles, *([] if other in ("", *known) else [(f"第 {other} 章", other)])]


def _beside(places: list[int], at: int, by: int) -> int:
    """The next or the last of `places` beside `at`, round the ends; `at` where there is none."""
    if by > 0:
        return next((place for place in places if place > at), places[0] if places else at)
    return next((place for place in reversed(places) if place < at), places[-1] if places else at)
