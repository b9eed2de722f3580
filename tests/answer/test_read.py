"""The reader on the bundled book: what it cites stands there, what it recalls equals transformers, what it declines."""

from pathlib import Path

import numpy as np
import pytest

from shuoshu.answer.ask import Storyteller
from shuoshu.answer.bank import QuestionBank
from shuoshu.answer.choice import Choice
from shuoshu.answer.index import Index, build_index
from shuoshu.answer.likeness import learn_likeness
from shuoshu.answer.quote import widest_quotes
from shuoshu.answer.read import Mind, Reader
from shuoshu.answer.signs import SIGNS, bank_signs, unknown_names, word_signs
from shuoshu.books.chapter import Chapter, read_chapters
from shuoshu.evaluate.metrics import is_right
from shuoshu.questions.stage import read_named
from shuoshu.questions.untold import NOT_TOLD
from shuoshu.recipe import IndexOptions

TRAINED = [question for question in read_named("demo", "train") if question.level != "NA"]

LIGHT = """
Captain Elias Marlowe kept the lighthouse at Gull Point for thirty-one years. He had come there after the wreck
of the Patience, a brig that went down with nineteen men, and he never again set foot on a deck. The villagers
of Saltmere called him the Owl, because nobody had ever seen his window dark.

His only companion was a tame raven named Solomon, which Marlowe had bought for two shillings from a tinker.
Every Friday a girl called Nell Barrow rowed across the bay with bread, lamp oil and the newspapers. She was the
daughter of the smith, and she was not afraid of the Captain, though her mother was.

In the winter of the great frost the oil ran out. Marlowe burned his chairs, then his bookshelves, and at last
the wooden leg of the table, so that the lamp should not fail. On the third night a schooner, the Merry Widow,
saw the smoky light and turned away from the reef. Her master, a Dane by the name of Jorgensen, sent him a
silver watch in thanks.

Nell learned to read from his old newspapers. When she was sixteen she went to Bristol to become a teacher, and
the raven flew after her boat as far as the sandbank. The Captain died in the spring, in his chair, facing the
sea. He was buried in the churchyard of Saint Bride, and the watch was buried with him. Nell came back to keep
the light, and she kept it until the year it was made electric.
"""
ASKED = {
    "Who kept the lighthouse at Gull Point?": "Marlowe",
    "What did the villagers call the Captain?": "Owl",
    "How many men went down with the Patience?": "nineteen",
    "How much did Marlowe pay for the raven?": "two shillings",
    "Who rowed across the bay every Friday?": "Nell",
    "What was the name of the schooner that saw the light?": "Merry Widow",
    "What did Jorgensen send in thanks?": "silver watch",
    "Where did Nell go to become a teacher?": "Bristol",
    "Where was the Captain buried?": "Saint Bride",
    "When did the Captain die?": "spring",
    "Which furniture did Marlowe burn last?": "leg of the table",
}


@pytest.fixture(scope="module")
def reader(novella_index: Index) -> Reader:
    likeness = learn_likeness(TRAINED, novella_index.books)
    return Reader(novella_index, Choice.default(), QuestionBank(TRAINED, likeness))


def test_reads_what_only_the_text_tells(reader: Reader) -> None:
    """Without any model: plain questions on facts nobody trained."""
    questions = [question for question in read_named("demo", "test") if question.level == "L3"]
    read = [(question, reader.read(question.question)) for question in questions]
    right = [found is not None and is_right(found.quote.text, question) for question, found in read]
    assert np.mean(right) >= 0.7


def test_a_trained_question_leads_to_its_evidence(reader: Reader) -> None:
    """Words that share nothing with the book: BM25 alone is right for 12 in 100 of these."""
    questions = [question for question in read_named("demo", "test") if question.level == "near"]
    read = [(question, reader.read(question.question)) for question in questions]
    right = [found is not None and is_right(found.quote.text, question) for question, found in read]
    assert np.mean(right) >= 0.4


def test_citations_are_the_books_own_words(tiny_run: Path) -> None:
    storyteller = Storyteller(tiny_run)
    chapters = {
        (chapter.book, chapter.number): chapter.text for chapter in read_chapters(tiny_run / "books/chapters.jsonl")
    }
    answers = storyteller.ask([question.question for question in TRAINED[:20]], mode="open")
    assert any(answer.citations for answer in answers)
    for answer in answers:
        assert answer.confidence is not None
        assert 0 <= answer.confidence <= 1
        assert bool(answer.citations) == (answer.answer != NOT_TOLD)
        for cited in answer.citations:
            assert chapters[cited.book, cited.chapter][cited.start : cited.end] == cited.quote


