"""The people of a book, found by frequency and context, with no list and no model.

In Chinese novels a name shows itself where somebody speaks: after a stop, before 道, 说 or 曰 (`武松笑道：“`). In
English ones it is a capitalised word within a sentence.
"""

import re
from collections import Counter, defaultdict

from shuoshu.books.chapter import Chapter

LEAST = 3
"""How often a name must speak, to count as one."""
STOPS = '。！？!?，,；;：:、“”‘’"\n'
SPEAKS = re.compile(rf"(?<=[{STOPS}])([\u4e00-\u9fff]{{2,9}})[道说曰云](?=[：:，,]?[“‘])")
# How sentences open that are no names; a candidate beginning or ending so is none.
NOT_FIRST = (
    "我你您他她它这那哪此其自一二两三四五六七八九十几众诸各某每只便就又也却正忽因若如但且乃遂即再才还不没有是在把被将与同对向从到为以"
    "当话说听见看笑怒喝叫问答道言曰心口连大小内旁左右上下前后里外于及至等待慌忙急早"
)
NOT_LAST = (
    "道说笑听见看想问答叫喝骂怒急忙又便就也却正在把将向对着了的地得之其此不大冷微连哭"
    "喜惊叹点拍回起低高上下来去出入是有一这那者等只"
)
BEFORE_OBJECTS = "被把与和对向见请叫问将替令教杀救同跟"
NOT_NAMES = re.compile(
    "众人|众将|众官|众军|两人|二人|那人|这人|有人|人人|左右|小人|老者|老人|妇人|女子|公人|军士|军人|士卒|使者|来人|来使|家人|先生|大王|哥哥"
    "|兄弟|师父|师傅|徒弟|和尚|道士|太守|太后|太尉|侍中|知府|知县|相公|老爷|夫人|小姐|太太|丫头|丫鬟|主人|店家|庄客|酒保|小二|差人|大人|掌柜"
    "|伙计|少年|汉子|老汉|老叟|老僧|老尼|老王|老仆|童子|童儿|妖精|老妖|小妖|妖怪|老怪|老龙|龙王|天王|阎王|王子|帝|后主|书童|家丁|婆子|婆婆"
    "|头领|头目|衙役|班头|更夫|船家|母亲|父亲|女儿|儿子|娘子|丈夫|妻子|仰天|梢公|都管|安人|太公|员外|府尹|罗汉|功曹"
)
ENGLISH = re.compile(r"(?<=[a-z,;] )(?:(?:Mr|Mrs|Miss|Dr)\. )?[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})?")
ENGLISH_COMMON = re.compile(
    "January|February|March|April|June|July|August|September|October|November|December|(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    "|God|Lord|Sir|Lady|English|French|German|Latin|Christmas"
)


def find_names(chapters: list[Chapter], most: int = 400) -> dict[str, int]:
    """The names of a book, each with how often it stands in the text, the commonest first, at most `most` of them."""
    text = "\n".join(chapter.text for chapter in chapters)
    chinese = len(re.findall("[\u4e00-\u9fff]", text)) > len(text) / 4
    names = _speakers(text) if chinese else _capitalised(text)
    counts = {name: text.count(name) for name in names}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _speakers(text: str) -> list[str]:
    """Heads that open many different speeches: 武松 in 武松道, 武松笑道, 武松听了大怒道."""
    heads: Counter[str] = Counter()
    tails: dict[str, set[str]] = defaultdict(set)
    for match in SPEAKS.finditer(text):
        words = match[1]
        for length in range(2, min(4, len(words)) + 1):
            heads[words[:length]] += 1
            tails[words[:length]].add(words[length : length + 1])
    names: list[str] = []
    for head in sorted(heads, key=len):
        count = heads[head]
        if count < LEAST or head[0] in NOT_FIRST or head[-1] in NOT_LAST or NOT_NAMES.fullmatch(head) or _is_word(head):
            continue
        longer = [heads[other] for other in heads if len(other) == len(head) + 1 and other.startswith(head)]
        # 诸葛 always goes on as 诸葛亮, so it is no name by itself; 武松 goes on in many ways.
        if max(longer, default=0) >= 0.8 * count or (len(tails[head]) == 1 and "" not in tails[head]):
            continue
        # 武松大 is 武松 with a word that follows; 阮小七 beside 阮小 is a name.
        if any(count < 0.3 * heads[head[:length]] for length in range(2, len(head))):
            continue
        names.append(head)
    return [name for name in names if _is_object(name, text)]


def _is_object(name: str, text: str) -> bool:
    """Whether things are done to it as well (把武松, 与武松): what only ever opens a sentence is no name."""
    done_to = len(re.findall(f"[{BEFORE_OBJECTS}]{name}", text))
    return done_to >= max(1, 0.02 * text.count(name))


def _is_word(text: str) -> bool:
    """Whether the dictionary knows `text` as a common word: a verb, an adverb, a title."""
    import rjieba

    tags = rjieba.tag(text)
    return len(tags) == 1 and not tags[0][1].startswith(("nr", "nz", "ns", "x"))


def _capitalised(text: str) -> list[str]:
    counts = Counter(match[0] for match in ENGLISH.finditer(text))
    return [name for name, count in counts.items() if count >= LEAST and not ENGLISH_COMMON.fullmatch(name)]
