"""Which encoding a text file is in, found from its content alone.

A byte-order mark settles it; so does text that is valid UTF-8. Otherwise the file is decoded under each encoding
books come in, and the one that gives the most everyday characters and the fewest impossible ones is taken. Unlike a
validity check this also works on a file cut in mid-character or with broken bytes. `chardet` is asked only where no
candidate looks like a book (Japanese, Korean, Russian text and the like).
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass

WINDOW = 16_384
"""Bytes of each of the (at most three) windows the encoding is judged by."""

CANDIDATES = ("utf-8", "gb18030", "big5hkscs", "utf-16-le", "utf-16-be", "cp1252")
"""Encodings weighed against each other; gb2312 and gbk are read as gb18030, of which they are parts."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)

# The most frequent characters of Chinese prose, old and new, and the traditional forms of the same.
_COMMON = (
    "了一不人的道来是我有他之上去个在子说这你见大那里着下也得出只又到曰日此老家将头三中生二如便小就两回何儿时自看"
    "知要为好起门以前马而后十公与行可过无听把天事问心都今先面手王者么叫军爷已太却进山们走其笑身然相明还正当四兵声"
    "女等没于年方言地从玉打至灯众江话入住才口照水多宝云五处开坐请弟因金若些和往师张几分酒死外路吃所书夜边父主闻官"
    "半且同乃长川再白娘做城用虞八能想少会船作名母内夫拿兄命李使意间东必罢孙安百敢甚贾即怎放气连杀银取望喜发未西令"
    "亲成倒字送急忽教早哥数花第眼文月宋士平高姐风忙别被火带守真衣归万故原石房僧包告吾各报点呢向拜操州位尚定应引神"
    "七皆亦什解遂领立矣德光难欲样南尽妇直既更对关府本余武谁君则动客惊并但接落满许次堂给飞管收千龙刀清黄铁果信细指"
    "暗曾随色汉己六曹合姓凤怪玄青待计红九左朝复重刘空留齐转情纪孔耳非妖经国战剑庄诸寻虎法赶钱她林觉快礼圣寨救藏条"
    "实虽备氏竟理哭县差答跟恐步香求怕汝首北提近茶谢物及背轻贼远语右受吴迎深脚晚病交肯力仙怒卿姑念戒义久婆黑似脸奶"
    "伏喝干布苦奔陈阵思底退乱传司服周认须离常饭断世呼封俱疏松足慢写海新怀候车楼兴唐毕学句胜阳双居全药雨爹卓每视奉"
    "保目妻投替沙莫散旧精失亮响饮议顾侯刻唤郎举容岁草宫木般疑杨桐愿屋降京件牛牌像通商罪沉破害诗性宗魏贤春睡穿遇柳"
    "赵化臣星锁乐掌胡依流员智折樵厮变异恩观招欢休蒋初反紧由杜座共息展妹比盖伤雄鬼冲台止食辞洞哪叔嘴斗策算史院丫土"
    "祖骂迟跳某结功强极杯奏席忠探河该让追村推径朱郭徐徒号爱拨树岂良总盘钩完殿买慌旁权谓帝佛称镇或妾音站角翻活邵悄"
    "丈势店丁托脱孝约绝执索败延施扶妈肃承旗惟横登劝番幸顺始钟端鼓乡腰渐樊终捉根抬彼贵袭雪戴闹恨诉按卢跪找壁侍最很"
    "现种电社科体民产部量技机器网络界题政育历工研究系统市美英俄争场济艺术哲据验论环境资源划项务质组织任影程况形式"
    "标序准制度域基础构模型设继续增加减改选择需够较特尤乎除它您咱啊吧吗嘛哦嗯哈呀啦喂哎唉孩朋友医护警察脑汽窗桌椅"
    "袋睛朵鼻巴臂腿肩胸肚皮肤血骨灵魂"
)
_COMMON_TRADITIONAL = (
    "來個說這見裏將頭兩兒時爲門馬後與過無聽問麼軍爺卻進們還當聲沒於從燈衆話寶雲處開請師張幾喫書邊聞長會內間東罷孫"
    "賈氣連殺銀發親數風別帶歸萬報點應領難樣盡婦對關餘誰則動驚並滿許給飛龍黃鐵細隨漢鳳計紅復劉齊轉紀經國戰劍莊諸尋"
    "趕錢覺禮聖條實雖備縣謝輕賊遠語吳腳義臉乾陳陣亂傳認須離飯斷鬆寫懷車樓興畢學勝陽雙藥視舊響飲議顧喚舉歲宮楊願詩"
    "賢趙鎖樂員廝變異觀歡蔣緊蓋傷衝臺辭鬥罵遲結強極該讓徑號愛撥樹豈總盤鉤買權謂稱鎮勢脫約絕執敗媽肅橫勸順鍾鄉漸終"
    "貴襲鬧訴盧現種電體產機網絡題歷統爭場濟藝術據驗論環資劃項務質組織況標準礎構設繼續減選擇夠較嗎醫護腦膚靈裡著為"
    "眾"
)
_PIECE = 64  # bytes
_PUNCTUATION = "，。：“”、！？；‘’…—《》（）「」『』\u3000"
EVERYDAY = frozenset(_COMMON + _COMMON_TRADITIONAL + _PUNCTUATION)


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A file's text and how it was read."""

    text: str
    """The text; bytes that mean nothing in the encoding are U+FFFD. A byte-order mark is kept as U+FEFF."""
    encoding: str
    """`utf-8`, `utf-8-sig` (with a mark), `gb18030`, `big5`, `big5hkscs`, `utf-16-le` …"""
    confidence: float
    """1 where a mark or valid UTF-8 proves it; otherwise grows with the lead over the second-best candidate."""


