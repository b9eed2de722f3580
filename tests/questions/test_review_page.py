"""The review page as a teacher meets it, in a real browser (the system's Chromium) against a real server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from shuoshu.books.chapter import Chapter, write_chapters
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.xdist_group("review"),
]

MARKUP = "<img src=x onerror='window.hit=1'>${window.hit=1}{{window.hit=1}}$x$"
TEXT = "第一回\n" + "江上有风。\n" * 80 + f"张三的师父李四拿着一把剑。{MARKUP}\n" + "江上有雨。\n" * 80
CHAPTERS = [
    Chapter(book="书", number=1, title="第一回 师父", text=TEXT, start=0),
    Chapter(book="书", number=2, title="第二回 剑", text="第二回\n李四的剑名叫秋水。\n", start=len(TEXT)),
]
SWORD = Question(
    id="剑", book="书", type="其他", question="李四的剑叫什么？", answer="名叫秋水。", key=("秋水",), evidence="一把枪"
)


def pairs(count: int) -> list[Question]:
    fields: dict[str, Any] = {"book": "书", "chapter": 1, "type": "人物", "answer": "是李四。", "key": ("李四",)}
    same = [Question(id=f"q{i}", question=f"第{i}问，师父是谁？", evidence="师父李四", **fields) for i in range(count)]
    return [
        *same,
        SWORD,
        Question(id="无", book="书", level="NA", question=f"王五是谁{MARKUP}？", answer="书中没有提到。"),
    ]


class Served:
    """A review server of its own."""

    def __init__(self, folder: Path, count: int = 6) -> None:
        self.file, self.chapters = folder / "q.jsonl", folder / "chapters.jsonl"
        if not self.file.is_file():
            write_questions(self.file, pairs(count))
            write_chapters(self.chapters, CHAPTERS)
        command = [sys.executable, "-m", "shuoshu", "questions", "review", str(self.file), "--port", "0"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        command += ["--chapters", str(self.chapters)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, encoding="utf-8")
        assert self.process.stderr is not None
        found = next((found for line in self.process.stderr if (found := re.search(r"http://\S+", line))), None)
        assert found is not None, "the server did not start"
        self.url = found[0]

    def close(self) -> None:
        """SIGKILL, as a power cut would."""
        self.process.kill()
        self.process.communicate()

    def record(self, name: str) -> Question:
        return next(question for question in read_questions(self.file) if question.id == name)

    def verdicts(self) -> dict[str, str]:
        _, *lines = self.file.with_suffix(".review.jsonl").read_text(encoding="utf-8").splitlines()
        return {record["id"]: record["verdict"] for record in map(json.loads, lines)}


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with sync_api.sync_playwright() as playwright:
        expect.set_options(timeout=120_000)  # what is waited for comes in a second, but not on a starved machine
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("review"), count=12)
    yield served
    served.close()


Visit = Callable[..., "Page"]


@pytest.fixture
def visit(browser: "Browser") -> Iterator[Visit]:
    """Open the page in a browser profile of its own; at the end, no page has asked another host for anything."""
    contexts: list[Any] = []
    asked: list[list[str]] = []
    faults: list[str] = []

    def open_page(served: Served, **options: Any) -> "Page":
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        asked.append([])
        page.on("request", lambda request, mine=asked[-1]: mine.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(served.url)
        page.wait_for_selector("#passage .text, #passage .none")
        return page

    yield open_page
    for context in contexts:
        context.close()
    hosts = {urlsplit(url).hostname for each in asked for url in each if urlsplit(url).scheme not in ("data", "blob")}
    assert hosts == {"127.0.0.1"}
    # One stream of results for the first event and one for all others: one that closes may lose an event (`_stay`).
    assert all(sum("/queue/data" in url for url in each) <= 2 for each in asked)
    assert not faults


def at(page: "Page", name: str) -> None:
    """Wait until the page shows this pair."""
    page.wait_for_function("id => document.querySelector('#head .id')?.textContent === id", arg=name)


def go(page: "Page", name: str, count: int = 14) -> None:
    """Find a pair by its id, among all of `count`."""
    page.fill("#find input, #find textarea", name)
    at(page, name)
    page.fill("#find input, #find textarea", "")
    page.wait_for_function("all => document.querySelector('#head .at').textContent.includes(all)", arg=f"/ {count} ")
    page.keyboard.press("Escape")


def saved(page: "Page") -> None:
    page.wait_for_function("document.querySelector('#status .saved')?.textContent.startsWith('✓')")


def test_read_accept_reject_take_back(served: Served, visit: Visit) -> None:
    page = visit(served)
    at(page, "q0")
    assert page.title() == "说书 审阅 Shuoshu review"
    expect(page.locator("#passage mark").first).to_have_text("师父李四")
    expect(page.locator("#passage mark b").first).to_have_text("李四")
    # the evidence stands far down in its chapter, and is in sight
    page.wait_for_function("document.querySelector('#passage .text').scrollTop > 500")
    page.keyboard.press("a")
    at(page, "q1")
    page.keyboard.press("r")
    at(page, "q2")
    expect(page.locator("#head .done").first).to_contain_text("已审 2 / 14：接受 1，拒绝 1")
    assert served.verdicts()["q0"] == "accept"
    assert "q1" not in [question.id for question in read_questions(served.file)]
    page.keyboard.press("ArrowLeft")
    at(page, "q1")
    expect(page.locator("#status .state").first).to_contain_text("已拒绝")
    page.click("#undo")
    page.wait_for_function("document.querySelector('#status .state').textContent.includes('未审')")
    assert served.record("q1").question == "第1问，师父是谁？"
    page.click("#forward")
    at(page, "q2")
    page.click("#back")
    at(page, "q1")


def test_typing_is_saved_as_it_goes_and_belongs_to_its_pair(served: Served, visit: Visit) -> None:
    page = visit(served)
    go(page, "q3")
    page.keyboard.press("e")
    page.keyboard.press("Control+A")
    page.keyboard.type("张三的师父叫什么名字？")
    saved(page)
    assert served.record("q3").question == "张三的师父叫什么名字？"
    page.fill("#question textarea", "第3问，师父是谁？")  # as it was when the page showed it
    saved(page)
    assert served.record("q3").question == "第3问，师父是谁？"
    page.fill("#key textarea", "王五")
    page.get_by_text("答案里没有关键词").wait_for()
    page.fill("#key textarea", "李四\n老李")
    page.get_by_text("通过检查").wait_for()
    page.fill("#answer textarea", "")
    page.get_by_text("问题和答案不能为空").wait_for()
    page.click("#accept")
    page.wait_for_timeout(300)
    at(page, "q3")
    assert served.verdicts()["q3"] == ""
    page.fill("#answer textarea", "是李四。")
    # Accepted while the last keystrokes are on their way, pair after pair: none of them may reach the next one.
    go(page, "q4")
    for i in range(4, 10):
        at(page, f"q{i}")  # accepting goes on to the next one
        page.click("#answer textarea")
        page.keyboard.press("End")
        page.keyboard.type(f"他教了第{i}个徒弟。")
        page.keyboard.press("Control+Enter")
    page.wait_for_function("document.querySelector('#head .id').textContent !== 'q9'")
    expected = {f"q{i}": f"是李四。他教了第{i}个徒弟。" for i in range(4, 10)}
    assert {name: served.record(name).answer for name in expected} == expected
    assert {served.verdicts()[name] for name in expected} == {"accept"}
    assert served.record("q3").key == ("李四", "老李")


def test_a_save_that_comes_late_undoes_nothing(tmp_path: Path, visit: Visit) -> None:
    """On a busy machine requests overtake one another: here a save arrives after the accept that was clicked later."""
    served, held = Served(tmp_path), []

    def hold(route: "Route") -> None:
        late = "慢" in (route.request.post_data or "") and not held
        held.append(route) if late else route.continue_()

    try:
        page = visit(served)
        at(page, "q0")
        page.route("**/queue/join*", hold)
        with page.expect_request(lambda request: "慢" in (request.post_data or "")):
            page.fill("#answer textarea", "是李四，慢")
        page.fill("#answer textarea", "是李四，慢而不乱。")
        page.click("#accept")
        at(page, "q1")
        with page.expect_response("**/queue/join*"):
            held[0].continue_()
        page.click("#reject")
        at(page, "q2")
        assert served.record("q0").answer == "是李四，慢而不乱。"
        assert served.verdicts()["q0"] == "accept"
    finally:
        served.close()


def test_a_search_right_after_an_accept_is_followed(tmp_path: Path, visit: Visit) -> None:
    """Whichever of the two the server meets first, and though the page shows the old pair while they are under way."""
    served, held = Served(tmp_path), []

    def hold(route: "Route") -> None:
        first = not held
        held.append(route) if first else route.continue_()

    try:
        page = visit(served)
        at(page, "q0")
        page.route("**/queue/join*", hold)
        with page.expect_request("**/queue/join*"):
            page.click("#accept")
        page.fill("#find input, #find textarea", "第4问")
        at(page, "q4")
        held[0].continue_()  # the accept comes late: it counts, and the page stays with what was looked for
        page.get_by_text("已审 1 / 8").wait_for()
        expect(page.locator("#head .id").first).to_have_text("q4")
        expect(page.locator("#head .at").first).to_contain_text("第 1 / 1 条")
        expect(page.locator("#question textarea")).to_have_value("第4问，师父是谁？")
        assert served.verdicts()["q0"] == "accept"
        page.unroute("**/queue/join*")
        go(page, "q1", count=8)
        accept_and_find = """words => { document.getElementById('accept').click();
            const box = document.querySelector('#find input, #find textarea');
            box.value = words;
            box.dispatchEvent(new InputEvent('input', { bubbles: true })); }"""
        page.evaluate(accept_and_find, "师父是谁")  # stands in the accepted pair and the next
        page.get_by_text("/ 6 条").wait_for()
        at(page, "q2")
        expect(page.locator("#question textarea")).to_have_value("第2问，师父是谁？")
        page.evaluate(accept_and_find, "第5问")
        at(page, "q5")
        page.wait_for_function("document.querySelector('#question textarea').value === '第5问，师父是谁？'")
        verdicts = {name for name, verdict in served.verdicts().items() if verdict}
        assert verdicts == {"q0", "q1", "q2"}
    finally:
        served.close()


def test_evidence_is_picked_from_the_chapter(served: Served, visit: Visit) -> None:
    page = visit(served)
    go(page, "剑")
    page.get_by_text("书里没有这段依据").wait_for()
    page.click("#chapter input")
    page.locator("#chapter [role=option]", has_text="第二回").click()
    page.get_by_text("这一章里没有这段依据").wait_for()
    page.evaluate(
        """() => { const text = document.querySelector('#passage .text').firstChild;
             const from = text.data.indexOf('李四的剑');
             document.getSelection().setBaseAndExtent(text, from, text, from + 8); }"""
    )
    page.click("#pick")
    page.wait_for_selector("#passage mark")
    expect(page.locator("#passage mark").first).to_have_text("李四的剑名叫秋水")
    page.get_by_text("通过检查").wait_for()
    assert served.record("剑").evidence == "李四的剑名叫秋水"
    assert served.record("剑").chapter == 2


def test_filters(served: Served, visit: Visit) -> None:
    page = visit(served)
    go(page, "q11")
    page.keyboard.press("a")  # so that not every pair waits, whatever other tests came before
    page.wait_for_function("document.querySelector('#head .id').textContent !== 'q11'")
    page.locator("#verdict").get_by_text("未审").click()
    page.wait_for_function("!document.querySelector('#head .at').textContent.includes('/ 14 ')")
    waiting = [name for name, verdict in served.verdicts().items() if not verdict]
    expect(page.locator("#head .at").first).to_contain_text(f"/ {len(waiting)} 条")
    page.locator("#verdict").get_by_text("全部").click()
    page.click("#kind input")
    page.locator("#kind [role=option]", has_text="NA").click()
    at(page, "无")
    expect(page.locator("#passage").first).to_contain_text("书里不应有答案")
    expect(page.locator("#question textarea")).to_have_value(f"王五是谁{MARKUP}？")
    page.keyboard.press("Escape")  # the list of kinds may keep the focus, and the slash would be typed there
    page.keyboard.press("/")
    page.keyboard.type("没有这样的")
    page.get_by_text("没有符合的条目").wait_for()
    assert page.evaluate("window.hit") is None


def test_two_tabs(served: Served, visit: Visit) -> None:
    first, second = visit(served), visit(served)
    for page in (first, second):
        go(page, "q10")
    first.fill("#question textarea", "第一页改的问题是谁？")
    saved(first)
    second.fill("#answer textarea", "第二页说是李四。")
    saved(second)
    assert (served.record("q10").question, served.record("q10").answer) == ("第一页改的问题是谁？", "第二页说是李四。")
    second.keyboard.press("Control+Enter")
    second.wait_for_function("document.querySelector('#head .id').textContent !== 'q10'")
    first.keyboard.press("Escape")
    first.keyboard.press("u")
    first.wait_for_function("document.querySelector('#answer textarea').value === '第二页说是李四。'")
    assert served.verdicts()["q10"] == ""


def test_a_kill_after_a_click_loses_nothing(tmp_path: Path, visit: Visit) -> None:
    served = Served(tmp_path)
    try:
        page = visit(served)
        page.fill("#question textarea", "谁是张三的师父？")
        page.click("#accept")
        at(page, "q1")
        page.click("#reject")
        at(page, "q2")
        served.close()
        page.fill("#question textarea", "这一句来不及存了，是谁？")
        # The page does not claim what is not so.
        expect(page.locator("#status .saved").first).to_contain_text("正在保存")
        served = Served(tmp_path)
        page = visit(served)
        at(page, "q2")
        expect(page.locator("#question textarea")).to_have_value("第2问，师父是谁？")
        assert served.record("q0").question == "谁是张三的师父？"
        assert served.verdicts() == {f"q{i}": {0: "accept", 1: "reject"}.get(i, "") for i in range(6)} | {
            "剑": "",
            "无": "",
        }
    finally:
        served.close()


def test_dark_and_on_a_phone(served: Served, visit: Visit) -> None:
    page = visit(served, color_scheme="dark", viewport={"width": 390, "height": 844})
    background = page.evaluate("getComputedStyle(document.querySelector('gradio-app')).backgroundColor")
    assert max(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("#accept", "#reject", "#undo", "#back", "#forward"):  # always at hand, however long the pair
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
