"""The people of a book and their other names, learned from its text by rule: no list of people, no model.

People are those the book introduces (`姓宋名江`, `荀攸，字公达`) and those who speak under a surname (`武松笑道：“`).
Their other names are the courtesy names, nicknames and names in religion the book gives them in so many words
(`字云长`, `绰号没羽箭`, `法名智深`), what stands again and again right before one name and no other (`黑旋风李逵`),
and a given name that nobody shares (黛玉). Each finding is a vote; a name with votes for two people is nobody's.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable

from shuoshu.questions.names import BEFORE_OBJECTS, LEAST, NOT_FIRST, NOT_LAST, NOT_NAMES, SPEAKS, STOPS

People = dict[str, Counter[str]]
"""Name → how often each name of that person stands in the book, their own among them."""
AGREED = 0.9
"""Share of an other name's votes that one person must have."""
SURE = 3
"""Votes of a courtesy name, beside 2 of a nickname that is told and 1 each time one stands before the name."""

HAN = "[\u3007\u3400-\u4dbf\u4e00-\u9fff]"
DOUBLE = (
    "诸葛|司马|夏侯|欧阳|公孙|上官|皇甫|尉迟|呼延|慕容|令狐|东方|西门|南宫|长孙|宇文|独孤|司徒|司空|端木|百里|申屠"
    "|淳于|完颜|耶律|太史|轩辕|钟离|闻人|东郭"
)
SINGLE = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭郎鲁韦昌马苗花方"
    "俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明"
    "臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管"
    "卢莫房裘缪解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴陆荣翁荀羊甄曲封芮储靳段焦巴弓牧车侯全班仰仲伊宫宁仇"
    "栾甘厉戎祖武符刘景詹束龙叶幸司韶黎薄印宿白怀蒲邰索咸籍赖卓蔺屠蒙池乔阴闻党翟谭贡劳逄姬申扶堵冉宰雍桑桂濮牛寿"
    "通边扈燕冀尚农温别庄晏柴瞿阎慕连茹习艾鱼容古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄东沃蔚越隆师巩聂晁勾敖融"
    "冷辛阚那简饶曾沙糜鞠丰关蒯相查荆游竺权盖益岳帅海归楚商牟佘佟苟邝樵木简迟猪智展"
)
SURNAME = f"(?:{DOUBLE}|[{SINGLE}])"

# What makes a surname a form of address (王婆, 展爷, 梁中书), not a name.
_ADDRESS = re.compile(
    "[爷公氏婆生老母妈嫂娘叔姐妹弟兄哥姑侯后王帝主某家军兵府门官姓人子儿们士师大小二三四五六七八九僧妃]|.[爷公氏]|.*(?:将军|先生"
    "|太守|太尉|员外|知府|知县|知寨|知州|提辖|都头|教头|丞相|夫人|和尚|长老|太师|御史|侍郎|尚书|头领|押司|孔目|节级|虞候|中书"
    "|衙内|干办|参谋|安抚|朝奉|总管|太监|嬷嬷|太医|大夫|编修|翰林|老爹|孝廉|乡绅|胡子|大脚|买办|统制|婆婆|妈妈|小姐|娘子|[大二三]哥"
    "|哥哥|兄弟|奶奶|姨妈|姥姥|公子|姑娘|大人|真人|魔王|娘娘|判官|郎主|道人|大圣)"
)
# Characters that no name holds.
PLAIN = set(
    "的了我你您他她它这那不是有在也都便就着吗呢么什何甚谁把被将与或而则乃之其此来去道说曰问答见闻叫唤令请个等要可未谓皆奏亦众过礼声"
)
# Surnames that are more often a word before a name.
LEADS = set("那都时从边越师相方应于何常安平成单乐明全通终国尚葛管宫雷")
# A place, an office or a kin term that stands before a name.
_NO_NICKNAME = re.compile(
    ".*(?:[府州县山城国使司院江河村寨岭寺宫部公主后帝夫弟兄哥姐妹甥侄叔舅]|尚书|太师|元帅|先锋|义士|丞相|太守|太尉|将军)"
)
_INTRODUCED = re.compile(
    rf"(?<![百贵高尊])姓(?P<surname>{SURNAME})的?[，、]?(?:我|他|单|双|讳|法|草)?(?:名|讳)(?:改作|取为|一个|[叫唤做作是个])*"
    rf"(?P<given>{HAN}{{1,2}}?)(?P<more>{HAN}{{2}})?(?=[，。、；：！？”’]|[表草]?字|绰号|别号|诨名|小字|[是的])"
)
_COURTESY = re.compile(
    rf"，?[表草]?字[是叫唤做]*(?P<name>{HAN}{{2}})(?:，后改(?P<later>{HAN}{{2}}))?(?=[，。；：、！？”’]|者|也|的)"
)
_TOLD = re.compile(
    "(?:绰号|诨名|诨号|浑名|混名|混号|外号|别号|道号|法名|法号|(?<!众)人称|人皆称|人都称|人号|自号|江湖上[人都皆]*[称唤叫呼])"
    "儿?，?(?:[又也都皆便就却他她我为是曰叫唤称做作名个自呼人俺号]|小[人可弟]|大家|贫道)*[“‘「『]?"
    rf"(?P<name>{HAN}{{2,8}})(?=[”’」』，。；、！？：])"
)
_TOLD_FIT = re.compile(f"(?!(?:{NOT_NAMES.pattern})$)(?!.*[国名]$|国师$){HAN}{{2,6}}")
_SENTENCE = "。！？\n“”"
_ANOTHER = re.compile("唤[做作]|名[唤叫]|叫[做作]|姓")


