"""What sites write into books: adverts and watermarks, update times and word counts, rules of signs, endings.

An advert on its own lines goes with its lines. One glued into a sentence is cut out from the boundary before it to the
end of the address or of its own sentence, so that the book's words on either side stay.
"""

import itertools
import re

from shuoshu.books.account import Account
from shuoshu.books.extract import HEADING_MARK

_BOTH = str.maketrans(
    dict(
        zip(
            "载书网无弹窗说阅读线电机请学论坛区经频独发连订阅归属网络扫转载删权与点击击览数据库热门传节开标签页录终",
            "載書網無彈窗說閱讀線電機請學論壇區經頻獨發連訂閱歸屬網絡掃轉載刪權與點擊擊覽數據庫熱門傳節開標簽頁錄終",
            strict=True,
        )
    )
)


def _either(pattern: str) -> str:
    """A pattern that also matches the traditional forms of its characters."""
    out, inside = "", False
    for c in pattern:
        inside = (inside or c == "[") and c != "]"
        both = c + c.translate(_BOTH) if c.translate(_BOTH) != c else c
        out += both if inside or len(both) == 1 else f"[{both}]"
    return out


_DOMAINS = ["com", "net", "org", "cn", "cc", "info", "tw", "vip", "xyz", "top", "la", "me", "biz", "co", "tv"]
_DOMAIN = (
    r"(?:https?\s?:\s?//|[wｗＷW]{3}[.．。·])[0-9a-zA-Zａ-ｚＡ-Ｚ０-９._~:/?#\[\]@!$&*+,;=%．-]+"
    rf"|[0-9a-zA-Z][0-9a-zA-Z-]{{1,30}}[.．。](?i:{'|'.join(_DOMAINS)})(?![a-z])(?:/[0-9a-zA-Z_./?=&-]*)?"
)
_PHRASES = _either(
    r"仅供(?:读者|网友|试读|个人)?(?:预览|试阅|学习|交流)|下载后?\s?24\s?小时|交流学习使用|版权归(?:原)?作者|请支持(?:正版|作者)|购买正版"
    r"|全文字版|无弹窗|无广告|更新最快|更新更快|最快更新|最新章节|首发(?:网站|更新|于)|(?:全|纯)?手打(?:更新|吧|首发|文字|全文)"
    r"|手机(?:用户|阅读|看书|访问|站)|加入书签|收藏本站|本站(?:网址|提供|收集|域名|地址)|(?:求|投)(?:月票|推荐票|订阅)"
    r"|免费(?:下载|阅读|全文|电子书)|(?:电子书|小说)(?:免费)?下载|txt(?:电子书|小说|下载|全集)|在线(?:阅读|书库|看书)"
    r"|(?:整理|收集|制作)(?:并|上传|发布|提供)"
    r"|(?:小说|文学|读书|中文|看书|书)(?:网|吧|阁|屋|城|库|社区|论坛)(?:提供|首发|整理|制作|收集|下载|欢迎)|章节内容开始|更多(?:精彩|好看|好书)"
    r"|(?:加|进)?(?:QQ|qq|Q)\s?群|微信(?:公众号|搜索)|百度(?:搜索|一下|搜)|请(?:记住|收藏|牢记)(?:本|网)|欢迎(?:广大)?(?:书友|读者|光临|访问|您)"
    r"|下载平台|书友|本书(?:由|来自|下载)|上一[章页]|下一[章页]|返回(?:目录|书页)|喜欢(?:本书|请|就)"
)
_ADVERT = re.compile(f"{_DOMAIN}|(?i:{_PHRASES})")
# These say it alone; 手机用户, 书友, 更多好书 and the like need a second advert word in the sentence.
_SURE = re.compile(
    _either(
        r"下载后?\s?24\s?小时|版权归(?:原)?作者|请支持(?:正版|作者)|购买正版|全文字版|无弹窗|最快更新|更新最快|加入书签"
        r"|(?:求|投)(?:月票|推荐票|订阅)|章节内容开始"
    )
)
_ADDRESS = re.compile(_DOMAIN)
# Every match of _ADVERT holds one of these: a search for plain words is twenty times faster than the pattern.
_ANCHORS = (
    "仅供|载|小时|交流学习|版权归|支持正版|支持作者|购买正版|全文字版|弹窗|无广告|更新最快|更新更快|最快更新|最新章节|首发|手打"
    "|手机|书签|收藏本站|本站|月票|推荐票|订阅|免费|电子书|txt|TXT|Txt|在线|整理|收集|制作|小说网|文学网|书网|中文网|书吧|书阁|书屋|书城"
    "|书库|社区|论坛|章节内容|更多|Q群|q群|微信|百度|请记住|请收藏|请牢记|欢迎|书友|本书|上一章|上一页|下一章|下一页|返回目录|返回书页|喜欢"
    "|http|www|WWW|Www|ｗ|Ｗ"
)


