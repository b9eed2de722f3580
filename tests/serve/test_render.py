import html
import re

from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from shuoshu.answer.ask import Answer, Citation
from shuoshu.serve.render import messages, plain
from shuoshu.serve.talk import Shown, Talk, Turn

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\t"))
MARKUP = "<img src=x onerror=alert(1)>**粗**`码`[链](http://a.b)"


@given(TEXT)
def test_plain_text_is_read_back_whole_by_html(text: str) -> None:
    assert html.unescape(plain(text)) == text


@given(st.text())
def test_plain_text_holds_no_mark_of_html_or_markdown(text: str) -> None:
    left = re.sub(r"&#\d+;", "", plain(text))
    assert not set(left) & set("<>&\"'`*_[]()#!|~\\$:\n\r\t")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", left)


@given(TEXT.filter(str.strip), TEXT, TEXT, TEXT, TEXT)
def test_nothing_said_or_quoted_adds_an_element(question: str, text: str, book: str, title: str, around: str) -> None:
    def elements(*words: str) -> list[str]:
        question, text, book, title, around = words
        citation = Citation(book=book, chapter=1, title=title, start=0, end=1, quote=text)
        turn = Turn(
            question=question,
            mode="open",
            model=book,
            state="done",
            text=text,
            answer=Answer(question=question, answer=text, mode="open", citations=(citation,)),
            shown=(Shown(citation=citation, before=around, after=around),),
        )
        fault = Turn(question=question, mode="open", state="failed", fault=text)
        shown = "".join(message["content"] for message in messages(Talk(turns=[turn, fault])))
        return [node.tag for node in LexborHTMLParser(shown).root.traverse()]  # type: ignore[union-attr]

    assert elements(question, text, book, title, around) == elements("问", text and "答", book and "书", "回", "旁")


def test_messages_are_single_html_blocks() -> None:
    """A line end would close the HTML block, and what follows would be read as Markdown."""
    turn = Turn(question=f"{MARKUP}\n\n# 题", mode="closed", state="writing", text=f"{MARKUP}\n\n- 一")
    for message in messages(Talk(turns=[turn])):
        assert message["content"].startswith("<div")
        assert "\n" not in message["content"]


def test_notes_say_what_to_know_about_an_answer() -> None:
    answer = Answer(question="问", answer="答", mode="closed", tokens=7, seconds=0.5, truncated=True)
    turn = Turn(question="问", mode="closed", model="灯录", state="done", text="答", answer=answer)
    note = messages(Talk(turns=[turn]))[1]["content"]
    for words in ("灯录", "From memory", "may be wrong", "7 tokens", "0.50 s", "cut at the length limit"):
        assert words in note
    assert "3 before yours" in messages(Talk(turns=[Turn(question="问", mode="open", ahead=3)]))[1]["content"]
