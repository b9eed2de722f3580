"""What sites write into books: adverts, watermarks, calls for votes, the words around the text of a page.

A line is judged by the tokens (`advert_words`) that stand close together in it. What is dense with them, and has an
address or a set phrase among them, is an advert: its bracket goes with it, and its line where next to nothing else
stands there. The book's own words on either side stay, unless they are the name of the site.
"""

import heapq
import itertools
import re

from shuoshu.books.account import Account
from shuoshu.books.cleaning.advert_words import ADDRESS, LIKELY, SURE, WEAK, Token, anchors, plain, tokens
from shuoshu.books.cleaning.notices import RULE_OF_SIGNS, has_rules_of_signs
from shuoshu.books.cleaning.parted import RUN, parted_places
from shuoshu.books.reading.extract import HEADING_MARK
from shuoshu.books.scan import Words

_ANCHORS = anchors()
_PLACES = Words(_ANCHORS)


def _by_first(words: list[str]) -> str:
    """The words as one pattern, grouped by their first character: a fifth of the time of a plain alternation."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in groups.items())


_ANCHOR = re.compile(_by_first(_ANCHORS))
_BEFORE, _BEHIND = 160, 240  # characters around an anchor that are looked at together
_LONGEST = 1000  # characters looked at together
_GAP = 6  # letters between two tokens of one advert
_NAME = 4  # letters of a site's name before its first token
_BRACKET = 60  # characters of a bracket
_BLOCK = 600  # characters an advert between two rules may have
_STOPS = frozenset("。！？!?…\n")
_CLAUSE_ENDS = frozenset("，。！？；：、“”‘’「」『』（）()【】〖〗〔〕《》…,;:!?\n[]—{}")
_COMMAS = frozenset("，。！？；：”")
_PAIRS = dict(zip("（(【[〖〔『「《<{≮〈", "）)】]〗〕』」》>}≯〉", strict=True))
_LETTER = re.compile(r"[^\W_]")
_SIGNS = re.compile(r"[-=*_~·•★☆※▲△◆◇●○■□§@#&|^\\/+<>≮≯㊣∷∴♂♀╔╗╚╝｀`'．﹒\s]*")
_TALE = re.compile(r"[，。！？；：“”「」『』]")
_TOLD = re.compile(r"[“”「」：]|[。！？；…!?](?=.)|，.*，")
_SITE = re.compile(r"小说|文学|网|书|中文|论坛|在线书")
_HEADING = re.compile(r"\W*(?:正文\W*)?第\s?[0-9零〇一二三四五六七八九十百千廿两]{1,9}\s?[章回囘节節卷集部篇话話]")
# A line that begins so, and has a word of the trade in it, is the author's or the uploader's, not the book's.
_LABEL = re.compile(
    r"[\s（(【\[]*(?:ps\d?|p\.s\.?|请假条|上架感言|完本感言|作者的话|作者有话(?:要)?说|题外话|公告|通知|广告|声明|申明|新书|制作|扫描|ocr|校对|整理"
    r"|录入|[一二三]校|e书制作|电子书制作|邮箱|来自|点击|背景)\s*[:：《]"
)


def adverts(text: str, account: Account) -> str:
    """Cut out adverts, site marks and disclaimers, whole lines or glued to sentences."""
    text = _blocks(text, account)
    out: list[str] = []
    at = 0
    for start, end in _windows(text):
        alone = (start == 0 or text[start - 1] == "\n") and (end == len(text) or text[end] == "\n")
        piece = text[start:end]
        for left, right in cuts(piece, alone=alone):
            sample = f"{piece[max(0, left - 12) : left]}⟦{piece[left:right]}⟧{piece[right : right + 12]}"
            account.note("adverts", dropped=right - left, sample=sample)
            out.append(text[at : start + left])
            at = start + right
    return "".join([*out, text[at:]]) if out else text


def cuts(piece: str, *, alone: bool) -> list[tuple[int, int]]:
    """Where adverts stand in a stretch of text without line feeds, which may be a whole line."""
    flat = plain(piece)
    found = tokens(flat)
    heading = _HEADING.match(flat)
    if alone and not heading and _LABEL.match(flat) and sum(token.weight for token in found) >= LIKELY:
        return [(0, len(piece))]
    if alone and not heading and _all_trade(flat, found):
        return [(0, len(piece))]
    floor = heading.end() if heading else 0
    good = [
        _widened(flat, run.start(), run.end(), named=False)
        for run in RUN.finditer(flat, floor)
        if _is_parted_advert(run[0])
    ]
    for cluster in _clusters(flat, [token for token in found if token.start >= floor]):
        if (extent := _extent(flat, cluster)) is not None:
            good.append(extent)
    good = _merged(flat, [*good, *_sentences(flat, good, found)])
    if heading:  # a title may be 求月票, but no address
        return [cut for cut in good if flat[cut[0]] in _PAIRS or re.search(r"\w\.\w", flat[slice(*cut)])]
    return [(0, len(piece))] if good and alone and _nothing_else(flat, good, found) else good


def _all_trade(flat: str, found: list[Token]) -> bool:
    """Whether a line is made of the words of the trade, with no address or set phrase needed."""
    if sum(token.weight for token in found) < 5 or max(token.weight for token in found) == WEAK:
        return False
    words = _covered(flat, [token for token in found if token.weight != ADDRESS])
    return words >= 1.5 * (_letters(flat) - _covered(flat, found)) and not _TOLD.search(flat)


def _merged(flat: str, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, those that overlap or have next to nothing between them as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if out and _letters(flat[out[-1][1] : start]) <= 2:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _sentences(flat: str, good: list[tuple[int, int]], found: list[Token]) -> list[tuple[int, int]]:
    """Whole sentences with an advert in them that are made of its words from end to end."""
    out: list[tuple[int, int]] = []
    for start, end in good:
        left = max((flat.rfind(stop, 0, start) for stop in _STOPS), default=-1) + 1
        right = min((at for stop in _STOPS if (at := flat.find(stop, end)) >= 0), default=len(flat))
        inside = [token for token in found if left <= token.start and token.end <= right]
        while inside and inside[0].end - inside[0].start == 1:  # 请 and 网 begin other sentences too
            inside = inside[1:]
        if right - left > 120 or len(inside) < 3 or sum(token.weight for token in inside) < 2 * SURE:
            continue
        edges = _letters(flat[left : inside[0].start]), _letters(flat[inside[-1].end : right])
        words = [token for token in inside if token.weight != ADDRESS]
        others = _letters(flat[left:right]) - _covered(flat, inside)
        if max(edges) <= 1 and _covered(flat, words) >= 1.2 * others:
            out.append((left, min(len(flat), right + 1)))
    return out


def _is_parted_advert(run: str) -> bool:
    """Whether letters parted by signs make an advert when they are put together."""
    word = "".join(_LETTER.findall(run))
    found = tokens(word)
    covered = sum(token.end - token.start for token in found)
    return word.startswith("www") or (sum(token.weight for token in found) >= SURE and covered >= 0.6 * len(word))


def _windows(text: str) -> list[tuple[int, int]]:
    """The stretches of text that have an anchor in them: whole lines, or parts of long ones."""
    found: list[tuple[int, int]] = []
    line, feed = 0, -1  # the line the last anchor stands in
    anchored = (place for place in _PLACES.places(text) if _ANCHOR.match(text, place))
    for place in heapq.merge(anchored, parted_places(text)):
        if found and place < found[-1][1] - _BEHIND // 2:
            continue
        if place > feed:
            line = text.rfind("\n", 0, place) + 1
            feed = text.find("\n", place)
            feed = len(text) if feed < 0 else feed
            while line < feed and text[line] == HEADING_MARK:
                line += 1
        start, end = max(line, place - _BEFORE), min(feed, place + _BEHIND)
        if not found or found[-1][0] < line or start > found[-1][1]:
            found.append((start, end))
        elif end - found[-1][0] <= _LONGEST:
            found[-1] = (found[-1][0], end)
        elif end > found[-1][1]:
            found.append((found[-1][1], end))
    return found


def _clusters(flat: str, found: list[Token]) -> list[list[Token]]:
    """Tokens with at most `_GAP` letters, and no end of a sentence, between them."""
    out: list[list[Token]] = []
    for token in found:
        between = flat[out[-1][-1].end : token.start] if out else ""
        if out and not _STOPS.intersection(between) and _letters(between) <= _GAP:
            out[-1].append(token)
        else:
            out.append([token])
    return out


def _extent(flat: str, cluster: list[Token]) -> tuple[int, int] | None:
    """Where an advert begins and ends; None where the tokens make none."""
    bracket = _bracket(flat, cluster[0].start, cluster[-1].end)
    if (
        bracket is not None
        and max(token.weight for token in cluster) > WEAK
        and _covered(flat, cluster) >= 0.35 * _letters(flat[slice(*bracket)])
    ):
        return bracket
    cluster = _trimmed(flat, cluster)
    if not cluster:
        return None
    start, end = cluster[0].start, cluster[-1].end
    weight, strongest = sum(token.weight for token in cluster), max(token.weight for token in cluster)
    density = _covered(flat, cluster) / max(1, _letters(flat[start:end]))
    heavy = strongest >= SURE or (
        # Words that people in a novel may say as well make an advert only as whole clauses.
        ((strongest > WEAK and weight >= 4 and density >= 0.6) or (weight >= 5 and density >= 0.75))
        and _at_clause_end(flat, end)
        and (start == 0 or not _LETTER.match(flat, start - 1))
    )
    if not heavy or density < 0.4:
        return None
    return _widened(flat, start, end, named=bool(_SITE.match(flat, start)))


def _covered(flat: str, cluster: list[Token]) -> int:
    """Letters within the tokens."""
    return sum(_letters(flat[token.start : token.end]) for token in cluster)


def _trimmed(flat: str, cluster: list[Token]) -> list[Token]:
    """Without weak words at its ends that are in the middle of a clause: they may well be the book's."""
    while len(cluster) > 1 and cluster[-1].weight == WEAK:
        apart = _letters(flat[cluster[-2].end : cluster[-1].start]) > 1
        if not apart and _at_clause_end(flat, cluster[-1].end):
            break
        cluster = cluster[:-1]
    while len(cluster) > 1 and cluster[0].weight == WEAK:
        first, second = cluster[:2]
        near = _letters(flat[first.end : second.start]) <= 1 and first.end - first.start > 1
        if first.start == 0 or flat[first.start - 1] in _CLAUSE_ENDS or (near and _SITE.match(flat, first.start)):
            break
        cluster = cluster[1:]
    return cluster


