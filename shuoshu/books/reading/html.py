"""The text of an HTML page: one line a paragraph, readings and note marks left out."""

import html
import re

from shuoshu.books.account import Account

_BLOCKS = "p, div, section, article, h1, h2, h3, h4, h5, h6, li, blockquote, tr, dt, dd, figcaption, pre, br, hr, body"
_SILENT = ["script", "style", "head", "template", "noscript", "svg", "math", "iframe", "object"]
_BREAK = "\u2029"  # a block boundary, until white space is settled
_DROPPED = {
    "ruby": "rt, rp",
    "note-marks": 'sup, a[epub\\:type~="noteref"], a[role="doc-noteref"]',
    "notes": 'aside[epub\\:type~="footnote"], aside[role="doc-footnote"], section[epub\\:type~="footnotes"]',
    "navigation": "nav",
}


_TAG = re.compile(r"<(/?)(?!(?:br|hr|img|p|li|input|meta|link)\b)[a-zA-Z]")
_DEEPEST = 1000  # elements within each other; the parser's time grows with the square of it
_HEAD = 1 << 20  # characters of a page in which its title stands
_LARGEST = 32 << 20  # characters; the parser takes ten times their memory


def html_text(page: str, account: Account | None = None) -> str:
    """The text of a page. Readings (ruby), note marks, notes and navigation are dropped and entered in `account`."""
    from selectolax.lexbor import LexborHTMLParser

    if len(page) > _LARGEST or _too_deep(page):  # no page of a book, but it must not hang
        lines = html.unescape(re.sub(r"<[^<>]*>", "\n", page)).split("\n")
        return "\n".join(line for each in lines if (line := " ".join(each.split())))
    tree = LexborHTMLParser(page)
    if tree.body is None:
        return ""
    tree.strip_tags(_SILENT)
    for rule, selector in _DROPPED.items():
        for node in tree.css(selector):
            text = node.text()
            if account is not None and text:
                account.note(rule, dropped=len(text), sample=text)
                account.characters += len(text)
            node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before(_BREAK)
        node.insert_after(_BREAK)
    body = tree.body
    text = body.text() if body is not None else ""
    text = re.sub(r"[ \t\r\n\f]+", " ", text)
    return re.sub(rf" ?{_BREAK}[ {_BREAK}]*", "\n", text).strip(" \n")


def _too_deep(page: str) -> bool:
    """Whether elements are nested beyond reason, counted without parsing."""
    if page.count("<") <= _DEEPEST:
        return False
    depth = 0
    for tag in _TAG.finditer(page):
        depth += -1 if tag[1] else 1
        if depth > _DEEPEST:
            return True
    return False


def page_title(page: str) -> str:
    """The page's first heading, or its `<title>`; empty where it has neither."""
    from selectolax.lexbor import LexborHTMLParser

    page = page[:_HEAD]
    if _too_deep(page):
        return ""
    tree = LexborHTMLParser(page)
    for selector in ("h1", "h2", "title"):
        node = tree.css_first(selector)
        if node is not None and (text := " ".join(node.text().split())):
            return text
    return ""
