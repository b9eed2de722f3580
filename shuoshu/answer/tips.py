"""Tips, automatic: a question in the form that models and search know best.

The students who built the first MiniGLM found that 《》 around titles and the form of a question help. What is changed
is shown to the person (`Tipped.changes`), and `--no-tips` leaves the question as it was asked.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from shuoshu.answer.lexicon import Lexicon

_CHINESE = r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_HALF_WIDTH = {",": "，", "?": "？", "!": "！", ":": "：", ";": "；", "(": "（", ")": "）"}
_BRACKETS = ("<>", "〈〉", "「」", "『』", "“”", "‘’", '""', "【】")
_TITLE = re.compile(r"《([^《》]+)》")
_QUOTED = re.compile('《[^《》]*》|“[^“”]*”|‘[^‘’]*’|「[^「」]*」|『[^『』]*』|"[^"]*"')

# A demand for one thing of somebody: 告诉我武松的兵器, 武松的兵器.
_DEMAND = re.compile(
    r"^(?P<book>《[^《》]*》[里中]?，?)?(?:请?(?:你|您)?告诉我|我?想知道)?"
    r"(?P<thing>[^，。！？；：,.!?;:\s]{1,24}的(?P<what>[^的，。！？；：,.!?;:\s]{2,6}))[。.]?$"
)
_ASKS = re.compile(
    "什么|谁|哪|几|多少|怎|如何|为何|何[人处时年物]|何以|吗|呢|能否|请|介绍|说明|讲讲|谈谈|列举|解释|概括|比较|评价|描述|写|[?？]"
    "|[是有在把被没叫说道做和与]"
)
_PEOPLE = re.compile(
    ".*(?:师父|师傅|徒弟|弟子|父亲|母亲|爸爸|妈妈|妻子|丈夫|夫人|儿子|女儿|哥哥|弟弟|兄弟|姐姐|妹妹|义父|义子|岳父|主人|仇人"
    "|恩人|对手|敌人|作者|主人公|主角|凶手|首领|皇帝)"
)
_NO_THING = re.compile(".*(?:故事|经过|情节|事迹|生平|结局|性格|形象|过程|内容|意义|区别|关系|问题|时候|地方|原因)")

# A question about the name itself: what stands beside an other name that must not be replaced.
_NAMING = re.compile(
    "绰号|诨[名号]|浑名|混[名号]|外号|别[名号]|道号|法[名号]|表字|的字|的号|称|名字|姓名|[本真原大小乳]名|叫|唤|nickname|called|name"
)
_WHO = re.compile("(?:指的?|说的|到底|究竟|就|又|也|便)*(?:是|指|系)(?:的是|的)?(?:哪|谁|什么人|何人|何方)|[？?]?$")
_WHO_BEFORE = re.compile("(?:谁|哪[一个位人]*|何人|什么人)(?:又|才|就|便)?(?:是|叫|称|号)?$|(?i:who is|who was) $")
# 齐天大圣府 is called so, and not 孙悟空府.
_NAMED_AFTER = re.compile("[府殿庙祠墓坟寺观庄寨洞岭山楼阁宅旗号]")
# Traditional forms that simplified books hold as well, in names above all (孙乾): kept in a name the books know.
_BOTH = "乾徵於著夥藉麽瞭餘锺鍾"


@dataclass(frozen=True)
class Tipped:
    """A question in good form, and what was changed on the way."""

    question: str
    changes: tuple[tuple[str, str], ...]
    """What stood there → what stands there now, in order; the whole question where the change is not one of words."""


def apply_tips(question: str, titles: list[str], lexicon: Lexicon | None = None) -> str:
    """The question in good form (`tip`). Applying it twice changes nothing more."""
    return tip(question, titles, lexicon).question


def tip(question: str, titles: list[str], lexicon: Lexicon | None = None) -> Tipped:
    """The question with plain letters and digits, the books' kind of characters, Chinese punctuation, 《》 around
    titles, asked where a thing was only named, with names in place of nicknames, and a question mark.

    `titles` are the books at hand, without 《》; names are those of the `lexicon` of these books, none without it.
    """
    changes: list[tuple[str, str]] = []
    text = re.sub(r"\s+", " ", "".join(map(_plain_width, question))).strip()
    chinese = bool(re.search(_CHINESE, text))
    if chinese:
        text = _close_up(_chinese_punctuation(text))
        if lexicon is not None and lexicon.simplified:
            text = _simplify(text, lexicon)
    text = _mark_titles(text, titles)
    if chinese:
        text = _close_up(text)  # marking a title may have put a mark beside a space
        text = _ask(text)
    if text != question.strip():
        changes.append((question, text))
    if lexicon is not None:
        text, named = _name_people(text, lexicon, titles)
        changes += named
    if text and not re.search(r"[?？]|[.。!！…]$", text):
        text += "？" if chinese else "?"
    return Tipped(text, tuple(changes))


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


@cache
def _converter() -> Callable[[str], str]:
    import opencc

    return opencc.OpenCC("tw2s").convert


def _simplify(text: str, lexicon: Lexicon) -> str:
    """Traditional characters as simplified ones, one for one; 乾 and its like stay in names that hold them (孙乾)."""
    plain = _converter()(text)  # phrase by phrase: 乾隆 stays, 乾淨 becomes 干净
    if len(plain) != len(text):
        return text
    if plain == text or all(old in _BOTH for old, new in zip(text, plain, strict=True) if old != new):
        return text  # 孙乾, or 于 written 於: nothing says that it was typed in traditional characters
    kept = "".join(old if old in _BOTH else new for old, new in zip(text, plain, strict=True))
    places = {place for start, end, _ in lexicon.find(kept) for place in range(start, end)}
    return "".join(kept[place] if place in places else plain[place] for place in range(len(text)))


def _ask(text: str) -> str:
    """`告诉我武松的兵器` → `武松的兵器是什么？`; what is a question, a request or a tale to be told stays."""
    found = _DEMAND.match(text)
    if not found or _ASKS.search(found["thing"]) or _NO_THING.fullmatch(found["what"]):
        return text
    return f"{found['book'] or ''}{found['thing']}是{'谁' if _PEOPLE.fullmatch(found['what']) else '什么'}？"


def _name_people(text: str, lexicon: Lexicon, titles: list[str]) -> tuple[str, list[tuple[str, str]]]:
    """Nicknames as names, where the lexicon is sure and the question is not about the nickname itself."""
    named = [title for title in _TITLE.findall(text) if title in titles]
    found = lexicon.find(text, named or titles)
    if not found or _NAMING.search(_QUOTED.sub("", text)):
        return text, []
    quoted = {place for match in _QUOTED.finditer(text) for place in range(*match.span())}
    times = {name: sum(other == name for _, _, other in found) for _, _, name in found}
    changes: list[tuple[str, str]] = []
    for start, end, name in reversed(found):
        calling = text[start:end]
        calls = lexicon.calls(name, named or titles)
        about = _WHO.match(text, end) or _WHO_BEFORE.search(text[:start])
        if calling == name or calls[calling] > calls[name] or name in text or calling in name:
            continue
        if _NAMED_AFTER.match(text, end):
            continue
        if times[name] == 1 and not about and start not in quoted:
            text = text[:start] + name + text[end:]
            changes.insert(0, (calling, name))
    return text, changes


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
