"""The page as a visitor meets it, in a real browser (the system's Chromium) against a real server."""

import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from page_runs import ENDLESS, MARKUP, RECITED, Served

from shuoshu.answer.ask import Storyteller

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.xdist_group("page"),
]

QUESTION = "虞照川的师父是谁？"
Visit = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: "Browser", served: Served) -> Iterator[Visit]:
    """Open the page in a browser profile of its own; at the end, no page has asked another host for anything."""
    contexts, asked, faults = [], [], []

    def open_page(**options: Any) -> "Page":
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(served.url)
        page.wait_for_selector("#question textarea")
        page.wait_for_selector("#chat .example")
        return page

    yield open_page
    for context in contexts:
        context.close()
    outside = {url for url in asked if urlsplit(url).scheme not in ("data", "blob")}
    assert {urlsplit(url).hostname for url in outside} == {"127.0.0.1"}
    assert not faults


def ask(page: "Page", question: str) -> None:
    page.fill("#question textarea", question)
    page.click("#send")


def choose(page: "Page", mode: str) -> None:
    page.locator("#mode").get_by_text(mode).click()


def choose_model(page: "Page", name: str) -> None:
    page.click("#model input")
    page.locator("#model [role=option]", has_text=name).click()


def finished(page: "Page", turns: int = 1) -> "Locator":
    """The last answer, once so many are whole."""
    page.wait_for_function("n => document.querySelectorAll('#chat .note, #chat .fault').length === n", arg=turns)
    page.wait_for_selector("#send")
    return page.locator("#chat .turn").last


def text(place: "Locator") -> str:
    return place.text_content() or ""


def words(answer: "Locator") -> str:
    return text(answer.locator("> .words"))


def test_an_answer_from_the_books_shows_its_place(visit: Visit, served: Served) -> None:
    page = visit()
    assert page.title() == "说书 Shuoshu"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.fill("#question textarea", QUESTION)
    page.keyboard.press("Enter")
    answer = finished(page)
    expected = Storyteller(served.recites).ask([QUESTION])[0]
    (citation,) = expected.citations
    assert words(answer) == expected.answer
    assert text(answer.locator("mark")) == citation.quote
    assert citation.quote in text(answer.locator("blockquote"))
    summary = text(answer.locator("summary"))
    assert f"《{citation.book}》" in summary
    assert citation.title in summary
    assert f"{citation.start}–{citation.end}" in summary
    assert page.input_value("#question textarea") == ""


def test_one_click_asks_an_example_and_clear_brings_them_back(visit: Visit) -> None:
    page = visit()
    example = page.locator("#chat .example").nth(1)
    question = text(example).strip()
    example.click()
    assert words(finished(page))
    assert text(page.locator("#chat .user .words")) == question
    page.click("#clear")
    page.wait_for_selector("#chat .example")
    page.click("#retry")  # of nothing
    ask(page, QUESTION)
    finished(page, turns=1)  # the conversation before is forgotten, not hidden


def test_memory_streams_whole_characters_until_stopped(visit: Visit) -> None:
    page = visit()
    choose_model(page, "endless")
    choose(page, "凭记忆")
    page.locator("#sampling button").first.click()
    page.locator("#sampling input[type=number]").nth(1).fill("512")
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
             const text = document.querySelector('#chat .turn > .words')?.textContent;
             if (text && text !== window.seen.at(-1)) window.seen.push(text);
           }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page, QUESTION)
    page.wait_for_function("window.seen.length > 2")
    page.click("#stop")
    answer = finished(page)
    written, seen = words(answer), page.evaluate("window.seen")
    assert "已停止" in text(answer.locator(".note"))
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert written
    assert (ENDLESS * 600).startswith(written)


def test_retry_takes_the_settings_of_now(visit: Visit) -> None:
    page = visit()
    ask(page, QUESTION)
    finished(page)
    choose(page, "凭记忆")
    page.click("#retry")
    page.wait_for_function("document.querySelector('#chat .note')?.textContent.includes('From memory')")
    assert words(finished(page)) == RECITED
    assert page.locator("#chat .user").count() == 1


def test_a_bare_model_answers_from_memory_only(visit: Visit) -> None:
    page = visit()
    choose_model(page, "model")
    page.wait_for_function("document.querySelectorAll('#mode label').length === 1")
    ask(page, QUESTION)
    assert words(finished(page)) == RECITED
    choose_model(page, "灯录")
    page.wait_for_function("document.querySelectorAll('#mode label').length === 2")
    choose(page, "从书中")
    ask(page, QUESTION)
    assert finished(page, turns=2).locator("mark").count() == 1


def test_markup_of_people_models_and_books_stays_text(visit: Visit) -> None:
    page = visit()
    choose(page, "凭记忆")
    question = f"{MARKUP}\n\n# 题 [链接](javascript:window.hit=1) `x` $y$ &lt;&amp; |a|b|\n    四格"
    ask(page, question)
    answer = finished(page)
    assert text(page.locator("#chat .user .words")) == question
    assert words(answer) == RECITED
    assert page.locator("#chat .message :is(script, img, s, strong, em, h1, a, code, pre, table)").count() == 0
    choose_model(page, "endless")
    choose(page, "从书中")
    ask(page, "灯下有人做什么？")
    shown = finished(page, turns=2)
    assert MARKUP in text(shown.locator("summary .book"))
    assert MARKUP in text(shown.locator("summary .chapter"))
    page.click("#clear")
    assert MARKUP[:30] in text(page.locator("#chat .example").first)
    assert MARKUP in text(page.locator("#chat .titles"))
    assert page.locator("#chat :is(script, img, strong)").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_question_that_cannot_be_answered_gets_a_sentence(visit: Visit) -> None:
    page = visit()
    choose(page, "凭记忆")
    ask(page, "灯" * 300)  # more than the model's context
    fault = text(finished(page))
    assert "256" in fault
    assert "Traceback" not in fault
    ask(page, QUESTION)
    assert words(finished(page, turns=2)) == RECITED


def test_a_second_visitor_waits_his_turn(visit: Visit) -> None:
    pages = [visit(), visit()]
    for page in pages:
        choose_model(page, "endless")
        choose(page, "凭记忆")
        page.locator("#sampling button").first.click()
        page.locator("#sampling input[type=number]").nth(1).fill("512")
    first, second = pages
    ask(first, QUESTION)
    first.wait_for_selector("#chat .caret")
    ask(second, QUESTION)
    second.get_by_text("前面还有 1 个问题").wait_for()
    assert first.locator("#chat .caret").count() == 1
    first.click("#stop")
    second.wait_for_selector("#chat .caret")
    second.click("#stop")
    for page in pages:
        written = words(finished(page))
        assert written
        assert (ENDLESS * 100).startswith(written)


def test_dark_and_on_a_phone(visit: Visit, tmp_path: Path) -> None:
    width, height = 390, 844
    page = visit(color_scheme="dark", viewport={"width": width, "height": height})
    for turns in (1, 2, 3):
        ask(page, QUESTION)
        answer = finished(page, turns=turns)
    page.screenshot(path=tmp_path / "dark-phone.png")
    background = page.evaluate("getComputedStyle(document.querySelector('gradio-app')).backgroundColor")
    assert max(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_function(  # a long conversation scrolls by itself to its end, under a question box that stays
        """() => document.querySelector('#chat').getBoundingClientRect().bottom >=
                 [...document.querySelectorAll('#chat .note')].at(-1).getBoundingClientRect().bottom"""
    )
    places = [answer.locator(".note"), *map(page.locator, ("#question", "#send", "#mode", "#retry", "#clear"))]
    for box in (place.bounding_box() for place in places):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
