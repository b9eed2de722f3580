"""The judge over real HTTP, against a server of its own that judges by rule, favours places, or answers nonsense."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shuoshu.errors import UserError
from shuoshu.evaluate.asking import Mode
from shuoshu.evaluate.judge import Duel, Judge, tally
from shuoshu.evaluate.stage import evaluate
from shuoshu.files import read_json, read_jsonl
from shuoshu.questions.question import Question
from shuoshu.recipe import EvaluateOptions

pytest.importorskip("openai")

ASKED = Question(question="谁补的灯？", answer="是邵拙。", key=("邵拙",), book="澹江七灯录")
NA = Question(question="谁坐飞机？", answer="书中没有提到。", level="NA", book="澹江七灯录")


def knows(first: str, second: str) -> str:
    """A judge who looks for the key."""
    right = ["邵拙" in text for text in (first, second)]
    return "tie" if right[0] == right[1] else "1" if right[0] else "2"


@contextmanager
def endpoint(judge: Callable[[str, str], str], prompts: list[str], status: int = 200) -> Iterator[str]:
    """An OpenAI-compatible endpoint on this machine; `prompts` gathers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            prompt = body["messages"][0]["content"]
            prompts.append(prompt)
            first, second = (re.search(f"【回答{n}】\n(.*)\n【回答{n}完】", prompt, re.DOTALL) for n in "一二")
            assert first is not None
            assert second is not None
            verdict = judge(first[1], second[1])
            text = verdict if verdict.startswith("<") else json.dumps({"better": verdict})
            message = {"role": "assistant", "content": text}
            answer = {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "judge",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
            }
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def options(url: str, **fields) -> EvaluateOptions:
    return EvaluateOptions(judge="some-model", judge_url=url, **fields)


def test_verdicts_of_a_judge_who_knows(tmp_path: Path) -> None:
    prompts: list[str] = []
    duels = [
        Duel(ASKED, "是邵拙。", "是葛忘忧。"),
        Duel(ASKED, "不知。", "邵拙补的。"),
        Duel(ASKED, "邵拙", "就是邵拙"),
        Duel(ASKED, "是他。", "是 他。"),
        Duel(ASKED, "是他。", "是他。\n"),
    ]
    with endpoint(knows, prompts) as url:
        assert Judge(options(url), tmp_path).decide(duels) == ["left", "right", "tie", "tie", "alike"]
        assert len(prompts) == 8  # both orders, and nobody is asked about the same words
        assert "参考答案：是邵拙。" in prompts[0]
        assert "关键词：邵拙" in prompts[0]
        # The same again costs nothing: the ledger has it.
        assert Judge(options(url), tmp_path).decide(duels)[:2] == ["left", "right"]
        assert len(prompts) == 8


def test_a_judge_who_favours_a_place_decides_nothing(tmp_path: Path) -> None:
    with endpoint(lambda first, second: "1", []) as url:
        duels = [Duel(ASKED, "是邵拙。", f"不知道{n}") for n in range(5)]
        verdicts = Judge(options(url), tmp_path).decide(duels)
    assert verdicts == ["disagreed"] * 5
    assert tally("m", verdicts)["disagreed"] == 5


def test_nonsense_is_asked_again_and_then_counted_as_unread(tmp_path: Path) -> None:
    prompts: list[str] = []
    with endpoint(lambda first, second: "<p>haha</p>", prompts) as url:
        verdicts = Judge(options(url), tmp_path).decide([Duel(NA, "没有提到。", "是他。")])
    assert verdicts == [None]
    assert len(prompts) == 6
    assert tally("m", verdicts)["unread"] == 1


def test_no_more_calls_than_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts: list[str] = []
    with endpoint(lambda first, second: "<p>haha</p>", prompts) as url:
        judge = Judge(options(url, judge_calls=4), tmp_path)
        assert judge.most_duels == 2
        judge.decide([Duel(ASKED, "甲", "乙"), Duel(ASKED, "丙", "丁")])
    assert len(prompts) == 4
    assert "4 calls (at most 4)" in capsys.readouterr().err


