"""Pairs asked from an endpoint over real HTTP: the same result whatever fails, nothing paid twice, no key anywhere."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from shuoshu.books.chapter import Chapter, read_chapters, write_chapters
from shuoshu.errors import UserError
from shuoshu.files import read_json, read_jsonl
from shuoshu.questions.formats import read_questions
from shuoshu.questions.generate import check_file, generate_questions
from shuoshu.questions.options import GenerateOptions
from shuoshu.questions.places import Books
from shuoshu.questions.prompts import PLACES, Prompts
from shuoshu.questions.question import Question
from shuoshu.questions.ways import told_after_all

sys.path.insert(0, str(Path(__file__).parent))
from fake_endpoint import FakeEndpoint

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-very-secret-0123456789"


@contextlib.contextmanager
def serving(endpoint: FakeEndpoint) -> Iterator[FakeEndpoint]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(endpoint.start(), loop).result()
    yield endpoint
    asyncio.run_coroutine_threadsafe(endpoint.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = (ROOT / "shuoshu/demo/澹江七灯录.txt").read_text(encoding="utf-8")
    first, second, *_ = text.split("\n第三回 ")[0].split("\n第二回 ")
    parts = [first + "\n", f"第二回 {second}\n"]
    path = tmp_path_factory.mktemp("books") / "chapters.jsonl"
    starts = [0, len(parts[0])]
    write_chapters(
        path,
        [
            Chapter(book="澹江七灯录", number=i + 1, title=part.split("\n")[0], text=part, start=starts[i])
            for i, part in enumerate(parts)
        ],
    )
    return path


def options(chapters: Path, out: Path, endpoint: FakeEndpoint, **others: object) -> GenerateOptions:
    given = {"in_flight": 16, "timeout": 30.0, "model": "fake", "density": 8.0, "absent": 2.0, **others}
    return GenerateOptions(chapters=[str(chapters)], out=str(out), base_url=endpoint.base_url, **given)  # type: ignore[arg-type]


ALL = ["title", "passage", "paraphrase", "unanswerable", "rewrite"]
RESULTS = ("questions.jsonl", "rejected.jsonl", "rewrites.jsonl")


def results(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in RESULTS]


@pytest.fixture(scope="module")
def undisturbed(chapters: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    with serving(FakeEndpoint()) as endpoint:
        figures = generate_questions(options(chapters, out, endpoint, ways=ALL, per_title=8))
        assert figures["calls"] == len(endpoint.prompts) == sum(endpoint.paid.values())
        assert endpoint.most_in_flight <= 16
    return out


def test_every_way(undisturbed: Path, chapters: Path) -> None:
    made = read_questions(undisturbed / "questions.jsonl")
    by_way = {way: [q for q in made if q.id.startswith(way)] for way in ("title", "passage", "answer", "absent")}
    assert all(by_way.values())
    assert all(len(question.paraphrases) >= 2 for question in by_way["passage"])
    assert {question.of for question in by_way["answer"]} <= {question.id for question in made}
    assert all(question.level == "NA" and not question.evidence for question in by_way["absent"])
    text = chapters.read_text(encoding="utf-8")
    assert all(json.dumps(question.evidence, ensure_ascii=False)[1:-1] in text for question in by_way["passage"])
    ways = {record["way"] for _, record in read_jsonl(undisturbed / "rewrites.jsonl")}
    assert ways >= {"summary", "notes"}
    figures = read_json(undisturbed / "figures.json")
    assert figures["accepted"] == len(made)
    assert figures["yield"] > 0.8
    page = (undisturbed / "report.html").read_text(encoding="utf-8")
    assert all(question.id in page for question in made)


def test_unanswerable_ones_are_read_a_second_time(chapters: Path) -> None:
    """A question the book answers after all is rejected; a made-up answer, or none, leaves it unanswerable."""
    books = Books(read_chapters(chapters))
    asked = [
        Question(id=str(i), book="澹江七灯录", question="虞照川的师父是谁？", answer="书中没有提到。", level="NA")
        for i in range(4)
    ]
    told = {"answer": "是邵拙。", "key": ("邵拙",), "evidence": "虞照川的师父便是补灯匠邵拙"}
    answers = [told, {**told, "evidence": "虞照川的师父是东海龙王敖广，住在水晶宫"}, {**told, "answer": "不知道"}, None]
    held, rejected = told_after_all(asked, answers, books)
    assert [question.id for question in held] == ["1", "2", "3"]
    assert [(pair.question.id, pair.reasons) for pair in rejected] == [("0", ("the book does tell",))]


def test_same_result_whatever_fails(undisturbed: Path, chapters: Path, tmp_path: Path) -> None:
    with serving(FakeEndpoint(faults=0.3, hang=6.0)) as endpoint:
        figures = generate_questions(options(chapters, tmp_path, endpoint, ways=ALL, per_title=8, timeout=3.0))
        assert sum(endpoint.given.values()) >= 10
        assert set(endpoint.given) >= {"429", "500", "cut", "truncated"}
    assert results(tmp_path) == results(undisturbed)
    assert figures["failed"] == {}


def test_nothing_is_asked_again(undisturbed: Path, chapters: Path, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes((undisturbed / "ledger.jsonl").read_bytes())
    with serving(FakeEndpoint()) as endpoint:
        generate_questions(options(chapters, tmp_path, endpoint, ways=ALL, per_title=8))
        assert endpoint.prompts == []
    assert results(tmp_path) == results(undisturbed)


def test_sigkill_at_any_moment(undisturbed: Path, chapters: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    with serving(FakeEndpoint(latency=0.1, faults=0.2, kinds=("429", "500", "truncated"))) as endpoint:
        script = (
            "from shuoshu.questions.generate import generate_questions as g\n"
            "from shuoshu.questions.options import GenerateOptions as O\n"
            f"g(O(chapters=[{str(chapters)!r}], out={str(tmp_path)!r}, base_url={endpoint.base_url!r}, model='fake',\n"
            f"    ways={ALL!r}, per_title=8, density=8.0, absent=2.0, in_flight=2, timeout=30.0))\n"
        )
        kills = 0
        while True:
            run = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL)
            if kills < 4:
                asked = len(endpoint.prompts)
                while len(endpoint.prompts) < asked + 3 and run.poll() is None:
                    time.sleep(0.01)
                time.sleep(chance.random() * 0.3)
                run.send_signal(signal.SIGKILL)
                kills += 1
            if run.wait(timeout=300) == 0:
                break
            assert kills <= 4
    assert kills == 4
    assert results(tmp_path) == results(undisturbed)
    assert max(endpoint.paid.values()) == 1
    # What was under way at a kill is asked again: no more than that.
    assert sum(endpoint.replayed.values()) <= 2 * kills


def test_limit_and_budget_hold(undisturbed: Path, chapters: Path, tmp_path: Path) -> None:
    with serving(FakeEndpoint(faults=0.2, kinds=("429", "truncated"))) as endpoint:
        few = options(chapters, tmp_path / "few", endpoint, ways=ALL, per_title=8, limit=7)
        assert generate_questions(few)["stopped"] == "the limit of 7 calls"
        assert sum(endpoint.paid.values()) == 7
        few.limit = None
        generate_questions(few)
        assert results(tmp_path / "few") == results(undisturbed)
        poor = options(chapters, tmp_path / "poor", endpoint, ways=ALL, price_in=10.0, price_out=20.0, budget=0.4)
        figures = generate_questions(poor)
        assert figures["stopped"] == "the budget of 0.4"
        assert 0.1 < figures["cost"] <= 0.4


def test_estimate_asks_nothing_and_is_near(undisturbed: Path, chapters: Path, tmp_path: Path) -> None:
    with serving(FakeEndpoint()) as endpoint:
        told = generate_questions(options(chapters, tmp_path, endpoint, ways=ALL, per_title=8, estimate=True))[
            "estimate"
        ]
        assert endpoint.prompts == []
    calls = read_json(undisturbed / "figures.json")["calls"]
    assert 0.5 * calls <= told["calls"] <= 2 * calls
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "takes",
    [
        ("json_object", "max_tokens", "temperature"),
        ("max_tokens", "temperature"),
        ("json_schema",),
    ],
    ids=["objects", "text", "newer"],
)
def test_servers_that_take_less(undisturbed: Path, chapters: Path, tmp_path: Path, takes: tuple[str, ...]) -> None:
    with serving(FakeEndpoint(takes=takes)) as endpoint:
        generate_questions(options(chapters, tmp_path, endpoint, ways=ALL, per_title=8))
    assert results(tmp_path) == results(undisturbed)


def test_a_server_that_calls_its_refusal_a_fault(undisturbed: Path, chapters: Path, tmp_path: Path) -> None:
    with serving(FakeEndpoint(takes=("json_object", "max_tokens", "temperature"), refuses=500)) as endpoint:
        generate_questions(options(chapters, tmp_path, endpoint, ways=ALL, per_title=8, retries=0))
    assert results(tmp_path) == results(undisturbed)


def test_such_a_refusal_is_soon_believed(chapters: Path, tmp_path: Path) -> None:
    """The second time, where other faults are asked again eight times with ever longer waits (half a minute)."""
    with serving(FakeEndpoint(takes=("max_tokens", "temperature"), refuses=500)) as endpoint:
        begin = time.monotonic()
        figures = generate_questions(options(chapters, tmp_path, endpoint, ways=["passage"], in_flight=2))
        assert time.monotonic() - begin < 15
    assert figures["failed"] == {}
    assert figures["calls"] == sum(endpoint.paid.values())


def test_one_fault_that_speaks_of_grammar_costs_no_structured_output(chapters: Path, tmp_path: Path) -> None:
    with serving(FakeEndpoint(faults=0.4, kinds=("500",), oops="the grammar is out of order")) as endpoint:
        figures = generate_questions(options(chapters, tmp_path, endpoint, ways=["passage"], density=2.0))
    assert figures["failed"] == {}
    assert endpoint.given["500"] >= 3
    assert set(endpoint.formats) == {"json_schema"}


def test_a_key_in_the_wrong_place_is_not_shown(chapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"chapters": [str(chapters)], "out": str(tmp_path), "model": "m", "base_url": "https://api.example.com/v1"}
    with pytest.raises(UserError, match="takes the name of the environment variable") as told:
        generate_questions(GenerateOptions(**given, api_key_env=KEY))  # type: ignore[arg-type]
    assert KEY not in str(told.value)
    monkeypatch.setenv("ODD_KEY", f"{KEY}\u7684")
    with pytest.raises(UserError, match="a character that no key has") as told:
        generate_questions(GenerateOptions(**given, api_key_env="ODD_KEY"))  # type: ignore[arg-type]
    assert KEY not in str(told.value)


def test_the_key_is_nowhere(
    chapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(FakeEndpoint(key=KEY, faults=0.3, kinds=("500",))) as endpoint:
        generate_questions(options(chapters, tmp_path / "out", endpoint, ways=["passage"]))
        assert endpoint.headers["authorization"] == f"Bearer {KEY}"
        always = options(chapters, tmp_path / "down", endpoint, ways=["passage"], retries=0)
        generate_questions(always)
    with serving(FakeEndpoint(key="another")) as endpoint:  # quotes the key it was sent in its refusal
        with pytest.raises(UserError, match=r"Incorrect API key provided: Bearer \*\*\*") as refused:
            generate_questions(options(chapters, tmp_path / "refused", endpoint, ways=["passage"]))
        assert KEY not in "".join(traceback.format_exception(refused.value))
        assert refused.value.__cause__ is None
    printed = capfd.readouterr()
    assert KEY not in printed.out + printed.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 8
    assert all(KEY.encode() not in path.read_bytes() for path in written)


@pytest.mark.parametrize("key", [KEY, "another"], ids=["served, at times with a fault", "refused"])
def test_the_key_is_in_no_log_however_talkative(chapters: Path, tmp_path: Path, key: str) -> None:
    """The command itself, the libraries' logs at their most talkative, and a server that quotes the key."""
    with serving(FakeEndpoint(key=key, faults=0.3, kinds=("500", "429"))) as endpoint:
        command = [
            "-m",
            "shuoshu",
            "questions",
            "generate",
            "--chapters",
            str(chapters),
            "--out",
            str(tmp_path / "out"),
        ]
        command += [
            "--base-url",
            endpoint.base_url,
            "--model",
            "fake",
            "--ways",
            "title",
            "passage",
            "--per-title",
            "4",
        ]
        talk = {"OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug", "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, *command, "--json"], cwd=ROOT, capture_output=True, env=os.environ | talk, encoding="utf-8"
        )
    assert done.returncode == (0 if key == KEY else 2), done.stderr
    assert "openai" in done.stderr  # the library did log
    assert KEY not in done.stdout + done.stderr
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_an_endpoint_that_is_gone(chapters: Path, tmp_path: Path) -> None:
    endpoint = FakeEndpoint()
    endpoint.base_url = "http://127.0.0.1:9/v1"
    gone = options(chapters, tmp_path, endpoint, ways=["passage"], retries=0, density=30.0)
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9/v1 answered nothing \(connection cut: .*--base-url"):
        generate_questions(gone)
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_not_the_endpoints(chapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(FakeEndpoint(takes=(), refuses=404)) as endpoint:
        endpoint.base_url = endpoint.base_url.replace("//", "//user:secret@") + "?token=secret"
        with pytest.raises(UserError, match=r"404.*--base-url http://127[^@?]* right .*--model fake") as told:
            generate_questions(options(chapters, tmp_path, endpoint, ways=["passage"]))
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"model": ""}, "needs a model"),
        ({"base_url": None}, "needs an address"),
        ({"base_url": "https://api.example.com/v1"}, "NO_SUCH_KEY is empty"),
        ({"chapters": []}, "needs the books"),
        ({"prompts": "nowhere"}, "is no folder"),
        ({"base_url": "localhost:8000"}, "must be an address"),
        ({"in_flight": 0}, "--in-flight is 0; it must be 1 or more"),
        ({"density": -1.0}, "--density is -1; it must be more than 0"),
        ({"price_in": float("nan")}, "--price-in is nan"),
        ({"budget": 2.0}, "--price-in and --price-out"),
    ],
)
def test_missing_options(
    chapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: dict, words: str
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    out = tmp_path / "new" / "out"
    given = {"chapters": [str(chapters)], "out": str(out), "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    with pytest.raises(UserError, match=words):
        generate_questions(GenerateOptions(**{**given, "api_key_env": "NO_SUCH_KEY", **others}))  # type: ignore[arg-type]
    assert not out.parent.exists()


def test_two_runs_in_one_folder(chapters: Path, tmp_path: Path) -> None:
    from shuoshu.questions.ledger import Ledger, Reply

    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.add("a", Reply("text", 1, 2, False, 0.1))
        with pytest.raises(UserError, match="in use by another run"):
            Ledger(tmp_path / "ledger.jsonl")
    whole = (tmp_path / "ledger.jsonl").read_bytes()
    (tmp_path / "ledger.jsonl").write_bytes(whole + b'{"hash": "b", "te')  # killed while writing
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        assert (ledger.calls, ledger.tokens_out) == (1, 2)
        ledger.add("b", Reply("more", 1, 1, False, 0.1))
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        assert ledger.calls == 2
    (tmp_path / "ledger.jsonl").write_bytes(b"broken\n" + whole)
    with pytest.raises(UserError, match="line 1: broken"):
        Ledger(tmp_path / "ledger.jsonl")


def test_own_templates(chapters: Path, tmp_path: Path) -> None:
    (tmp_path / "passage.md").write_text('请写出 1 组 "pairs"：\n【原文】\n${passage}\n【原文完】', encoding="utf-8")
    assert Prompts(tmp_path).fill("passage", book="b", chapter="", passage="$甲", count=1).endswith("$甲\n【原文完】")
    (tmp_path / "title.md").write_text("${titel}", encoding="utf-8")
    with pytest.raises(UserError, match=r"has \$\{titel\}; the places of this template are \$\{count\}, \$\{title\}"):
        Prompts(tmp_path)
    assert set(PLACES) == {path.stem for path in (ROOT / "shuoshu/questions/templates").glob("*.md")}


def test_rules_need_no_endpoint(chapters: Path, tmp_path: Path) -> None:
    figures = generate_questions(
        GenerateOptions(chapters=[str(chapters)], out=str(tmp_path), ways=["rules"], density=4.0)
    )
    made = read_questions(tmp_path / "questions.jsonl")
    assert figures["accepted"] == len(made) >= 10
    assert {question.type for question in made} == {"填空", "说话人"}
    assert all(question.key[0] in question.evidence and question.key[0] not in question.question for question in made)
    again = check_file(tmp_path / "questions.jsonl", chapters, tmp_path / "checked")
    assert (again["accepted"], again["rejected"]) == (len(made), 0)


def test_help_stays_light() -> None:
    heavy = "[m for m in ('openai', 'httpx', 'gradio') if m in sys.modules]"
    script = f"import sys; import shuoshu.questions.options; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, env=dict(os.environ), text=True
    )
    assert done.stdout.strip() == "[]"
