"""What the search compares: characters, pairs of neighbouring characters, and words, of a passage or of a question.

Chinese is searched best by pairs and words together (Kwok 1999; Nie & Ren 1999): pairs find names no word list knows,
words keep pairs that straddle two words from counting. Single characters count as much, for the classics say in one
character (妻, 斩) what a question says in two. Text in scripts that set spaces is searched by its words.
"""

import re
import unicodedata
from collections.abc import Collection
from itertools import pairwise
from typing import Literal

Kind = Literal["characters", "pairs", "words"]
KINDS: tuple[Kind, ...] = ("characters", "pairs", "words")

# Chinese characters and kana: what is written without spaces.
_DENSE = "\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = rf"(?:(?![{_DENSE}])[^\W_])"
_ONE_LETTER = re.compile(_LETTER)
_RUN = re.compile(rf"(?P<dense>[{_DENSE}]+)|{_LETTER}+(?:['’]{_LETTER}+)*")

# A book named in passing: 按《…》所写, 在小说《…》里, （《…》）, 《…》这部书的故事里.
_BOOK = re.compile(
    r"(?:在|据|依|按照?|根据|照|翻开|小说|原著)*（?《(?P<title>[^《》]*)》）?"
    r"(?:(?:这部|一)(?:小说|书)|的故事|全书|原著)?(?:里|中|内|所写|所载|所述|记载|的写法)?的?"
)
# The frame of a question: what asks for the answer and so cannot stand beside it in the book.
_FRAME = re.compile(
    r"(?:请你?您?|能不能|能否|可以|麻烦|劳驾|我?想知道|我?想问|我记不清了?)*(?:简单|简要)?"
    r"(?:说说|讲讲|谈谈|介绍|解释|说一说|讲一讲|谈一谈|说一下|讲一下|请问|请说[明出]|请[列举写指背][出举]|请告诉我)(?:一下)?"
    r"|我?想知道|我?想问|我记不清了?"
    r"|(?:是|叫[做作]?|名叫)?(?:什么|谁|哪一?[个口张种位些里儿年天座把条只件处本面边名次]?"
    r"|何[人处时年物地种方]|怎么样?|怎样|怎地|如何|为何)(?:名字|样|地方|时候|东西)?"
    r"|为什么|多少|几(?=[个位条只把年天日岁回次种座道件艘名夜路])|到底|究竟|的(?:缘故|原因|来历|办法|经过)|[吗呢]"
    r"|\b(?:please|tell me|who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did"
    r"|the|a|an|of|about)\b",
    re.IGNORECASE,
)


class _Fold(dict[int, str]):
    """`str.translate` table that fills itself: full-width and upper-case forms become plain ones, one for one."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        self[code] = plain if len(plain) == 1 else chr(code)
        return self[code]


_FOLD = _Fold()


def fold(text: str) -> str:
    """The text in plain width and lower case, of the same length: an offset means the same place in both."""
    return text.translate(_FOLD)


def terms(text: str) -> dict[Kind, list[str]]:
    """All terms of a text by kind, in order, repeats kept. Words of other scripts stand under every kind."""
    import rjieba

    found: dict[Kind, list[str]] = {"characters": [], "pairs": [], "words": []}
    for run in _RUN.finditer(fold(text)):
        stretch = run.group()
        if run.lastgroup != "dense":
            for kind in KINDS:
                found[kind].append(stretch)
        else:
            found["characters"].extend(stretch)
            found["pairs"].extend(map("".join, pairwise(stretch)))
            found["words"].extend(word for word in rjieba.cut_for_search(stretch) if len(word) > 1)
    return found


def bare(question: str, titles: Collection[str]) -> str:
    """A question without its frame and without the books among `titles` it names: what is left is searched for.

    `请问《水浒传》里，林冲的绰号是什么？` → `，林冲的绰号？`. A question that is all frame stays as it is.
    """
    rest = _BOOK.sub(lambda found: " " if found["title"] in titles else found[0], question)
    rest = _FRAME.sub(" ", rest)
    return rest if re.search(r"\w", rest) else question


def find_term(folded: str, term: str) -> list[int]:
    """Where a term stands in a folded text, as offsets; a word of another script only as a whole word."""
    dense = not _ONE_LETTER.match(term)
    places, place = [], folded.find(term)
    while place >= 0:
        end = place + len(term)
        inside = (place and _ONE_LETTER.match(folded, place - 1)) or _ONE_LETTER.match(folded, end)
        if dense or not inside:
            places.append(place)
        place = folded.find(term, place + 1)
    return places