def _by_first(words: str) -> str:
    """The words as one pattern, grouped by their first character: a fifth of the time of a plain alternation."""
    groups: dict[str, list[str]] = {}
    for word in words.split("|"):
        groups.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in groups.items())


_ENDINGS = "|".join(f"{dot}{form}" for dot in ".．" for n in _DOMAINS for form in (n, n.upper(), n.title()))
_ANCHOR = re.compile(_by_first(f"{_ANCHORS}|{_ANCHORS.translate(_BOTH)}|{_ENDINGS}|。com|。cn|。net"))
# What adverts are made of besides the phrases: enough of it and a sentence is one.
_WORDS = re.compile(
    _either(
        r"小\W?说|书库|书城|书屋|书吧|文学|阅读|下载|更新|首发|网站|网址|本站|网友|论坛|社区|中文网|顶点|起点|天堂|免费|广告|支持|正版|提供|在线"
        r"|电子书|手机|收藏|推荐|整理|制作|版权|作者|作品|预览|txt|TXT|www|com|平台|热门|原创|章节|全集|全文|精彩|好书|登陆|登录|网"
    )
)
_NOTICE = re.compile(
    _either(
        r"\n[ \t\u3000]*(?:(?:更新|发布|上传|发表)(?:时间|日期)\s?[:：].{0,60}"
        r"|本章(?:共)?字数\s?[:：].{0,20}|字数\s?[:：]\s?\d+.{0,10}|[-—=]*\s?章节内容开始\s?[-—=]*"
        r"|[（(【\[]?(?:本章未完|未完待续|本章完|本书完|全书完|全文完|正文完|完本)[^\n]{0,20}"
        r"|[-—=]{2,}\s?(?:完|全书完|END|The End)\s?[-—=]{2,}"
        r"|-?\s?第\s?\d{1,4}\s?页\s?(?:共\s?\d{1,4}\s?页)?\s?-?|[-—]\s?\d{1,4}\s?[-—]"
        r"|(?:(?:上一[章页]|下一[章页]|返回目录|加入书签|←|→)[ \t|]*+)++)[ \t\u3000]*(?=\n|\Z)"
    )
)
_ENDING = re.compile(
    r"《[^《》\n]{1,20}》\s?(?:至此|到此|全书|文|全)[終终完]。?(?=\n|\Z)|[（(](?:全[书書文]|本[书書])完[）)](?=\n|\Z)"
)
_DECORATION = re.compile(r"^[^\S\n]*(?:[=＝\-_~～*＊#＃+·.。☆★◆◇●○■▲※═─━—][ \t]?){6,}[^\S\n]*$", re.MULTILINE)
_BOUNDARY = re.compile(r"[。！？!?；…”』」\n]|(?<=[^a-zA-Z0-9])\.(?=[^a-zA-Z0-9])")
_CLOSING = re.compile(r"[》）)】\]]+")
_LONGEST = 300  # characters of one sentence that may be an advert
_NEAR = 8  # characters between a boundary and the first advert word that still are the site's name
_BLOCK = 16  # lines an advert between two rules may have


