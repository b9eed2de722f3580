import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shuoshu.answer.aliases import by_first, learn_people, mentions
from shuoshu.answer.index import Index
from shuoshu.answer.lexicon import Lexicon, learn_lexicon
from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus"

# Well-known other names, written down from memory, not from what is found.
KNOWN = {
    "水浒传": (
        "及时雨 宋江 黑旋风 李逵 豹子头 林冲 花和尚 鲁智深 智多星 吴用 玉麒麟 卢俊义 "
        "入云龙 公孙胜 大刀 关胜 霹雳火 秦明 双鞭 呼延灼 小李广 花荣 小旋风 柴进 "
        "扑天雕 李应 美髯公 朱仝 行者 武松 青面兽 杨志 九纹龙 史进 浪子 燕青 "
        "神行太保 戴宗 拚命三郎 石秀 母夜叉 孙二娘 一丈青 扈三娘 鼓上蚤 时迁 浪里白跳 张顺"
    ),
    "三国演义": (
        "孔明 诸葛亮 玄德 刘备 云长 关羽 翼德 张飞 子龙 赵云 孟德 曹操 "
        "公瑾 周瑜 仲达 司马懿 奉先 吕布 孟起 马超 汉升 黄忠 凤雏 庞统 "
        "士元 庞统 伯约 姜维 仲谋 孙权 本初 袁绍 子敬 鲁肃 伯言 陆逊 "
        "文远 张辽 关公 关羽 阿斗 刘禅"
    ),
    "三侠五义": (
        "锦毛鼠 白玉堂 南侠 展昭 北侠 欧阳春 御猫 展昭 钻天鼠 卢方 翻江鼠 蒋平 黑妖狐 智化 小诸葛 沈仲元 包公 包拯"
    ),
    "红楼梦": ("凤辣子 王熙凤 颦儿 林黛玉 雨村 贾化 呆霸王 薛蟠 湘云 史湘云 黛玉 林黛玉"),
    "西游记": ("齐天大圣 孙悟空 行者 孙悟空 美猴王 孙悟空 八戒 猪悟能 玄奘 陈玄奘 三藏 唐三藏"),
}


def chapter(book: str, text: str, number: int = 1) -> Chapter:
    return Chapter(book=book, number=number, title="", text=text, start=0)


def learn(**books: str) -> Lexicon:
    return learn_lexicon([chapter(book, text) for book, text in books.items()])


LIANG = (
    "那人姓宋名江，表字公明，郓城人氏。众人道：“这位是宋公明。”宋江道：“不敢。”宋江又笑。\n"
    "此人姓李名逵，绰号黑旋风。李逵大叫。黑旋风李逵来了，李逵便走。\n"
    + "却说黑旋风李逵提斧。只见黑旋风李逵大怒。又有黑旋风李逵赶来。都是黑旋风李逵所为。\n"
)


def test_what_a_book_says_in_so_many_words() -> None:
    names = learn(书=LIANG).names("书")
    assert set(names["宋江"]) == {"公明", "宋公明"}
    assert names["李逵"] == ("黑旋风",)


def test_a_given_name_alone_is_found_by_the_full_courtesy_name() -> None:
    text = "此人姓诸葛，名亮。亮字孔明。人称诸葛孔明。诸葛亮出，诸葛亮入。孔明笑。乐亮字未明。"
    assert set(learn(书=text).names("书")["诸葛亮"]) == {"孔明", "诸葛孔明"}


def test_an_other_name_of_two_people_is_nobodys() -> None:
    text = "一人姓徐名晃，字公明。一人姓管名辂，字公明。徐晃走，管辂笑。徐晃坐，管辂立。徐公明来，管公明去。"
    lexicon = learn(书=text)
    assert lexicon.canonical("公明") is None
    assert lexicon.canonical("徐公明") == "徐晃"
    assert lexicon.canonical("管公明") == "管辂"


def test_two_books_with_the_same_other_name() -> None:
    lexicon = learn(甲="姓宋名江，字公明。宋江来，宋江去。", 乙="姓徐名晃，字公明。徐晃来，徐晃去。")
    assert lexicon.canonical("公明", ["甲"]) == "宋江"
    assert lexicon.canonical("公明", ["乙"]) == "徐晃"
    assert lexicon.canonical("公明") is None
    assert lexicon.find("公明和宋江", ["乙"]) == [(0, 2, "徐晃")]


