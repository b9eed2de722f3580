"""Tips, automatic: a question in the form that models and search know best.

The students who built the first MiniGLM found that 《》 around titles and the form of a question help. What is changed
is shown to the person, and `--no-tips` leaves the question as it was asked.
"""

import re
import unicodedata

_CHINESE = r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_HALF_WIDTH = {",": "，", "?": "？", "!": "！", ":": "：", ";": "；", "(": "（", ")": "）"}
_BRACKETS = ("<>", "〈〉", "「」", "『』", "“”", "‘’", '""', "【】")


def apply_tips(question: str, titles: list[str]) -> str:
    """The question with plain letters and digits, Chinese punctuation, 《》 around titles, and a question mark.

    `titles` are the books at hand, without 《》. Applying it twice changes nothing more.
    """
    chinese = bool(re.search(_CHINESE, question))
    text = re.sub(r"\s+", " ", "".join(map(_plain_width, question))).strip()
    if chinese:
        text = _close_up(_chinese_punctuation(text))
    text = _mark_titles(text, titles)
    if chinese:
        text = _close_up(text)  # marking a title may have put a mark beside a space
    if text and not re.search(r"[?？]|[.。!！…]$", text):
        text += "？" if chinese else "?"
    return text


def _plain_width(character: str) -> str:
    """Ａ → A, ３ → 3, an ideographic space → a space; punctuation stays as it is."""
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isalnum() or plain.isspace() else character


def _close_up(text: str) -> str:
    """No space beside a Chinese character or mark."""
    beside = rf"(?:{_CHINESE}|[，。？！：；、（）《》“”‘’「」『』])"
    return re.sub(rf"(?<={beside}) | (?={beside})", "", text)


def _chinese_punctuation(text: str) -> str:
    """Half-width marks as full-width ones, but for those inside numbers and Latin words (3:1, e.g.)."""
    inside = r"(?<![A-Za-z0-9])[,?!:;()]|[,?!:;()](?![A-Za-z0-9])"
    return re.sub(inside, lambda found: _HALF_WIDTH[found[0]], text)


def _mark_titles(text: str, titles: list[str]) -> str:
    """Put 《》 around known titles that lack it, the longest first, whatever brackets stood there instead.

    A bare title in Latin letters is left alone: Emma may be the book or the lady.
    """
    known = sorted((title for title in set(titles) if len(title) > 1), key=lambda title: (-len(title), title))
    if not known:
        return text
    one = "|".join(map(re.escape, known))
    bracketed = "|".join(f"{re.escape(left)}(?:{one}){re.escape(right)}" for left, right in _BRACKETS)
    bare = "|".join(re.escape(title) for title in known if re.search(_CHINESE, title)) or r"(?!)"
    # What already stands in 《》 is taken whole and kept, so that no title inside a longer one is marked.
    return re.sub(
        rf"(?P<kept>《[^《》]*》)|{bracketed}|{bare}",
        lambda found: found["kept"] or f"《{_strip(found[0], known)}》",
        text,
    )


def _strip(found: str, known: list[str]) -> str:
    return found if found in known else found[1:-1]