def test_what_is_wrong_shows_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="--judge-url"):
        Judge(EvaluateOptions(judge="m"), tmp_path)
    with pytest.raises(UserError, match="OPENAI_API_KEY is empty"):
        Judge(options("https://example.org/v1"), tmp_path)
    with pytest.raises(UserError, match="judge_calls"):
        Judge(options("http://127.0.0.1:9/v1", judge_calls=1), tmp_path)
    own = tmp_path / "own.md"
    own.write_text("${question} ${anwser}", encoding="utf-8")
    with pytest.raises(UserError, match="anwser"):
        Judge(options("http://127.0.0.1:9/v1", judge_prompt=str(own)), tmp_path)
    with pytest.raises(UserError, match=r"none\.md"):
        Judge(options("http://127.0.0.1:9/v1", judge_prompt=str(tmp_path / "none.md")), tmp_path)


def test_a_prompt_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.md"
    own.write_text(
        "《${book}》【回答一】\n${first}\n【回答一完】【回答二】\n${second}\n【回答二完】 $$1", encoding="utf-8"
    )
    prompts: list[str] = []
    with endpoint(knows, prompts) as url:
        assert Judge(options(url, judge_prompt=str(own)), tmp_path).decide([Duel(ASKED, "邵拙", "无")]) == ["left"]
    assert prompts[0].startswith("《澹江七灯录》")
    assert prompts[0].endswith("$1")


@dataclass(frozen=True)
class Answer:
    answer: str
    citations: tuple = ()
    tokens: int = 3
    seconds: float = 0.01
    truncated: bool = False
    broken: int = 0
    confidence: float | None = None
    tips: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Says:
    """A model that always says the same."""

    answer: str

    def ask(self, questions: Sequence[str], mode: Mode, tips: bool) -> list[Answer]:
        return [Answer(f"{self.answer}{place}") for place, _ in enumerate(questions)]

    def bits_per_char(self) -> float | None:
        return None


def test_verdicts_stand_in_scores_answers_and_report(tmp_path: Path) -> None:
    asked = [Question(question=f"第{n}盏灯谁补的？", answer="邵拙", key=("邵拙",), id=f"q{n}") for n in range(8)]
    models = {"runs/knows": Says("是邵拙"), "runs/not": Says("是他")}
    prompts: list[str] = []
    with endpoint(knows, prompts) as url:
        wanted = options(url, modes=["closed"], judge_calls=8, trained=0)
        scores = evaluate(models, asked, tmp_path, wanted)["scores"]
    assert len(prompts) == 8  # of eight questions four, evenly spread
    assert scores == read_json(tmp_path / "scores.json")
    (versus,) = scores["runs/not"]["closed"]["versus"]
    assert (versus["judge"]["n"], versus["judge"]["this_better"], versus["judge"]["other_better"]) == (4, 0, 4)
    records = [record for _, record in read_jsonl(tmp_path / "answers.jsonl")]
    assert ["judged" in record for record in records] == [True, False] * 4
    assert records[0]["judged"] == [
        {"left": ["runs/knows", "closed"], "right": ["runs/not", "closed"], "verdict": "left"}
    ]
    assert "some-model" in (tmp_path / "report.html").read_text("utf-8")


def test_a_judge_who_is_refused_costs_no_answers(tmp_path: Path) -> None:
    with endpoint(knows, [], status=401) as url, pytest.raises(UserError, match="refused"):
        evaluate({"a": Says("甲"), "b": Says("乙")}, [ASKED], tmp_path, options(url, modes=["closed"], trained=0))
    assert set(read_json(tmp_path / "scores.json")) == {"a", "b"}
    assert (tmp_path / "report.html").is_file()