def test_a_woman_named_in_between_does_not_lend_her_nickname() -> None:
    text = "姓李名应的庄主。李应有个邻家女将，唤做扈三娘，绰号一丈青。李应道。" + "一丈青扈三娘来。" * 4
    names = learn(书=text).names("书")
    assert names["扈三娘"] == ("一丈青",)
    assert names["李应"] == ()


def test_find_and_expand() -> None:
    lexicon = learn(书=LIANG)
    assert lexicon.find("黑旋风李逵和宋公明") == [(0, 3, "李逵"), (3, 5, "李逵"), (6, 9, "宋江")]
    assert lexicon.find("没有人") == []
    assert lexicon.expand("黑旋风在哪里？") == ["李逵"]
    assert set(lexicon.expand("宋江在哪里？")) == {"公明", "宋公明"}
    assert lexicon.expand("宋江在哪里？", ["别的书"]) == []


def test_english_people() -> None:
    text = "\n".join(
        [
            "and then Fitzwilliam Darcy spoke, but Mr. Darcy left.",
            "when Elizabeth Bennet came, Jane Bennet wept with Elizabeth.",
        ]
        * 4
    )
    lexicon = learn(Pride=text)
    assert lexicon.canonical("Mr. Darcy") == "Fitzwilliam Darcy"
    assert lexicon.canonical("Elizabeth") == "Elizabeth Bennet"
    assert lexicon.find("Elizabethan drama") == []


def test_traditional_books_are_known_as_such() -> None:
    assert learn(书="他們說這個時候沒有人來。").simplified is False
    assert learn(书="他们说这个时候没有人来。").simplified is True


def test_mentions_are_the_longest_that_stand_there() -> None:
    assert mentions("刘玄德见玄德", by_first(["玄德", "刘玄德"])) == [(0, 3, "刘玄德"), (4, 6, "玄德")]
    assert mentions("刘玄德", by_first([])) == []


def test_kept_beside_the_index(novella_index: Index, novella_folder: Path, tmp_path: Path) -> None:
    book = novella_index.books[0]
    assert novella_index.lexicon.canonical("苦口婆") == "葛忘忧"
    assert novella_index.lexicon.names(book) == Lexicon.open(novella_folder).names(book)
    novella_index.lexicon.save(tmp_path)
    assert (tmp_path / "lexicon.json").read_bytes() == (novella_folder / "lexicon.json").read_bytes()


def test_an_index_without_one_still_opens(tmp_path: Path) -> None:
    assert Lexicon.open(tmp_path).find("宋江") == []


def damage(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda good: {**good, key: value}


@pytest.mark.parametrize(
    "broken",
    [
        lambda good: [],
        damage("format", -1),
        damage("simplified", "yes"),
        damage("books", []),
        damage("books", {"书": {"宋江": {}}}),
        damage("books", {"书": {"宋江": {"宋江": "3"}}}),
        damage("books", {"书": {"宋江": {"宋江": True}}}),
        damage("books", {"书": {"宋江": {"宋江": 3, "": 1}}}),
        damage("books", {"书": {"宋江": {"宋江": 3, "长" * 50: 1}}}),
        damage("books", {"书": {"宋江": {"宋江": 3} | {f"宋{n}": 1 for n in range(99)}}}),
        damage("books", {"书": {f"宋江{n}": {f"宋江{n}": 1} for n in range(6000)}}),
        damage("books", {"书": {"宋江": 3}}),
    ],
)
def test_a_broken_one_says_so(broken: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    learn(书=LIANG).save(tmp_path)
    path = tmp_path / "lexicon.json"
    path.write_text(json.dumps(broken(json.loads(path.read_text()))))
    with pytest.raises(UserError, match=r"lexicon\.json is a broken"):
        Lexicon.open(tmp_path)


def test_well_known_other_names_are_found() -> None:
    if not CORPUS.is_dir():
        pytest.skip("needs ../shared/corpus")
    found, wrong = Counter[str](), []
    for book, words in KNOWN.items():
        people = learn_people((CORPUS / f"{book}.txt").read_text(encoding="utf-8"))
        owner = {calling: name for name, calls in people.items() for calling in calls}
        pairs = words.split()
        for calling, name in zip(pairs[::2], pairs[1::2], strict=True):
            found["asked"] += 1
            if calling in owner and name in (owner[calling], *people[owner[calling]]):
                found["found"] += 1
            elif calling in owner and owner[calling] != calling:
                wrong.append((calling, owner[calling]))
    assert found["asked"] >= 60
    assert found["found"] >= 0.6 * found["asked"], found
    assert len(wrong) <= 2, wrong
