import html
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from shuoshu.serve import sentences
from shuoshu.serve.page.document import read_web
from shuoshu.serve.page.languages import document, language

WEB = read_web()
SCRIPTS = "\n".join(data.decode() for name, data in WEB.files.items() if name.endswith(".js"))


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en-US,en;q=0.9", "en"),
        ("en;q=0.5, zh;q=0.9", "zh-CN"),
        ("fr-FR,fr;q=0.9,en;q=0.8,zh;q=0.7", "en"),
        ("de,ja", "en"),
        ("en;q=0,zh;q=0.1", "zh-CN"),
        ("*", "zh-CN"),
        ("", "zh-CN"),
        (";;,,q=", "zh-CN"),
    ],
)
def test_the_browser_decides_the_language(accepted: str, expected: str) -> None:
    assert language(None, accepted) == expected


def test_the_visitor_overrules_the_browser() -> None:
    assert language("en", "zh-CN") == "en"
    assert language("zh-CN", "en") == "zh-CN"
    assert language("<script>", "en") == "en"


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_header_gives_one_of_the_two(cookie: str, accepted: str) -> None:
    assert language(cookie, accepted) in ("zh-CN", "en")


@pytest.mark.parametrize(("chosen", "place"), [("zh-CN", 0), ("en", 1)])
def test_every_label_of_the_document_is_written_in(chosen: str, place: int) -> None:
    page = LexborHTMLParser(document(WEB.template, WEB.labels, chosen, "page/x", ["a.js"]))  # type: ignore[arg-type]
    html_element, data = page.css_first("html"), page.css_first("#labels")
    assert html_element
    assert data
    assert html_element.attributes["lang"] == chosen
    for element in page.css("[data-t]"):
        assert element.text() == WEB.labels[element.attributes["data-t"] or ""][place]
    for name, attribute in (("data-t-label", "aria-label"), ("data-t-placeholder", "placeholder")):
        for element in page.css(f"[{name}]"):
            assert element.attributes[attribute] == WEB.labels[element.attributes[name] or ""][place]
    assert json.loads(data.text()) == {key: list(pair) for key, pair in WEB.labels.items()}
    assert "{" not in re.sub(r"<script type=.application/json.*?</script>", "", page.html or "", flags=re.S)


def test_labels_with_marks_of_html_stay_labels() -> None:
    nasty = '</script><b a="1">&'
    made = document('<p data-t="x"></p><i data-t-label="x"></i>{labels}', {"x": (nasty, nasty)}, "en", "", [])
    assert html.escape(nasty) in made
    assert "<b " not in made
    assert "</script>" not in made


def test_every_label_is_there_twice_and_none_is_idle() -> None:
    used = set(re.findall(r'data-t(?:-label|-placeholder)?="(\w+)"', WEB.template))
    used |= set(re.findall(r'"(\w+)"', SCRIPTS)) | set(re.findall(r'"fault_(\w+)"', SCRIPTS))
    for key, (chinese, english) in WEB.labels.items():
        assert chinese
        assert english
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english)), key
        shared = key.removesuffix("_more") in ("temperature", "max_new_tokens", "top_k", "top_p", "min_p", "seed")
        shared |= key.removesuffix("_more") == "repetition_penalty" or key.startswith("fault_")
        assert key in used or shared, f"nothing uses the label {key}"


def test_every_mistake_of_the_server_has_its_sentence_and_fills_it() -> None:
    told = "\n".join(path.read_text(encoding="utf-8") for path in Path(sentences.__file__).parent.rglob("*.py"))
    raised = re.findall(r'Sentence\("(\w+)", (?:f?"[^"]*"|words|why)((?:, \w+=[^,()]*(?:\([^()]*\))?)*)\)', told)
    assert len(raised) == len(re.findall(r'\bSentence\("', told)) >= 14
    for code, fill in raised:
        assert set(re.findall(r"(\w+)=", fill)) == set(re.findall(r"\{(\w+)\}", WEB.labels[f"fault_{code}"][0])), code
    assert {f"fault_{code}" for code, _ in raised} | {"fault_busy", "fault_crash", "fault_offline"} == {
        label for label in WEB.labels if label.startswith("fault_")
    }


def test_every_label_that_scripts_name_is_there() -> None:
    named = set(re.findall(r'\bt\("(\w+)"', SCRIPTS))
    named |= set(re.findall(r'\b(?:label|iconButton)\("\w+", "(\w+)"', SCRIPTS))
    named |= set(re.findall(r'tLabel: "(\w+)"', SCRIPTS)) | set(re.findall(r'toast\("(\w+)"', SCRIPTS))
    assert len(named) > 30
    assert named <= set(WEB.labels)