def learn_people(text: str) -> People:
    """The people of a book's text with the names it gives them."""
    people = _speakers(text)
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    introduced = _introduced(text, people, votes)
    _courtesy_names(text, people, introduced, votes)
    _told(text, people, introduced, votes)
    _before_names(text, people, votes)
    _given_names(text, people, votes)
    return _count(text, people, votes)


def by_first(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by their first character, the longest first: what `mentions` looks them up in."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names), key=len, reverse=True):
        groups[name[0]].append(name)
    return groups


def mentions(text: str, groups: dict[str, list[str]]) -> list[tuple[int, int, str]]:
    """Where names stand (`by_first`): (start, end, name), the longest at each place, none overlapping."""
    if not groups:
        return []
    found, end = [], 0
    for match in re.finditer(f"[{re.escape(''.join(groups))}]", text):
        start = match.start()
        if start >= end and (name := next((n for n in groups[match[0]] if text.startswith(n, start)), "")):
            end = start + len(name)
            found.append((start, end, name))
    return found


def _surname(name: str) -> str:
    return name[:2] if re.match(DOUBLE, name) else name[:1]


def _fit(name: str) -> bool:
    """Whether it could be a full name: a surname and one or two characters that stand in names."""
    given = name[len(_surname(name)) :]
    return (
        1 <= len(given) <= 2 and not set(given) & PLAIN and not _ADDRESS.fullmatch(given) and name[-1] not in NOT_LAST
    )


def _is_word(text: str) -> bool:
    """Whether the dictionary knows it as a word that is no name."""
    import rjieba

    tags = rjieba.tag(text)
    return len(tags) == 1 and not tags[0][1].startswith(("nr", "nz", "x"))


def _speakers(text: str) -> set[str]:
    """Full names that open at least `LEAST` speeches and go on in more than one way."""
    heads: Counter[str] = Counter()
    tails: dict[str, set[str]] = defaultdict(set)
    for match in SPEAKS.finditer(text):
        if re.match(SURNAME, words := match[1]):
            for length in range(2, min(4, len(words)) + 1):
                heads[words[:length]] += 1
                tails[words[:length]].add(words[length : length + 1])
    longer: Counter[str] = Counter()
    for head, count in heads.items():
        longer[head[:-1]] = max(longer[head[:-1]], count)
    return {
        head
        for head, count in heads.items()
        if count >= LEAST
        and _fit(head)
        and head[0] not in NOT_FIRST
        and not NOT_NAMES.search(head)
        and longer[head] < 0.8 * count
        and (len(tails[head]) > 1 or "" in tails[head])
        and all(count >= 0.3 * heads[head[:length]] for length in range(2, len(head)))
        and not _is_word(head)
        and text.count(head) >= 1.3 * count  # things are done to people as well; what only speaks is a turn of phrase
    }


def _introduced(text: str, people: set[str], votes: dict[str, Counter[str]]) -> dict[int, str]:
    """Add those whom `姓…名…` introduces; returns the offset where each such name ends, and the name."""
    ends = {}
    for match in _INTRODUCED.finditer(text):
        surname, given, more = match["surname"], match["given"], match["more"]
        name = given if given.startswith(surname) and len(given) > 1 else surname + given
        if more and len(given) == 1 and text.count(name) < 2:
            continue
        if not _fit(name) or text.count(name) < 2:
            continue
        people.add(name)
        ends[match.end("given")] = name
        if more and len(given) == 2:  # 名悟空行者: two names at once
            for other in (more, surname + more):
                if text.count(other) >= 20 and not NOT_NAMES.fullmatch(other):
                    votes[other][name] += SURE
    return ends


def _courtesy_names(text: str, people: set[str], introduced: dict[int, str], votes: dict[str, Counter[str]]) -> None:
    """`姓荀，名彧，字文若`, `荀攸，字公达`, `亮字孔明`: the courtesy name, alone and after the surname (诸葛孔明)."""
    ends = {end: name for _, end, name in mentions(text, by_first(people))}
    for match in _COURTESY.finditer(text):
        place = match.start()
        for courtesy in filter(None, (match["name"], match["later"])):
            if set(courtesy) & PLAIN:
                continue
            name = introduced.get(place) or ends.get(place) or _by_given(text, place, courtesy, people)
            if name is None and text[place] == "，":
                name = _new_name(text, place)
            if name:
                people.add(name)
                votes[courtesy][name] += SURE
                if full := text.count(_surname(name) + courtesy):
                    votes[courtesy][name] += full
                    votes[_surname(name) + courtesy][name] += SURE


def _by_given(text: str, place: int, courtesy: str, people: set[str]) -> str | None:
    """Who is meant where only the given name stands before: `亮字孔明` is 诸葛亮, for 诸葛孔明 stands in the book."""
    given = re.search(rf"(?:[^\u4e00-\u9fff]|名)({HAN}{{1,2}})$", text[max(0, place - 3) : place])
    if not given:
        return None
    fitting = [name for name in people if name[len(_surname(name)) :] == given[1]]
    called = [name for name in fitting if _surname(name) + courtesy in text]
    return called[0] if len(called) == 1 else None


def _new_name(text: str, place: int) -> str | None:
    """A full name that ends at `place` and stands elsewhere in the book too."""
    for length in (3, 2, 4):
        name = text[place - length : place]
        double = bool(re.match(DOUBLE, name))
        if re.match(SURNAME, name) and double == (length > 2) and _fit(name) and text.count(name) >= LEAST:
            return name
    return None


def _told(text: str, people: set[str], introduced: dict[int, str], votes: dict[str, Counter[str]]) -> None:
    """`绰号…`, `法名…`, `人称…`: of the name that follows at once, or of the one person the sentence has spoken of."""
    found = mentions(text, by_first(people))
    ends, starts = {end: name for _, end, name in found}, [start for start, _, _ in found]
    for match in _TOLD.finditer(text):
        other = re.sub("(?:的?便是|的)$", "", match["name"])
        person = ends.get(match.start("name") + len(other))
        if person and len(person) < len(other):
            other = other[: -len(person)]
        else:
            begin = max(max(text.rfind(mark, 0, match.start()) for mark in _SENTENCE), match.start() - 40)
            spoken = {name for _, _, name in found[bisect_left(starts, begin) : bisect_left(starts, match.start())]}
            spoken |= {introduced[place] for place in range(begin, match.start() + 1) if place in introduced}
            last = max(
                (place for place in range(begin, match.start() + 1) if place in ends or place in introduced),
                default=begin,
            )
            stranger = _ANOTHER.search(text, last, match.start())
            person = spoken.pop() if len(spoken) == 1 and not stranger else _follows(text, other)
            if person:
                people.add(person)
        if person and _TOLD_FIT.fullmatch(other) and not set(other) & PLAIN and other not in people:
            votes[other][person] += 2


def _follows(text: str, nickname: str) -> str | None:
    """The full name that stands right after a nickname, three times or more and no other: 一丈青扈三娘."""
    after = Counter(text[match.end() : match.end() + 3] for match in re.finditer(re.escape(nickname), text))
    for length in (3, 2):
        heads: Counter[str] = Counter()
        for words, count in after.items():
            if re.match(SURNAME, words) and len(words) >= length:
                heads[words[:length]] += count
        if heads:
            name, count = heads.most_common(1)[0]
            if count >= LEAST and count >= AGREED * heads.total() and _fit(name):
                return name
    return None


def _before_names(text: str, people: set[str], votes: dict[str, Counter[str]]) -> None:
    """Nicknames that stand right before a name (黑旋风李逵): often, before no other name, and seldom without it."""
    before: dict[str, Counter[str]] = defaultdict(Counter)
    called = {name: name for name in people}
    called |= {
        other: names.most_common(1)[0][0] for other, names in votes.items() if other[0] in SINGLE and len(other) > 2
    }
    for start, _, calling in mentions(text, by_first(called)):
        name = called[calling]
        lead = re.search(f"{HAN}*$", text[max(0, start - 6) : start])
        words = lead[0] if lead else ""
        for length in range(2, len(words) + 1):
            before[words[-length:]][name] += 1
    wider: Counter[tuple[str, str]] = Counter()
    for words, names in before.items():
        for name, count in names.items():
            wider[words[1:], name] = max(wider[words[1:], name], count)
    for words, names in before.items():
        name, count = names.most_common(1)[0]
        told = votes[words][name] if words in votes else 0
        if (
            2 <= len(words) <= 5
            and count >= (2 if told else 4 if len(words) > 2 else 12)
            and count >= 0.95 * names.total()
            and wider[words, name] < 0.6 * count  # 旋风李逵 always stands behind 黑
            and all(count >= 0.6 * before[words[cut:]][name] for cut in range(1, len(words) - 1))
            and not set(words) & PLAIN
            and not re.search("和(?!尚)", words)
            and (told or not _NO_NICKNAME.fullmatch(words))
            and (told or text.count(words) <= (10 if len(words) > 3 else 2.5) * count)
            and (told or not NOT_NAMES.fullmatch(words))
            and (told or count >= 8 or not _is_word(words))
            and not any(other in words for other in people)
        ):
            votes[words][name] += count


def _given_names(text: str, people: set[str], votes: dict[str, Counter[str]]) -> None:
    """Given names of two characters that stand alone more than not and follow one surname only: 黛玉 of 林黛玉."""
    speaks = Counter(match[1][:2] for match in SPEAKS.finditer(text))
    callings = {name[len(_surname(name)) :] for name in people} | {head for head in speaks if speaks[head] >= LEAST}
    wholes: dict[str, Counter[str]] = defaultdict(Counter)
    for start in range(1, len(text) - 1):
        if text[start : start + 2] in callings:
            wholes[text[start : start + 2]][text[start - 1]] += 1
    for given, leads in wholes.items():
        if (
            set(given) & PLAIN
            or given in people
            or _ADDRESS.fullmatch(given)
            or NOT_NAMES.fullmatch(given)
            or given[-1] in NOT_LAST
        ):
            continue
        whole = {lead + given: count for lead, count in leads.items() if lead in SINGLE and lead not in LEADS}
        name = max(whole, key=whole.__getitem__, default="")
        fits = name in people or (
            whole.get(name, 0) >= 5 and _fit(name) and name[:2] not in people and _acts(text, given)
        )
        second = sorted([0, 0, *whole.values()])[-2]
        alone = leads.total() - sum(whole.values())
        if (
            fits
            and whole[name] >= max(LEAST, 3 * second)
            and alone >= LEAST
            and (speaks[given] >= 10 or not _is_word(given))
        ):
            people.add(name)
            votes[given][name] += SURE


def _acts(text: str, given: str) -> bool:
    """Whether it does things and has things done to it, as 黛玉 does and 忙拦 (of 连忙拦道) does not."""
    done_to = sum(text.count(before + given) for before in BEFORE_OBJECTS)
    opens = sum(text.count(stop + given) for stop in STOPS)
    return min(done_to, opens) >= max(1, 0.02 * text.count(given))


def _count(text: str, people: set[str], votes: dict[str, Counter[str]]) -> People:
    """Each person with what the votes gave them; a person who is another's other name is that other."""
    same = {person: votes[person].most_common(1)[0][0] for person in people if votes.get(person)}
    owner: dict[str, str] = {}
    for other, names in votes.items():
        merged: Counter[str] = Counter()
        for name, count in names.items():
            merged[same.get(name, name)] += count  # 吴学究 stands for 吴用, so 智多星吴学究 does too
        name, count = merged.most_common(1)[0]
        if other != name and count >= AGREED * merged.total() and len(other) > 1:
            owner[other] = name
    names = people.difference(owner)
    counts = Counter(name for _, _, name in mentions(text, by_first(names | set(owner))))
    counted: People = {name: Counter({name: counts[name]}) for name in sorted(names) if counts[name]}
    for other, name in sorted(owner.items()):
        if name in counted and counts[other]:
            counted[name][other] = counts[other]
    return counted