def test_a_question_asked_in_trained_words(reader: Reader) -> None:
    """However much of it the book says elsewhere, its own evidence answers it."""
    right = [is_right(found.quote.text, q) for q in TRAINED[:60] if (found := reader.read(q.question)) is not None]
    assert np.mean(right) >= 0.85


def test_strangers_are_noticed(novella_index: Index) -> None:
    assert unknown_names("诸葛亮给虞照川出了什么计策？", novella_index) > 0
    assert unknown_names("贾宝玉丢的那块玉是谁捡到的？", novella_index) > 0
    assert unknown_names("车万里的外号是什么？", novella_index) == 0


def test_a_question_that_shares_no_word(reader: Reader) -> None:
    assert reader.read("xyzzy?") is None


def test_an_english_book(tmp_path: Path) -> None:
    """What was fitted on Chinese books points in English ones: windows alone hold the answer to 6 of these."""
    text = " ".join(LIGHT.split())
    chapter = Chapter(book="The Light", number=1, title="", text=text, start=0)
    build_index([chapter], tmp_path / "index", IndexOptions(passage=480, window=120))
    index = Index.open(tmp_path / "index")
    reader = Reader(index, Choice.default(), QuestionBank([], learn_likeness([], index.books)))
    found = {question: reader.read(question) for question in ASKED}
    assert sum(read is not None and ASKED[question] in read.quote.text for question, read in found.items()) >= 9


def test_signs_stay_of_one_size(novella_index: Index) -> None:
    for question in TRAINED[:25]:
        quotes = widest_quotes(question.question, novella_index, 30)
        signs = word_signs(question.question, quotes, novella_index)
        assert signs.shape == (len(quotes), 9)
        assert np.isfinite(signs).all()
        assert signs.min() >= 0
        assert signs.max() <= 4


def test_bank_signs() -> None:
    found = bank_signs(4, {1: (0.8, -2.0), 3: (0.5, -4.0)}, 0.0)
    assert found[0].tolist() == [0, 0]
    assert found[1] == pytest.approx([0.3, np.exp(-1)])
    assert found[3] == pytest.approx([0.0, np.exp(-2)])
    assert bank_signs(2, {0: (1.0, -2.0), 1: (0.9, -4.0)}, 0.0)[0, 0] == 1  # asked before, in the same words
    assert bank_signs(4, {1: (0.8, -2.0)}, 0.75)[1] == pytest.approx([0.2, np.exp(-1) / 4])
    assert bank_signs(0, {}, 0.0).shape == (0, len(SIGNS) - 9)


def test_recall_equals_transformers(tiny_run: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tiny_run / "finetune" / "model"
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    storyteller = Storyteller(tiny_run)
    tokenizer = storyteller.engine.tokenizer
    mind = Mind(storyteller.model, tokenizer)
    question, answers = "邵拙的灯铺在哪里？", ["在折柳镇。", "邵拙爱喝的是姜茶，下雨天就在灯铺里煮着。"]
    found = mind.recall(question, answers)
    assert len(found) == 3
    prompt = tokenizer.chat([{"role": "user", "content": question}])
    for answer, value in zip([*answers, NOT_TOLD], found, strict=True):
        wanted = [*tokenizer.encode(answer), tokenizer.chat_end]
        with torch.no_grad():
            logits = theirs(torch.tensor([prompt + wanted])).logits[0]
        likely = torch.log_softmax(logits.float(), dim=-1)[len(prompt) - 1 : -1]
        slow = float(likely.gather(1, torch.tensor(wanted)[:, None]).sum())
        assert value == pytest.approx(slow, rel=0.02)  # bf16 where the machine has it


def test_recall_of_what_is_longer_than_the_model_reads(tiny_run: Path) -> None:
    storyteller = Storyteller(tiny_run)
    mind = Mind(storyteller.model, storyteller.engine.tokenizer)
    found = mind.recall("邵拙的灯铺在哪里？" * 100, ["在折柳镇。" * 200, "姜茶。"])
    assert len(found) == 3
    assert np.isfinite(found).all()
    assert max(found) < 0
    assert found[0] < found[1]