def _at_clause_end(flat: str, at: int) -> bool:
    return at == len(flat) or not _LETTER.match(flat, at)


def _bracket(flat: str, start: int, end: int) -> tuple[int, int] | None:
    """The bracket around a stretch, with nothing bracketed beside it."""
    for opened in range(start - 1, max(-1, start - _BRACKET), -1):
        if flat[opened] in _PAIRS:
            close = flat.find(_PAIRS[flat[opened]], end, end + _BRACKET)
            # What stands between quotation marks may be spoken.
            return (opened, close + 1) if close >= 0 and "\n" not in flat[opened:close] else None
        if flat[opened] in "）)】]〗〕』」》>”。！？":
            return None
    return None


def _widened(flat: str, start: int, end: int, *, named: bool) -> tuple[int, int]:
    """With the site's name before it, and the signs on either side."""
    clause = start
    while clause > 0 and flat[clause - 1] not in _CLAUSE_ENDS and start - clause < 12:
        clause -= 1
    if clause == 0 or flat[clause - 1] in _CLAUSE_ENDS:
        letters = _letters(flat[clause:start])
        name = (
            named
            and letters <= _NAME
            and (clause == 0 or flat[clause - 1] not in "，、：:“")
            and _LETTER.match(flat[start - 1])
        )
        if letters == 0 or name:
            start = clause
    while start > 0 and _SIGNS.fullmatch(flat[start - 1]):
        start -= 1
    if start > 0 and flat[start - 1] in _PAIRS and flat[start - 1] not in "「『《":
        start -= 1
    end = _SIGNS.match(flat, end).end()  # type: ignore[union-attr]
    while end < len(flat) and (flat[end] in "）)】]〗〕≯}" or (flat[end] == "》" and "《" in flat[start:end])):
        end += 1
    if start > 1 and flat[start - 1] == "，" and (flat[start - 2] in "，：。！？…”“" or flat[end : end + 1] in _COMMAS):
        start -= 1  # one comma of two
    before = flat[start - 1] if start else "\n"
    if end < len(flat) and flat[end] in "。！!~，," and before in "。！？”…\n":
        end += 1
    return start, end


