"""`shuoshu questions review`: a page to read pairs with the passage beside them, correct, accept or reject them.

shuoshu questions review questions.jsonl --chapters runs/mine/books/chapters.jsonl
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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


@dataclass
class _Tab:
    """One open page. Its requests may overtake one another; each tells its place in their order (review.js)."""

    place: int
    """The pair it was sent last."""
    wanted: Wanted = field(default_factory=Wanted)
    wanted_since: int = 0
    """Order of the request that told `wanted`: what older ones tell is out of date."""
    saved: dict[int, int] = field(default_factory=dict)
    judged: dict[int, int] = field(default_factory=dict)
    """Order of the newest text and of the newest verdict of each pair."""


def review_page(review: Review) -> "gradio.Blocks":
    """The page over a review, to be launched with `looks()`.

    What a page shows travels with every event (`seen`), so that an event that comes late never meets another pair; nor
    does it turn a page that has gone on to another one. All events of all pages go through one line, as they come.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        touched, seen = gr.State([]), gr.JSON(visible=False)
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
        now = [seen, touched, *typed]
        drawn = [seen, touched, head, status, passage, *typed]

        tabs: dict[str, _Tab] = {}

        def tab_of(shown: dict[str, Any], filters: Sequence[Any] = ()) -> _Tab:
            """The page that an event came from, with the newest filters it told."""
            tab = tabs.setdefault(shown["page"], _Tab(shown["place"]))
            if filters and shown["order"] > tab.wanted_since:
                tab.wanted, tab.wanted_since = Wanted(*filters), shown["order"]
            return tab

        def show(tab: _Tab, at: int, saved: bool = False) -> list[Any]:
            tab.place = at
            values = _values(review.pairs[at].question)
            chapters = gr.update(choices=_chapters(review, review.pairs[at].question), value=values["chapter"])
            texts = [values[name] for name, *_ in BOXES]
            words = [status_html(review, at, texts, saved), passage_html(review, at)]
            return [{"place": at, "values": values}, [], head_html(review, at, tab.wanted), *words, chapters, *texts]

        def count(tab: _Tab) -> list[Any]:
            """Draw the head alone: somebody may be typing in the boxes."""
            return [head_html(review, tab.place, tab.wanted) if box is head else gr.skip() for box in drawn]

        def take(tab: _Tab, shown: dict[str, Any], changed: list[str], values: Sequence[str | None]) -> list[str]:
            """Save the boxes that were changed on this page: the others may have been changed on another one."""
            place = shown["place"]
            if shown["order"] < tab.saved.get(place, 0):  # overtaken by what was sent later: it holds older texts
                return changed
            tab.saved[place] = shown["order"]
            boxes = dict(zip(FIELDS, (value or "" for value in values), strict=True))
            changed = changed if tab.place == place else []
            changed = [name for name in FIELDS if name in changed or boxes[name] != shown["values"][name]]
            review.edit(place, {name: boxes[name] for name in changed})
            return changed

        def save(shown: dict[str, Any], changed: list[str], *values: str | None) -> list[Any]:
            tab = tab_of(shown)
            try:
                changed = take(tab, shown, changed, values)
            except UserError as error:
                return [gr.skip(), fault_html(str(error)), gr.skip()]
            if tab.place != shown["place"]:  # the page has gone on since
                return [gr.skip()] * 3
            texts = [value or "" for value in values[1:]]
            return [changed, status_html(review, tab.place, texts, True), passage_html(review, tab.place)]

        def judge(to: Verdict) -> Callable[..., list[Any]]:
            def step(shown: dict[str, Any], changed: list[str], *values: Any) -> list[Any]:
                tab, place = tab_of(shown, values[len(FIELDS) :]), shown["place"]
                try:
                    take(tab, shown, changed, values[: len(FIELDS)])
                    if shown["order"] > tab.judged.get(place, 0):
                        review.judge(place, to)
                        tab.judged[place] = shown["order"]
                except UserError as error:
                    return [fault_html(str(error)) if box is status else gr.skip() for box in drawn]
                if tab.place != place:  # the page has gone on since, by a search that overtook this
                    return count(tab)
                return show(tab, review.next_open(place, tab.wanted) if to else place, saved=True)

            return step

        def move(by: int) -> Callable[..., list[Any]]:
            def step(shown: dict[str, Any], *filters: Any) -> list[Any]:
                tab = tab_of(shown, filters)
                return show(tab, _beside(review.find(tab.wanted), shown["place"], by))

            return step

        def look(shown: dict[str, Any], *filters: Any) -> list[Any]:
            tab = tab_of(shown, filters)
            places = review.find(tab.wanted)
            return show(tab, _beside(places, tab.place, 1)) if places and tab.place not in places else count(tab)

        stamped: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 1,
            "concurrency_id": "review",
            "js": "(...all) => window.stamped(...all)",
        }
        store.click(save, now, [touched, status, passage], trigger_mode="always_last", **stamped)
        chapter.input(save, now, [touched, status, passage], **stamped)
        picked = pick.click(None, None, boxes[3], js="() => window.picked", api_visibility="private")
        picked.then(save, now, [touched, status, passage], **stamped)
        for button, to in ((accept, "accept"), (reject, "reject"), (undo, "")):
            button.click(judge(cast(Verdict, to)), [*now, *wanted], drawn, **stamped)
        back.click(move(-1), [seen, *wanted], drawn, **stamped)
        forward.click(move(1), [seen, *wanted], drawn, **stamped)
        search.click(look, [seen, *wanted], drawn, trigger_mode="always_last", **stamped)
        gr.on([verdict.input, kind.input, fault.input], look, [seen, *wanted], drawn, **stamped)

        def begin() -> list[Any]:
            counted = [gr.update(choices=choices(review)) for choices in (_kinds, _faults)]
            return [*counted, *show(_Tab(0), review.next_open(-1, Wanted()))]

        begun = page.load(begin, None, [kind, fault, *drawn], **{**stamped, "js": None})
        begun.then(_stay, None, None, show_progress="hidden", api_visibility="private", concurrency_limit=None)
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


async def _stay() -> AsyncIterator[None]:
    """An event that goes on as long as its page is open, so that the page's stream of results does too.

    When nothing is left to do, Gradio (6.31) closes the stream, and a page whose next event is just then on its way
    believes it still open: the event is done and the page never hears of it.
    """
    while True:
        await asyncio.sleep(3600)
        yield


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