def adverts(text: str, account: Account) -> str:
    """Cut out adverts, site marks and disclaimers, whole lines or glued to sentences."""
    text = _blocks(text, account)
    out: list[str] = []
    at = 0
    while anchor := _ANCHOR.search(text, at):
        start = max(at, text.rfind("\n", at, anchor.start()) + 1)
        while text[start] == HEADING_MARK:
            start += 1
        feed = text.find("\n", anchor.end())
        end = len(text) if feed < 0 else feed
        out += [text[at:start], _line(text[start:end], account)]
        at = end
    return "".join([*out, text[at:]]) if out else text


def notices(text: str, account: Account) -> str:
    """Drop update times, word counts, page numbers, links to the next page, marks of the end."""
    text = account.sub("notices", _NOTICE, "", f"\n{text}")
    if not text:  # the line feed put in front went as well
        account.rules["notices"].dropped -= 1
    text = text[1:]
    return account.sub("notices", _ENDING, "", text)


def decorations(text: str, account: Account) -> str:
    """Drop lines that are only signs: ======, ------, ★★★★★★."""
    return account.sub("decorations", _DECORATION, "", text)


def _blocks(text: str, account: Account) -> str:
    """Drop advert blocks: a few lines between two rules of signs, with an advert among them."""
    rules = list(_DECORATION.finditer(text))
    out: list[str] = []
    at = 0
    for first, second in itertools.pairwise(rules):
        block = text[first.end() : second.start()]
        if first.start() < at or block.count("\n") > _BLOCK or HEADING_MARK in block or not _ADVERT.search(block):
            continue
        out.append(text[at : first.start()])
        account.note("adverts", dropped=second.end() - first.start(), sample=text[first.start() : second.end()])
        at = second.end()
    return "".join([*out, text[at:]])


def _line(line: str, account: Account) -> str:
    """A line without the adverts in it."""
    out: list[str] = []
    at = 0
    while found := _ADVERT.search(line, at):
        extent = _extent(line, found, at)
        if extent is None:
            out.append(line[at : found.end()])
            at = found.end()
            continue
        start, end = extent
        out.append(line[at:start])
        sample = f"{line[max(0, start - 12) : start]}⟦{line[start:end]}⟧{line[end : end + 12]}"
        account.note("adverts", dropped=end - start, sample=sample)
        at = max(end, found.end())
    return "".join([*out, line[at:]])


def _extent(line: str, found: re.Match[str], floor: int) -> tuple[int, int] | None:
    """Where an advert begins and ends; None where the match is no advert after all."""
    floor = max(floor, found.start() - _LONGEST)
    ceiling = min(len(line), found.end() + _LONGEST)
    left = max((b.end() for b in _BOUNDARY.finditer(line, floor, found.start())), default=floor)
    after = _BOUNDARY.search(line, found.end(), ceiling)
    right = ceiling if after is None else after.start() + (after[0] not in "”』」")
    found = _ADDRESS.search(line, found.start(), right) or found  # of a sentence with both, the address is the heart
    before, behind = line[left : found.start()], line[found.end() : right]
    address = _ADDRESS.fullmatch(found[0]) is not None
    sure = address or _SURE.fullmatch(found[0]) is not None
    words = sum(len(_WORDS.findall(part)) for part in (before, found[0], behind)) + 2 * sure
    if words < 2 or right - left > _LONGEST:
        return None if not address else (found.start(), found.end())
    first = _WORDS.search(before)
    near = len(before.strip()) if first is None else first.start()
    start = left if near <= _NEAR else left + near
    # Behind an address the book may go on at once; behind a phrase the sentence is the advert's own.
    last = max((word.end() for word in _WORDS.finditer(behind)), default=0)
    bracket = _CLOSING.match(behind)
    if address and len(behind) - last > (2 * _NEAR if last else _NEAR // 2):
        return start, found.end() + max(last, bracket.end() if bracket else 0)
    return start, right