def decode(data: bytes) -> Decoded:
    """Decode a whole file by the encoding its content shows."""
    encoding, confidence = detect(data)
    if encoding == "utf-8-sig":
        return Decoded(text=data.decode("utf-8", "replace"), encoding=encoding, confidence=confidence)
    text = data.decode(encoding, "replace")
    if encoding == "big5hkscs" and _is_plain_big5(data, text):
        encoding = "big5"
    return Decoded(text=text, encoding=encoding, confidence=confidence)


def detect(data: bytes) -> tuple[str, float]:
    """Name the encoding of `data` and the confidence, 0 to 1."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return ("utf-8-sig" if encoding == "utf-8" else encoding), 1.0
    if _is_utf8(data):
        return "utf-8", 1.0
    scores = {name: _score(b"".join(_windows(data, name)), name) for name in CANDIDATES}
    best, second = sorted(scores, key=lambda name: -scores[name])[:2]
    if scores[best] < 0.05:
        foreign = _ask_chardet(data)
        if foreign is not None:
            return foreign
    return best, round(min(0.99, 0.5 + max(0.0, scores[best] - scores[second])), 2)


def looks_binary(text: str) -> bool:
    """Whether a decoded text is no text at all: control characters or unreadable bytes on every line."""
    head = text[:100_000]
    odd = len(re.findall(r"[\x00-\x08\x0e-\x1f]", head)) + 0.25 * head.count("\ufffd")
    return odd > 0.02 * len(head)


def _is_utf8(data: bytes) -> bool:
    """Valid UTF-8 that reads as such: no NUL bytes (UTF-16) and, in a short text, no accidental Latin letters (GBK)."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if "\0" in text[: 4 * WINDOW]:
        return False
    # 联通 in GBK is valid UTF-8 of two Latin letters: beyond a few characters that does not happen by chance.
    return len(data) > 64 or text.isascii() or _score(data, "utf-8") >= _score(data, "gb18030")


def _windows(data: bytes, encoding: str) -> list[bytes]:
    """Up to three windows from head, middle and tail, the first from where the text stops being ASCII."""
    if len(data) <= 3 * WINDOW:
        return [data]
    beyond = re.search(rb"[^\x00-\x7f]", data)
    first = min(beyond.start(), len(data) - WINDOW) if beyond and not encoding.startswith("utf-16") else 0
    first -= first % 2
    starts = (first, len(data) // 2, len(data) - WINDOW)
    return [_aligned(data, start, encoding) for start in starts]


def _aligned(data: bytes, start: int, encoding: str) -> bytes:
    """A window that begins with a whole character: after a line feed, or at an even offset in UTF-16."""
    if encoding.startswith("utf-16"):
        start -= start % 2
    elif start > 0:
        feed = data.find(b"\n", start, start + WINDOW // 2)
        start = feed + 1 if feed >= 0 else start
    return data[start : start + WINDOW]


def _score(data: bytes, encoding: str) -> float:
    """How much like a book `data` reads in `encoding`: about 0.8 for Chinese or English prose, below 0 for nonsense.

    A cut or broken byte shifts the pairs of GB18030 and Big5 until the next ASCII character, so these are read in
    pieces, each from its first byte or its second, whichever reads better.
    """
    if encoding not in ("gb18030", "big5hkscs"):
        return _reading(data, encoding)
    size = max(_PIECE, len(data) // 64)
    pieces = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
    scores = (max(_reading(piece, encoding), _reading(piece[1:], encoding)) * len(piece) for piece in pieces)
    return sum(scores) / max(1, len(data))


def _reading(data: bytes, encoding: str) -> float:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data, False)  # a cut last character is no damage
    if not text:
        return -9.0
    return sum(_weight(c) * n for c, n in Counter(text).items()) / len(text)


def _weight(c: str) -> float:
    if c in EVERYDAY:
        return 1.0
    if c < "\x80":
        if c.isalpha() or c in " \n\r\t.,'\"":
            return 0.6
        return 0.3 if c >= " " else -2.0
    if "\u4e00" <= c <= "\u9fff":
        return 0.0
    if c == "\ufffd":
        return -2.0
    if "\u2010" <= c <= "\u2030" or "\u3000" <= c <= "\u303f" or "\uff01" <= c <= "\uff5e":
        return 0.2
    if "\xa0" <= c <= "\u02ff":  # accented Latin: what every encoding looks like when read as cp1252
        return -0.4
    if "\u3040" <= c <= "\u30ff" or "\u2500" <= c <= "\u257f":  # kana and rules: real now and then, mostly mojibake
        return -0.6
    return -1.5


def _ask_chardet(data: bytes) -> tuple[str, float] | None:
    import chardet

    guess = chardet.detect(data[: 4 * WINDOW], no_match_encoding="gb18030")
    name, confidence = guess["encoding"], guess["confidence"] or 0.0
    return (name.lower(), round(confidence, 2)) if name and confidence >= 0.5 and name.lower() != "ascii" else None


def _is_plain_big5(data: bytes, text: str) -> bool:
    try:
        return data.decode("big5") == text
    except UnicodeDecodeError:
        return False
