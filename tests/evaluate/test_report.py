"""The stage from questions to its three files, and the report as a browser shows it."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from shuoshu.errors import UserError
from shuoshu.evaluate.asking import Mode, select_trained
from shuoshu.evaluate.baselines import nearest_answers
from shuoshu.evaluate.stage import evaluate
from shuoshu.files import read_json, read_jsonl
from shuoshu.questions.question import Question
from shuoshu.recipe import EvaluateOptions

EVIL = (
    "</script><script>document.title='hacked'</script>"
    "<img src=http://127.0.0.1:9/x onerror=\"document.title='hacked'\">"
)


@dataclass(frozen=True)
class Citation:
    book: str
    chapter: int
    title: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Answer:
    answer: str
    citations: Sequence[Citation] = ()
    tokens: int = 3
    seconds: float = 0.01
    truncated: bool = False
    broken: int = 0
    confidence: float | None = None
    tips: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Nearest:
    """Answers with the nearest question it knows: a small thing that really answers."""

    known: Sequence[Question]
    quote: str = "一段原文"

    def ask(self, questions: Sequence[str], mode: Mode, tips: bool) -> list[Answer]:
        answers = nearest_answers([Question(question=text, answer="") for text in questions], self.known)
        if mode == "closed":
            return [Answer(answer if tips else "不知道。") for answer in answers]
        cited = [Citation("甲书", 1, "第一回", 0, 4, self.quote)]
        sure = [len(text) % 10 / 10 for text in questions]
        return [Answer(answer, cited, confidence=c) for answer, c in zip(answers, sure, strict=True)]

    def bits_per_char(self) -> float | None:
        return 4.2


def facts(n: int, **fields: str) -> list[Question]:
    names = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻"
    return [
        Question(
            question=f"{names[i]}家的刀叫什么？",
            answer=f"{names[i]}家的刀叫{names[-i - 1]}刀。",
            id=f"f{i}",
            book="甲书",
            chapter=1,
            key=(f"{names[-i - 1]}刀",),
            evidence="一段原文",
            paraphrases=(f"{names[i]}家使什么刀？",),
            **fields,
        )
        for i in range(n)
    ]


TRAIN = facts(30)
TEST = [
    *facts(36, level="L1")[30:],
    *facts(4, level="near"),
    Question(question="谁？", answer="书中没有提到。", level="NA"),
]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    evil = [Question(question=TRAIN[0].question, answer=EVIL), *TRAIN[1:]]
    models = {"runs/good": Nearest(facts(36)), f"runs/{EVIL}": Nearest(evil, quote=EVIL)}
    asked = [
        *TEST,
        Question(question=EVIL, answer=EVIL, book=EVIL, level="L\"><script>document.title='hacked'</script>"),
    ]
    result = evaluate(models, asked, folder, EvaluateOptions(trained=10), TRAIN)
    assert result == {"scores": read_json(folder / "scores.json")}
    return folder


def test_scores_and_answers(out: Path) -> None:
    scores = read_json(out / "scores.json")
    good = scores["runs/good"]
    assert list(good) == ["open", "closed"]
    assert good["closed"]["n"] == len(TEST) + 1
    assert good["closed"]["accuracy_by_level"]["trained"] == 1.0
    assert good["closed"]["accuracy_by_level"]["L1"] == 1.0
    assert good["closed"]["n_by_level"]["trained"] == 10
    assert good["closed"]["answered_unanswerable"] == 1.0
    assert good["closed"]["citation_accuracy"] is None
    assert good["open"]["citation_accuracy"] == 1.0
    assert good["open"]["baselines"]["nearest_question"]["accuracy"] < 1
    assert "NaN" not in (out / "scores.json").read_text("utf-8")

    records = [record for _, record in read_jsonl(out / "answers.jsonl")]
    assert len(records) == len(TEST) + 1 + 10
    first = records[0]
    assert (first["question"], first["key"], first["level"]) == (TEST[0].question, list(TEST[0].key), "L1")
    answer = first["answers"]["runs/good"]["open"]
    assert answer["answer"] == TEST[0].answer
    assert answer["right"] is True
    assert answer["rouge_l"] == 1.0
    assert answer["citations"][0]["quote"] == "一段原文"
    assert answer["citation_right"] is True


def test_further_wordings_and_plain_questions_stand_beside_the_first(tmp_path: Path) -> None:
    options = EvaluateOptions(trained=10, paraphrases=1, plain=True)
    scores = evaluate({"m": Nearest(facts(36))}, TEST, tmp_path, options, TRAIN)["scores"]["m"]
    assert list(scores) == ["open", "open_plain", "closed", "closed_plain"]
    assert scores["closed"]["n"] == len(TEST)  # as many as without further wordings
    assert scores["closed"]["consistency"]["facts"] == 10 + 6 + 4 - 2  # two facts are in TRAIN's ten and in `near`
    assert scores["closed"]["consistency"]["all_right"] == 1.0
    assert scores["closed_plain"]["accuracy"] == round(1 / len(TEST), 4)  # it only says that it does not know
    versus = {figures["mode"]: figures for figures in scores["closed"]["versus"]}
    assert set(versus) == {"open", "closed_plain"}
    assert (versus["closed_plain"]["only_this"], versus["closed_plain"]["only_other"]) == (10, 1)
    assert scores["open"]["risk_coverage"]["asked"] == len(TEST)
    records = [record for _, record in read_jsonl(tmp_path / "answers.jsonl")]
    assert [record["further"] for record in records] == [False] * (len(TEST) + 10) + [True] * 20
    with pytest.raises(UserError, match="--no-tips"):
        evaluate({"m": Nearest(TRAIN)}, TEST, tmp_path, options, tips=False)


def test_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--questions"):
        evaluate({"a": Nearest(TRAIN)}, [], tmp_path, EvaluateOptions())
    with pytest.raises(UserError, match=r"evaluate\.modes"):
        evaluate({"a": Nearest(TRAIN)}, TEST, tmp_path, EvaluateOptions(modes=[]))
    with pytest.raises(UserError, match="0 or more"):
        evaluate({"a": Nearest(TRAIN)}, TEST, tmp_path, EvaluateOptions(paraphrases=-1))
    assert list(tmp_path.iterdir()) == []


def test_select_trained_spreads_over_facts_and_alternates_wordings() -> None:
    chosen = select_trained(TRAIN, 10)
    assert [question.id for question in chosen] == [f"f{3 * i}" for i in range(10)]
    assert all(question.level == "trained" for question in chosen)
    assert [q.question == TRAIN[3 * i].wordings()[i % 2] for i, q in enumerate(chosen)] == [True] * 10
    assert [q.paraphrases for q in chosen] == [(TRAIN[3 * i].wordings()[1 - i % 2],) for i in range(10)]
    assert len(select_trained(TRAIN, 99)) == 30
    assert select_trained([], 5) == []
    again = Question(question="又问", answer="又答", id="g", of="f0", book="甲书", key=("刀",))
    assert len(select_trained([*TRAIN, again, TEST[-1]], 99)) == 30  # one fact once, and none that has no answer


@pytest.fixture(scope="module")
def browser() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_report_fetches_nothing_and_lets_no_answer_act(out: Path, browser) -> None:
    page = browser.new_page(locale="zh-CN")
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    report = (out / "report.html").as_uri()
    page.goto(report)
    page.wait_for_timeout(200)
    assert requests == [report]
    assert errors == []
    assert "hacked" not in page.title()
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert page.locator("article", has_text="document.title='hacked'").count() > 0  # shown as the text it is
    # Even where something slipped through the escaping, the page's policy would not run it.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    page.wait_for_timeout(200)
    assert page.title() != "1"
    page.close()


def test_report_filters_switches_language_and_fits_a_phone(out: Path, browser) -> None:
    page = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
    page.goto((out / "report.html").as_uri())
    total = len(list(read_jsonl(out / "answers.jsonl")))
    visible = page.locator("article:not([hidden])")
    assert visible.count() == total
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.select_option("#level", "near")
    assert visible.count() == 4
    page.select_option("#level", "")
    page.select_option("#series", "1")
    page.select_option("#result", "0")
    wrong = [r for _, r in read_jsonl(out / "answers.jsonl") if r["answers"]["runs/good"]["closed"]["right"] is False]
    assert visible.count() == len(wrong)
    page.fill("#search", "没有这样的题")
    assert visible.count() == 0
    page.locator("a.bar").first.dispatch_event("click")
    assert visible.count() == total

    assert page.get_by_text("评测报告", exact=True).is_visible()
    page.click("#language")
    assert page.get_by_text("Evaluation report", exact=True).is_visible()
    assert not page.get_by_text("评测报告", exact=True).is_visible()
    page.close()


def test_report_draws_every_answer(out: Path, browser) -> None:
    page = browser.new_page()
    page.goto((out / "report.html").as_uri())
    records = [record for _, record in read_jsonl(out / "answers.jsonl")]
    assert page.locator("a.bar").count() == 4 * len(records)
    assert page.locator("a.dot").count() == 4 * len(records)
    assert page.locator("polyline").count() == 4 + 4 + 2 * 2  # lines, curves, risk and reliability of two
    assert page.locator(".versus").count() == 4
    page.locator("input.shows").first.uncheck()
    assert page.locator("g.line:visible").count() == 3
    assert page.locator("div.answer").count() == 4 * len(records)
    verdicts = [a["right"] for r in records for modes in r["answers"].values() for a in modes.values()]
    assert page.locator("div.answer.right").count() == verdicts.count(True)
    assert page.locator("div.answer.wrong").count() == verdicts.count(False)
    assert json.dumps(page.locator("article mark").first.text_content(), ensure_ascii=False).strip('"') in TEST[0].key
    page.close()
