"""The page as a visitor meets it, in a real browser (the system's Chromium) against a real server."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from page_runs import CODE, ENDLESS, MARKUP, RECITED
from served import Running, running

from shuoshu.answer.ask import Storyteller
from shuoshu.books.chapter import read_chapters

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.xdist_group("page"),
]

QUESTION = "虞照川的师父是谁？"
PATIENCE = 30_000
Visit = Callable[..., "Page"]


@pytest.fixture(scope="module")
def house(recites: Path, endless: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The page with a run on the bundled book, one full of markup that never ends, and a bare model."""
    home = tmp_path_factory.mktemp("house")
    for run, name in ((recites, "灯录"), (endless, "endless"), (recites / "finetune" / "model", "model")):
        (home / name).symlink_to(run)
    with running([home / name for name in ("灯录", "endless", "model")], page=True) as house:
        yield house


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    expect.set_options(timeout=PATIENCE)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: "Browser", house: Running) -> Iterator[Visit]:
    """Open the page in a browser profile of its own; at the end, no page has asked another host for anything."""
    contexts, asked, faults = [], [], []

    def open_page(view: str = "", noisy: bool = False, **options: Any) -> "Page":
        context = browser.new_context(**{"locale": "zh-CN", "accept_downloads": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        context.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" and not noisy else None)
        page.goto(f"{house.url}/{view}")
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    outside = {url for url in asked if urlsplit(url).scheme not in ("data", "blob")}
    assert {urlsplit(url).hostname for url in outside} == {"127.0.0.1"}
    assert not faults


def ask(page: "Page", question: str) -> None:
    page.fill("#question", question)
    page.keyboard.press("Enter")


def choose(page: "Page", mode: str, model: str = "") -> None:
    if model:
        page.select_option("#ask select", model)
    page.locator("#ask .switch").get_by_text(mode).click()


def finished(page: "Page", turns: int = 1) -> "Locator":
    """The last answer, once so many are whole."""
    expect(page.locator("#talk .turn .notes")).to_have_count(turns)
    expect(page.locator("#send")).to_be_visible()
    return page.locator("#talk .turn").last


def text(place: "Locator") -> str:
    return place.text_content() or ""


def words(answer: "Locator") -> str:
    return text(answer.locator(".answered .words"))


def refusal(status: int) -> Callable[[Any], None]:
    """A server that says so, or 0 for one that is gone."""
    return lambda route: route.fulfill(status=status) if status else route.abort()


def go_on_for_long(page: "Page") -> None:
    """Let the endless model write its longest."""
    choose(page, "凭记忆", "endless")
    page.click("#ask .tune")
    page.fill("#c-max_new_tokens", "512")
    page.keyboard.press("Enter")


def duel(page: "Page", question: str = QUESTION) -> None:
    page.fill("#arena-question", question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#ballot:not([hidden])")


# Asking


def test_an_answer_from_the_books_shows_its_place(visit: Visit, recites: Path) -> None:
    page = visit()
    ask(page, QUESTION)
    answer = finished(page)
    expected = Storyteller(recites).ask([QUESTION])[0]
    citation = expected.citations[0]
    assert words(answer) == expected.answer
    slip = answer.locator(".slip").first
    assert text(slip.locator("mark")) == citation.quote
    assert text(slip.locator(".book")) == f"《{citation.book}》"
    assert text(slip.locator(".chapter")) == citation.title
    assert f"{citation.start}–{citation.end}" in text(slip)
    assert page.input_value("#question") == ""
    expect(page.locator("#question")).to_be_focused()


def test_a_citation_opens_the_chapter_where_it_stands(visit: Visit, recites: Path) -> None:
    page = visit()
    ask(page, QUESTION)
    finished(page).locator(".slip .open").first.click()
    citation = Storyteller(recites).ask([QUESTION])[0].citations[0]
    mark = page.locator("#reader-text mark").first
    expect(mark).to_be_in_viewport()
    assert "".join(page.locator("#reader-text mark").all_text_contents()) == citation.quote.replace("\n", "")
    chapters = {chapter.number: chapter for chapter in read_chapters(recites / "books" / "chapters.jsonl")}
    lines = [line.strip() for line in chapters[citation.chapter].text.split("\n") if line.strip()]
    assert page.locator("#reader-text p").all_text_contents() == lines
    assert text(page.locator("#reader-title")) == citation.title
    page.click("#reader-after")
    expect(page.locator("#reader-title")).to_have_text(chapters[citation.chapter + 1].title)
    expect(page.locator("#reader-text mark")).to_have_count(0)
    page.click("#reader-quote")
    expect(mark).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_be_hidden()
    expect(page.locator(".slip .open").first).to_be_focused()


def test_conversations_are_kept_and_forgotten(visit: Visit) -> None:
    page = visit()
    example = page.locator(".example").nth(1)
    question = text(example)
    example.click()
    answer = words(finished(page))
    page.click("#new-talk")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator(".example").first).to_be_visible()
    ask(page, QUESTION)
    finished(page)
    assert page.locator("#talks .talk").all_text_contents() == [QUESTION, question]
    page.reload()
    expect(page.locator(".turn .asked .words")).to_have_text(QUESTION)
    page.locator("#talks .talk").nth(1).click()
    assert words(finished(page)) == answer
    page.locator("#talks li").nth(1).hover()
    page.locator("#talks .bin").nth(1).click()
    expect(page.locator("#talks .talk")).to_have_count(1)
    page.locator("#toast button").click()
    assert page.locator("#talks .talk").all_text_contents() == [QUESTION, question]


def test_memory_streams_whole_characters_until_stopped(visit: Visit, house: Running) -> None:
    page = visit()
    go_on_for_long(page)
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
             const text = document.querySelector('[data-state=writing] .answered .words')?.textContent;
             if (text && text !== window.seen.at(-1)) window.seen.push(text);
           }).observe(document.querySelector('#talk'), {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page, QUESTION)
    page.wait_for_selector("[data-state=writing]")
    page.wait_for_timeout(300)
    page.click("#stop")
    answer = finished(page)
    written, seen = words(answer), page.evaluate("window.seen")
    assert "已停止" in text(answer.locator(".note"))
    assert len(seen) > 1
    assert all(later.startswith(earlier) for earlier, later in pairwise([*seen, written]))
    assert (ENDLESS * 600).startswith(written)
    assert house.idle()


def test_a_visitor_who_leaves_frees_the_model(visit: Visit, house: Running) -> None:
    page = visit()
    go_on_for_long(page)
    ask(page, QUESTION)
    page.wait_for_selector("[data-state=writing]")
    assert house.narrators[1].busy == 1
    page.close()
    assert house.idle()


def test_retry_takes_the_settings_of_now_and_the_next_seed(visit: Visit) -> None:
    page = visit()
    ask(page, QUESTION)
    finished(page)
    choose(page, "凭记忆")
    page.click("#ask .tune")
    page.fill("#c-temperature", "0.01")
    page.keyboard.press("Enter")
    for seed in (1, 2):
        page.locator(".turn .notes [data-t-label=retry]").click()
        expect(page.locator(".note")).to_contain_text(f"种子 {seed}")
        assert words(finished(page)) == RECITED
    assert page.locator(".turn").count() == 1


def test_an_edited_question_replaces_what_came_after(visit: Visit) -> None:
    page = visit()
    for turns, question in enumerate(("柏七娘的拐杖叫什么名字？", "照夜矶在什么位置？"), 1):
        ask(page, question)
        finished(page, turns)
    page.locator(".turn").first.hover()
    page.locator(".edit").first.click()
    assert page.input_value("#question") == "柏七娘的拐杖叫什么名字？"
    page.click("#edit-leave")
    assert page.locator("[data-old]").count() == 0
    page.locator(".turn").first.hover()
    page.locator(".edit").first.click()
    ask(page, QUESTION)
    finished(page, 1)
    assert page.locator(".turn .asked .words").all_text_contents() == [QUESTION]


def test_a_bare_model_answers_from_memory_only(visit: Visit) -> None:
    page = visit()
    page.select_option("#ask select", "model")
    expect(page.locator("#ask .switch label")).to_have_count(1)
    ask(page, QUESTION)
    assert words(finished(page)) == RECITED
    choose(page, "从书中", "灯录")
    ask(page, QUESTION)
    assert finished(page, turns=2).locator("mark").count() == 1


def test_enter_sends_but_not_within_a_word_or_with_shift(visit: Visit) -> None:
    page = visit()
    page.fill("#question", "虞照川的师父")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("是谁？")
    composing = "{key: 'Enter', isComposing: true, bubbles: true, cancelable: true}"
    page.evaluate(f"document.querySelector('#question').dispatchEvent(new KeyboardEvent('keydown', {composing}))")
    assert page.locator(".turn").count() == 0
    page.keyboard.press("Enter")
    finished(page)
    assert text(page.locator(".asked .words")) == "虞照川的师父\n是谁？"
    page.keyboard.press("Enter")  # with nothing written
    assert page.locator(".turn").count() == 1


def test_a_question_that_cannot_be_answered_gets_a_sentence(visit: Visit) -> None:
    page = visit()
    choose(page, "凭记忆")
    ask(page, "灯" * 300)  # more than the model's context
    assert "256" in text(finished(page))
    ask(page, QUESTION)
    assert words(finished(page, turns=2)) == RECITED


def test_a_server_that_cannot_is_told_in_a_sentence(visit: Visit) -> None:
    page = visit(noisy=True)
    cases = [(429, "过一会儿"), (503, "过一会儿"), (500, "出了错"), (0, "连不上")]
    for turns, (status, sentence) in enumerate(cases, 1):
        page.route("**/call/ask", refusal(status))
        ask(page, QUESTION)
        assert sentence in text(finished(page, turns))
        page.unroute("**/call/ask")
        page.locator(".notes [data-t-label=retry]").last.click()
        expect(page.locator(".slip")).to_have_count(turns)


# Nothing that anybody says becomes a part of the page


def test_markup_of_people_models_and_books_stays_text(visit: Visit, endless: Path) -> None:
    page = visit()
    question = f"{MARKUP}\n\n# 题 [链接](javascript:window.hit=1) `x` $y$ &lt;&amp; |a|b|\n    四格"
    choose(page, "从书中", "endless")
    page.fill("#question", question)
    page.click("#send")
    finished(page)
    assert text(page.locator(".asked .words")) == question
    ask(page, "江上有一盏什么灯？")
    shown = finished(page, turns=2)
    cited = Storyteller(endless).ask(["江上有一盏什么灯？"])[0]
    assert CODE in cited.answer
    assert words(shown) == cited.answer
    assert MARKUP in text(shown.locator(".slip .book"))
    assert MARKUP in text(shown.locator(".slip .chapter"))
    shown.locator(".slip .open").click()
    expect(page.locator("#reader-text mark")).to_be_in_viewport()
    assert MARKUP in text(page.locator("#reader-title"))
    assert MARKUP in text(page.locator("#talks .talk"))
    page.keyboard.press("Escape")
    page.click("#new-talk")
    assert MARKUP[:30] in text(page.locator(".example").first)
    assert MARKUP in text(page.locator(".cover"))
    page.reload()  # from what the browser kept
    assert page.locator(":is(#talk, #talks, #welcome, #reader) :is(script, img, a, strong, em, iframe)").count() == 0
    assert page.evaluate("window.hit") is None


def test_markup_in_files_and_votes_stays_text(visit: Visit, house: Running, tmp_path: Path) -> None:
    lines = [{"question": f"江上有一盏什么灯？{CODE}", "answer": MARKUP, "key": ["灯"]}]
    file = tmp_path / "<img src=x onerror=window.hit=1>.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    page = visit("#file")
    page.set_input_files("#sheet", file)
    page.select_option("#file select", "endless")
    page.click("#answer-all")
    expect(page.locator("#downloads")).to_be_visible()
    assert CODE in text(page.locator("#answers tbody td").nth(1))
    assert CODE in text(page.locator("#answers tbody td").nth(2))
    assert text(page.locator("#sheet-name")) == file.name
    page.click("#to-arena")
    page.locator(".chip", has_text="endless").locator("input").nth(1).uncheck()  # it takes its time
    page.click("#fight")
    page.wait_for_selector("#ballot:not([hidden])")
    assert text(page.locator("#duel-question")).endswith(CODE)
    page.click("[data-vote=good]")
    expect(page.locator("#reference")).to_contain_text(MARKUP)
    assert page.locator("main :is(script, img, a, strong, em, iframe)").count() == 0
    assert page.evaluate("window.hit") is None


def test_the_browser_itself_refuses_code_from_text(visit: Visit) -> None:
    """Were a script of ours ever to build HTML of text, the policy would stop it."""
    page = visit(noisy=True)
    refused = "(code) => { try { code(); return ''; } catch (error) { return error.name; } }"
    script = "document.createElement('script')"
    for code in ("document.body.innerHTML = '<b>'", f"{script}.text = '1'", f"{script}.src = '/x.js'"):
        assert page.evaluate(f"({refused})(() => {{ {code} }})") == "TypeError", code


# The arena


def test_names_are_told_after_the_vote_only(visit: Visit, house: Running) -> None:
    votes = house.narrators[0].storyteller.run.path.parent / "votes.jsonl"
    before = len(votes.read_text("utf-8").splitlines()) if votes.is_file() else 0
    page = visit("#arena")
    heard: list[str] = []

    def listen(route: Any) -> None:
        reply = route.fetch()
        heard.append(reply.text())
        route.fulfill(response=reply)

    page.route("**/call/duel/*", listen)
    for chip in ("endless", "model"):
        for box in page.locator(".chip", has_text=chip).locator("input").all():
            box.uncheck()
    duel(page)
    (said,) = heard
    (last,) = json.loads(said.rsplit("data: ", 1)[1])
    assert last.keys() == {"state", "id", "left", "right"}
    assert not re.search(r"open|closed|citations|seconds|model|\\u706f\\u5f55", said)
    expect(page.locator(".side .who")).to_have_text(["", ""])
    shown = page.locator(".side .words").all_text_contents()
    assert RECITED in shown
    page.keyboard.press("Escape")
    page.locator("#arena h1").click()  # out of the box: the number keys vote
    page.keyboard.press("1")
    expect(page.locator("#after-vote")).to_be_visible()
    names = page.locator(".side .who").all_text_contents()
    assert ["凭记忆" in name for name in names] == [words == RECITED for words in shown]
    assert page.locator(".side .slip").count() == 1
    lines = votes.read_text("utf-8").splitlines()
    assert len(lines) == before + 1
    record = json.loads(lines[-1])
    assert [record[side]["answer"] for side in ("left", "right")] == shown
    assert record["vote"] == "left"
    expect(page.locator(".wins tbody tr").first).to_contain_text("100 %")
    page.reload()
    expect(page.locator("#wins")).to_contain_text("votes.jsonl")


def test_an_arena_with_a_question_file_goes_through_it(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "题.csv"
    file.write_text("问,答\n虞照川的师父是谁？,邵拙。\n邵拙爱喝什么茶？,姜茶。\n", encoding="gb18030")
    page = visit("#arena")
    page.set_input_files("#arena-sheet", file)
    expect(page.locator("#sheet-place")).to_have_text("第 1 题，共 2 题")
    assert page.input_value("#arena-question") == "虞照川的师父是谁？"
    page.locator(".chip", has_text="endless").locator("input").nth(1).uncheck()
    page.click("#fight")
    page.wait_for_selector("#ballot:not([hidden])")
    expect(page.locator("#reference")).to_be_hidden()
    page.click("[data-vote=bad]")
    expect(page.locator("#reference")).to_contain_text("邵拙。")
    page.click("#next-duel")
    expect(page.locator("#duel-question")).to_have_text("邵拙爱喝什么茶？")
    page.wait_for_selector("#ballot:not([hidden])")
    page.click("#sheet-leave")
    expect(page.locator("#sheet-bar")).to_be_hidden()


# The question file


def test_a_file_is_answered_and_its_answers_saved(visit: Visit, tmp_path: Path, recites: Path) -> None:
    lines = [
        {"id": "甲1", "question": QUESTION, "answer": "邵拙。", "key": ["邵拙"]},
        {"question": '=1+1，"逗号"\n换行？', "answer": "无", "key": ["没有"]},
        *({"question": f"第{number}问，照夜矶在哪里？", "answer": "江中"} for number in range(18)),
    ]
    file = tmp_path / "我的题.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    page = visit("#file")
    page.set_input_files("#sheet", file)
    expect(page.locator("#sheet-count")).to_have_text("20 个问题，2 个有标准答案")
    page.click("#answer-all")
    expect(page.locator("#downloads")).to_be_visible()
    expect(page.locator("#file-figures")).to_have_text("20 / 20 · 答对 1 / 2")
    expect(page.locator("#answers .yes")).to_have_count(1)
    expected = Storyteller(recites).ask([str(line["question"]) for line in lines])
    with page.expect_download() as download:
        page.click("#save-jsonl")
    assert download.value.suggested_filename == "我的题.answers.jsonl"
    saved = [json.loads(line) for line in Path(download.value.path()).read_text("utf-8").splitlines()]
    assert [answer["answer"] for answer in saved] == [answer.answer for answer in expected]
    assert [answer["question"] for answer in saved] == [line["question"] for line in lines]
    assert (saved[0]["id"], saved[0]["right"], saved[0]["reference"]) == ("甲1", True, "邵拙。")
    with page.expect_download() as download:
        page.click("#save-csv")
    data = Path(download.value.path()).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # without it Excel takes UTF-8 for something else
    table = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [row["answer"] for row in table] == [answer.answer for answer in expected]
    assert table[1]["question"] == "'" + str(lines[1]["question"])  # a formula no more
    assert (table[0]["right"], table[1]["right"], table[2]["right"]) == ("1", "0", "")
    assert table[0]["quote"] == expected[0].citations[0].quote


def test_a_bad_file_is_one_sentence_and_a_good_one_follows(visit: Visit, tmp_path: Path) -> None:
    bad, good = tmp_path / "坏.jsonl", tmp_path / "好.txt"
    bad.write_text('{"question": "谁？"}\n', encoding="utf-8")
    good.write_text("谁？\n", encoding="utf-8")
    page = visit("#file")
    page.set_input_files("#sheet", bad)
    expect(page.locator("#file-fault")).to_contain_text("这个文件读不懂：坏.jsonl, line 1: no answer")
    page.click("#language")
    expect(page.locator("#file-fault")).to_have_text(re.compile("^坏.jsonl, line 1: no answer"))
    page.set_input_files("#sheet", good)
    expect(page.locator("#file-fault")).to_be_hidden()
    expect(page.locator("#answers tbody tr")).to_have_count(1)


# Looks and languages


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_by_day_and_by_night(visit: Visit, scheme: str) -> None:
    width, height = 390, 844
    page = visit(color_scheme=scheme, viewport={"width": width, "height": height}, has_touch=True)
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", colour))) < 60) == (scheme == "dark")
    for turns in (1, 2, 3):
        ask(page, QUESTION)
        answer = finished(page, turns=turns)
    expect(answer.locator(".note")).to_be_in_viewport()  # a long conversation scrolls by itself to its end
    places = [page.locator(place) for place in ("#question", "#send", "#ask .switch", "#open-rail", "#tabs")]
    for box in (place.bounding_box() for place in places):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    answer.locator(".slip .open").click()
    expect(page.locator("#reader-text mark").first).to_be_in_viewport()
    page.click("#reader-close")
    page.click("#open-rail")
    expect(page.locator("#talks .talk")).to_be_in_viewport()
    page.click("#close-rail")
    for view in ("ask", "arena", "file"):
        page.click(f"#tab-{view}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(f"document.querySelector('#{view}').scrollWidth") <= width


def test_day_and_night_are_switched_and_kept(visit: Visit) -> None:
    page = visit(color_scheme="light")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_english_by_the_browser_chinese_by_the_switch(visit: Visit) -> None:
    page = visit(locale="en-US")
    assert page.title() == "Shuoshu · ask the books"
    assert text(page.locator("#tab-arena")).strip() == "Arena"
    assert page.get_attribute("#question", "placeholder") == "Ask a question…"
    ask(page, QUESTION)
    assert "From the books" in text(finished(page).locator(".note"))
    shown = page.locator("body").inner_text().replace(words(page.locator(".turn")), "")
    labels = page.locator("[data-t]:visible").all_text_contents()
    assert not [label for label in labels if re.search(r"[\u4e00-\u9fff]", label) and label != "中文"]
    assert "From memory" in shown
    page.click("#language")
    expect(page.locator(".note")).to_contain_text("从书中")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.reload()
    assert page.title() == "说书 · 问书里的事"


def test_everything_has_a_name_for_those_who_do_not_see_it(visit: Visit) -> None:
    page = visit()
    ask(page, QUESTION)
    finished(page).locator(".slip .open").click()
    page.wait_for_selector("#reader-text mark")
    nameless = """() => [...document.querySelectorAll('button, input, select, textarea, [role]')].filter((element) => {
        const named = element.getAttribute('aria-label') || element.getAttribute('aria-labelledby')
          || element.textContent.trim() || element.labels?.[0]?.textContent.trim();
        return !named && !element.closest('[aria-hidden=true]') && !['alert', 'status'].includes(element.role);
      }).map((element) => element.outerHTML)"""
    assert page.evaluate(nameless) == []
    page.locator("#tab-ask").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-arena")).to_be_focused()
    expect(page.locator("#arena")).to_be_visible()
    expect(page.locator("#ask")).to_be_hidden()


def test_the_page_is_painted_before_anything_is_asked(visit: Visit, house: Running) -> None:
    page = visit()
    files = page.evaluate("performance.getEntriesByType('resource').map(({name, encodedBodySize}) => encodedBodySize)")
    assert len(files) < 30
    assert sum(files) < 150_000
