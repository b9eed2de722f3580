"""The bundled questions: enough wordings, none that gives its answer away, nothing asked in training that is tested."""

import json
from collections import Counter
from pathlib import Path

import pytest

from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.books.stage import read_books
from shuoshu.questions.check import check_leak
from shuoshu.questions.question import Question
from shuoshu.questions.stage import read_named
from shuoshu.questions.verify import check_pairs
from shuoshu.recipe import DEMO, BooksOptions

GIVEN = Path(__file__).resolve().parents[2] / "../shared/novella"


@pytest.fixture(scope="module")
def train() -> list[Question]:
    return read_named(DEMO, "train")


@pytest.fixture(scope="module")
def test() -> list[Question]:
    return read_named(DEMO, "test")


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> list[Chapter]:
    folder = tmp_path_factory.mktemp("demo")
    read_books([DEMO], folder, BooksOptions())
    return read_chapters(folder / "chapters.jsonl")


def test_every_fact_has_at_least_ten_wordings_and_no_two_questions_share_one(train: list[Question]) -> None:
    facts = [question for question in train if question.level != "NA" and not question.of]
    assert len(facts) == 252
    assert min(len(question.wordings()) for question in facts) >= 10
    assert min(len(question.wordings()) for question in train) >= 4
    asked = Counter(wording.rstrip("？") for question in train for wording in question.wordings())
    assert asked.most_common(1)[0][1] == 1
    # as people type: without a title, without a question mark, as a request
    typed = list(asked)
    assert sum("《" not in wording for wording in typed) > len(typed) / 2
    wordings = [wording for question in train for wording in question.wordings()]
    assert sum(wording[-1] not in "？。）" for wording in wordings) > len(wordings) / 3
    assert sum(wording.endswith("。") for wording in wordings) > 200


def test_one_given_wording_of_sixty_facts_is_held_out(train: list[Question], test: list[Question]) -> None:
    trained = {question.id: question for question in train}
    learned = {wording for question in train for wording in question.wordings()}
    near = [question for question in test if question.level == "near"]
    assert len({question.of for question in near}) == len(near) == 60
    for question in near:
        assert (question.answer, question.key) == (trained[question.of].answer, trained[question.of].key)
        assert question.question not in learned
    assert Counter(question.level for question in test) == {"L1": 50, "L3": 54, "NA": 16, "near": 60}


def test_no_test_fact_is_asked_or_answered_in_training(train: list[Question], test: list[Question]) -> None:
    assert [leak for leak in check_leak(train, test) if not leak.declared] == []


def test_the_book_shows_what_is_trained_and_no_wording_gives_it_away(
    train: list[Question], chapters: list[Chapter]
) -> None:
    text = {chapter.number: chapter.text for chapter in chapters}
    told = [question for question in train if question.level != "NA"]
    assert all(question.evidence in text[question.chapter or 0] for question in told)
    accepted, rejected = check_pairs(train, chapters)
    assert len(rejected) <= 0.02 * len(train), [(pair.question.id, pair.reasons) for pair in rejected]
    kept = {question.id: question.wordings() for question in accepted}
    assert [q.id for q in train if q.id in kept and kept[q.id] != q.wordings()] == []


def test_the_given_questions_are_there_and_come_first(train: list[Question], test: list[Question]) -> None:
    if not GIVEN.is_dir():
        pytest.skip("the questions as they were given are not beside the repository")
    ours = {question.id: question for question in train}
    near = {question.of: question.question for question in test if question.level == "near"}
    for line in (GIVEN / "questions.train.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        given = [record["question"], *record["paraphrases"]]
        if record["id"] in near:
            given.remove(near[record["id"]])
        assert list(ours[record["id"]].wordings())[: len(given)] == given
        assert ours[record["id"]].answer == record["answer"]
    lines = (GIVEN / "questions.test.jsonl").read_text(encoding="utf-8").splitlines()
    assert [question.id for question in test[: len(lines)]] == [json.loads(line)["id"] for line in lines]
