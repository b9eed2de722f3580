"""Rules on single characters: entities and tags, private-use characters, glyph descriptions, width, quotes, dashes."""

import html
import re
import unicodedata
from collections.abc import Callable

from shuoshu.books.account import Account

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
MISSING = "□"
"""Stands for a character that the file does not have."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_TAG = re.compile(
    r"<!--[^>\n]{0,200}>"
    r"|</?(?:p|br|div|span|font|center|table|tr|td|th|ul|ol|li|h[1-6]|a|b|i|u|em|strong|img|script|style|sup|sub|hr|body"
    r"|html|head|meta|link)\b[^<>\n]{0,200}>",
    re.IGNORECASE,
)
# Places that GB18030 gave to private use before Unicode had these characters (GB18030-2005, then -2022).
_GB_PRIVATE = dict(
    zip(
        "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\ue7c8\ue816\ue817\ue818\ue81e\ue826\ue82b\ue82c"
        "\ue831\ue832\ue83b\ue843\ue854\ue855\ue864",
        "\ufe10\ufe11\ufe12\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19ḿǹ\U00020087\U00020089\U000200cc龴龵龶龷"
        "\U000215d7龸\U0002298f龹龺\U000241fe龻",
        strict=True,
    )
)
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")
# Radicals and compatibility forms that PDF and old fonts leave in place of the real characters.
_VARIANT = re.compile("[\u2e80-\u2fd5\uf900-\ufad9\ufe10-\ufe19\ufe30-\ufe4f\ufe50-\ufe6b\U0002f800-\U0002fa1d]")
_KANA_CYRILLIC = "\u3041-\u30fa\u30fc\u0400-\u04ff\u3105-\u312d"
_GREEK = "\u0391-\u03c9"
_FOREIGN = re.compile(f"[{_KANA_CYRILLIC}{_GREEK}]")
_STAND_IN = re.compile(f"[{_KANA_CYRILLIC}{_GREEK}]+")
_LOOKS_LIKE = {"の": "的", "ー": "一"}
_LACKED = re.compile(rf"\?(?<=[{CJK}?].)(?<![吗嗎呢么麼吧何谁誰哪否不啊].)(?=[{CJK}?，。])")
_SIGN_IN_WORD = re.compile(rf"[■※◆●▲](?<=[{CJK}].)(?=[{CJK}])")
_SIGNS_FEWEST = 3  # signs within words that are no slips
_HALF_STOP = re.compile(rf"\.(?<=[{CJK}”’」』）》].)(?=[{CJK}“‘「『（《\n\"']|\Z)")
_WIDE = re.compile(r"[０-９Ａ-Ｚａ-ｚ]")
_HALF = {",": "，", "!": "！", "?": "？", ":": "：", ";": "；", "(": "（", ")": "）"}
_HALF_AFTER = re.compile(rf"[,!?:;](?<=[{CJK}”’」』）》].)(?!//)")
_HALF_BRACKET = re.compile(rf"\((?=[{CJK}])[^()\n]{{1,200}}(?<=[{CJK}，。！？；：、”’])\)")
_WIDE_GAP = re.compile(r"[ \t\u3000\xa0](?<![ \t\u3000\xa0].)[ \t\u3000\xa0]*+")
# Each begins with a plain character or class: the engine then looks for that alone, five times as fast.
_DASHES = re.compile(r"[─━―－–—][─━―－–—]*")
_HYPHENS = re.compile(r"--(?<!---)(?:(?<=[^\x00-\x7f]--)-*+|-*+(?=[^\x00-\x7f]))")
_DOTS = re.compile(r"[．·・•‥…][．·・•‥…]*")
_STOPS = re.compile(rf"\.\.(?<=[{CJK}“”，。！？]\.\.)\.*")
_FULL_STOPS = re.compile("。。。+")
_RATIO = re.compile("∶")
_COMPONENTS = (
    "氵亻扌艹犭忄纟讠饣钅衤礻辶阝刂冫彳宀疒虍糸釒訁月目口日木火土石金王虫鱼鸟马车足齿骨革韦舟巾山女子心手贝页"
    "雨竹禾米耳衣身酉弓矢皮风鬼魚鳥馬車齒韋貝頁風麦黑鼠羽虚号號"
)
_PARTS = (
    rf"[{CJK}]\+[{CJK}]|[{_COMPONENTS}\u2e80-\u2fd5][{CJK}]|[{CJK}][{_COMPONENTS}]"
    rf"|[上左][{CJK}]{{1,2}}而?[下右中][{CJK}]{{1,2}}"
)
_TWICE = re.compile(f"(?<!{MISSING}){MISSING}{{2}}(?!{MISSING})")
_DESCRIBED = re.compile(
    r"[【\[〔（(](?:(?<=[【\[〔])(?:"
    r"[^】\]〕\n]{0,30}(?:音[^】\]〕\n]{0,3}[a-z]{1,6}\d?|字形|[左上][“\"])[^】\]〕\n]{0,40}"
    rf"|{_PARTS}|同上字|[{CJK}]{{1,2}}[，,]?[以去换換][^】\]〕\n]{{1,8}}"
    rf")[】\]〕]|(?<=[（(])(?:{_PARTS})[）)])"
)


def markup(text: str, account: Account) -> str:
    """HTML entities left in the text become their characters, HTML tags are dropped."""
    if "&" in text:
        text = account.sub("markup", _ENTITY, _entity, text)
    if "<" in text:
        text = account.sub("markup", _TAG, "", text)
    return text


def private(text: str, account: Account) -> str:
    """Private-use characters with a known meaning (GB18030) get it, the others become □."""
    if not _PRIVATE.search(account.alphabet(text)):
        return text
    return account.sub("private", _PRIVATE, lambda found: _GB_PRIVATE.get(found[0], MISSING), text)


def stand_ins(text: str, account: Account) -> str:
    """Kana, Cyrillic, Greek and bopomofo letters in place of one or two Chinese characters: の is 的, the others □."""
    if not _FOREIGN.search(account.alphabet(text)):
        return text
    letters = _FOREIGN.findall(text)
    if len(letters) > 0.01 * len(text):  # a text that is in these scripts, in part
        return text
    greek = sum("\u0391" <= letter <= "\u03c9" for letter in letters)
    science = greek < 20 or len(re.findall("[A-Za-z]", text)) > greek  # where α is an alpha

    def one(found: re.Match[str]) -> str:
        old = found[0]
        around = found.string[max(0, found.start() - 1) : found.start()] + found.string[found.end() : found.end() + 1]
        chinese = sum("\u3400" <= c <= "\u9fff" for c in around)
        if len(old) > 2 or not chinese or any(c.isalnum() and c < "\u3000" for c in around):
            return old
        if science and "\u0391" <= old[0] <= "\u03c9":
            return old
        return "".join(_LOOKS_LIKE.get(c, MISSING) if chinese == 2 else MISSING for c in old)

    return account.sub("stand-ins", _STAND_IN, one, text)


def missing(text: str, account: Account) -> str:
    """■ or ※ within words, or `?` in a text that asks with ？, is a character that an encoding lacked: □."""
    alphabet = account.alphabet(text)
    if any(sign in alphabet for sign in "■※◆●▲") and len(_SIGN_IN_WORD.findall(text)) >= _SIGNS_FEWEST:
        text = account.sub("missing", _SIGN_IN_WORD, MISSING, text)
    if "?" not in alphabet or text.count("？") < max(5, len(text) // 10_000):
        return text
    return account.sub("missing", _LACKED, MISSING, text)


def variants(text: str, account: Account) -> str:
    """Kangxi radicals, compatibility ideographs, vertical and small forms become the ordinary characters."""
    if not _VARIANT.search(account.alphabet(text)):
        return text
    return account.sub("variants", _VARIANT, _ordinary, text)


def glyphs(text: str, account: Account) -> str:
    """Descriptions of a character the file lacks, as [犭尔] or □【上艹下收，音qiao2】, become □."""
    if not any(bracket in text for bracket in "【[〔（("):
        return text
    text = account.sub("glyphs", _DESCRIBED, MISSING, text)
    return account.sub("glyphs", _TWICE, MISSING, text) if "glyphs" in account.rules else text


def width(text: str, account: Account) -> str:
    """Full-width letters and digits become half-width, half-width marks behind Chinese full-width; wide gaps go."""
    alphabet = account.alphabet(text)
    if _WIDE.search(alphabet):
        text = account.sub("width", _WIDE, lambda f: chr(ord(f[0]) - 0xFEE0), text)
    if "(" in alphabet:
        text = account.sub("width", _HALF_BRACKET, lambda f: f"（{f[0][1:-1]}）", text)
    if any(mark in alphabet for mark in ",!?:;"):
        text = account.sub("width", _HALF_AFTER, lambda f: _HALF[f[0]], text)
    if "." in alphabet and len(_HALF_STOP.findall(text)) > text.count("。"):
        text = account.sub("width", _HALF_STOP, "。", text)
    if "∶" in alphabet:
        text = account.sub("width", _RATIO, "：", text)
    return account.sub("width", _WIDE_GAP, _gap, text) if "\u3000" in alphabet else text


def dashes(text: str, account: Account) -> str:
    """Dashes become —— and dots ……, whatever they were made of."""
    alphabet = account.alphabet(text)
    if any(dash in alphabet for dash in "─━―－–") or "———" in text:
        text = _exchange("dashes", _DASHES, lambda old: "——" if len(old) > 1 or old in "─━―－" else old, text, account)
    if "-" in alphabet and "--" in text:
        text = _exchange("dashes", _HYPHENS, lambda _: "——", text, account)
    odd = "…" in alphabet and ("………" in text or text.count("…") != 2 * text.count("……"))
    if odd or any(dot in alphabet for dot in "．・•‥") or ("·" in alphabet and "··" in text):
        text = _exchange("dashes", _DOTS, lambda old: "……" if len(old) > 1 or old == "…" else old, text, account)
    if "." in alphabet and ".." in text:
        text = _exchange("dashes", _STOPS, lambda _: "……", text, account)
    if "。。。" in text:
        text = _exchange("dashes", _FULL_STOPS, lambda _: "……", text, account)
    return text


def _exchange(rule: str, pattern: re.Pattern[str], new: Callable[[str], str], text: str, account: Account) -> str:
    """As `Account.sub`, where some places grow, others shrink and others stay."""

    def one(found: re.Match[str]) -> str:
        old, put = found[0], new(found[0])
        longer = len(put) - len(old)
        if put != old:
            changed = min(len(old), len(put))
            account.note(rule, dropped=max(0, -longer), added=max(0, longer), changed=changed, sample=old)
        return put

    return pattern.sub(one, text)


def _entity(found: re.Match[str]) -> str:
    new = html.unescape(found[0])
    return new if len(new) == 1 and new.isprintable() else (" " if new == "\xa0" else found[0])


def _ordinary(found: re.Match[str]) -> str:
    new = unicodedata.normalize("NFKC", found[0])
    return new if len(new) == 1 and new != " " else found[0]


def _gap(found: re.Match[str]) -> str:
    """A gap behind a mark is an old line end and goes; between words it stays, as one space."""
    if "\u3000" not in found[0]:
        return found[0]
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    return "" if before in "，。！？；：、”’）》" or after in "，。！？；：、”’" else " "