def _nothing_else(flat: str, good: list[tuple[int, int]], found: list[Token]) -> bool:
    """Whether a line with adverts in it is nothing but them: few other letters, and none that tell a tale."""
    rest = []
    at = 0
    for start, end in [*good, (len(flat), len(flat))]:
        rest.append(flat[at:start].lstrip("：:，,；;、") if at else flat[:start])
        at = end
    if _TALE.search("".join(rest)) and _letters("".join(rest)):
        return False
    others = _letters("".join(rest)) - sum(
        _letters(flat[t.start : t.end]) for t in found if not any(start <= t.start < end for start, end in good)
    )
    return others <= max(8, 0.3 * _letters(flat))


def _letters(text: str) -> int:
    return len(_LETTER.findall(text))


def _blocks(text: str, account: Account) -> str:
    """Drop advert blocks: a few short lines between two rules of signs, with an advert among every two of them."""
    rules = list(RULE_OF_SIGNS.finditer(text)) if has_rules_of_signs(text) else []
    out: list[str] = []
    at = 0
    for first, second in itertools.pairwise(rules):
        if first.start() < at or second.start() - first.end() > _BLOCK:
            continue
        lines = [line for line in text[first.end() : second.start()].split("\n") if line.strip()]
        marks = sum(bool(cuts(line, alone=True)) for line in lines)
        if not marks or marks < 0.5 * len(lines) or any(map(_HEADING.match, lines)):
            continue
        out.append(text[at : first.start()])
        account.note("adverts", dropped=second.end() - first.start(), sample=text[first.start() : second.end()])
        at = second.end()
    return "".join([*out, text[at:]])
