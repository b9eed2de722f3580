"""The cleaning rules: what each does to small texts, and that its account explains every character."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuoshu.books.account import Account
from shuoshu.books.cleaning import rules as clean
from shuoshu.books.cleaning.adverts import adverts
from shuoshu.books.cleaning.characters import dashes, glyphs, markup, missing, private, stand_ins, variants, width
from shuoshu.books.cleaning.mojibake import mojibake
from shuoshu.books.cleaning.notices import decorations, notices
from shuoshu.books.cleaning.oneline import one_line
from shuoshu.books.cleaning.quotes import quotes
from shuoshu.books.cleaning.repeats import boilerplate, repeats
from shuoshu.books.cleaning.wraps import wrap_width, wraps
from shuoshu.books.structure.glued import split_headings

RULES = clean.BEFORE | clean.AFTER
ALPHABET = (
    "他来了不是我的话说道天下第一回章卷序 　\n\r\t。，！？：；“”「」『』\"'…—─-=*.．·(（)）[【]】<>&;□①の鞘悄闵绷Яα"
    "\ue000\u200b\ufeff\x85\x01\x02㐀０Ａ广告网www.com载txt新" + string.ascii_letters[:8]
)
TEXTS = st.text(alphabet=ALPHABET, max_size=400) | st.text(max_size=200)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_every_rule_accounts_for_every_character(name: str, text: str) -> None:
    account = Account(len(text))
    out = RULES[name](text, account)
    account.balance(len(out))
    again = Account(len(out))
    if name not in ("boilerplate", "adverts", "mojibake", "wraps", "quotes", "markup", "title-page", "private"):
        assert RULES[name](out, again) == out  # clean once is clean


# Lines as sites put them into books, and after the bar what must stay of them. Marked by hand.
ADVERTS = """
天涯在线书库《www.tianyabook.com》|
落花啼鸟总关愁。天涯在线书库《www.tianyabook.com》|落花啼鸟总关愁。
痛哭而返。SJTXT小说下载网+sjtxt.Com|痛哭而返。
更多精彩好书，更多原创电子书，请登陆SJTXT小说下载网--www.sjtxt.com|
申明:本书由SJTXT小说下载网(www.sjtxt.com)自网络收集整理制作,仅供预览交流学习使用,版权归原作者和出版社所有.|
作品仅供读者预览,请在下载24小时内删除，不得用作商业用途；请您购买正版图书!|
TXT小说天堂  https://www.xstt5.com，最有文艺气息的文学网站，所有TXT电子书手机免费下载阅读|
全文字版小说阅读更新更快尽在支持文学支持!那郡侯同三藏都来问。|那郡侯同三藏都来问。
不见了唐僧。小^说^无广告的~顶点*小说~网www.shuyaya.com这个也来问那个也来寻|不见了唐僧。这个也来问那个也来寻
他推门出去。手机用户请访问m.example.net阅读最新章节。雨还在下。|他推门出去。雨还在下。
看書網首發，無彈窗無廣告，最快更新最新章節！|
请记住本站域名：ｗｗｗ．ａｂｃ．ｃｏｍ，喜欢本书请收藏本站。|
本书由书香小说网整理上传，欢迎书友光临。|
他说完便走了。求月票！求推荐票！|他说完便走了。
（本章未完，请点击下一页继续阅读）|
"""
# Sentences of novels with the words of adverts in them: nothing may go.
KEPT = """
我学生在贵府打搅了六七年，试手打他一下，不期就打杀了。
大小头领都教习驾船赴水，整理筵宴，准备支持。
他拿出手机看了看，没有新的消息，便又放了回去。
她喜欢读小说，尤其喜欢文学社里那些旧书。
众人道：“欢迎欢迎！”他笑道：“更多的人在后头。”
这本书是他从书库里收集来的，整理了三年。
网已经撒下去了，江面上一片寂静，只等鱼来。
他在论坛上发了一篇文章，谈的是电子书的前途。
正版的花瓶只有一只，作者早已不在人世。
It was the best of times. He came home at last.
"""


def test_adverts_are_found_and_nothing_else() -> None:
    marked = [line.split("|") for line in ADVERTS.strip().split("\n")]
    kept = KEPT.strip().split("\n")
    right = wrong = total = 0
    misses = []
    for line, rest in marked:
        account = Account(len(line))
        out = notices(adverts(line, account), account)
        account.balance(len(out))
        total += len(line) - len(rest)
        right += max(0, min(len(line) - len(out), len(line) - len(rest))) if rest in out or not rest else 0
        if out.strip() != rest:
            misses.append((line, out))
    for line in kept:
        wrong += len(line) - len(notices(adverts(line, Account(len(line))), Account(0)))
    assert right / total >= 0.95, misses
    assert wrong == 0
    assert len(misses) <= 1, misses


def test_advert_block_between_rules() -> None:
    text = (
        "他走了。\n======\n本书由某某社区：http://www.a.com/ 整理并提供下载！\n阅读创作，引领时尚。\n======\n雨停了。"
    )
    assert adverts(text, Account(len(text))).replace("\n\n", "\n") == "他走了。\n雨停了。"
    quoted = "他走了。\n======\n这一段是信。\n======\n雨停了。"
    assert adverts(quoted, Account(0)) == quoted
    assert decorations(quoted, Account(0)) == "他走了。\n\n这一段是信。\n\n雨停了。"


@pytest.mark.parametrize(
    "line",
    [
        "    更新时间:2007-11-16 7:55:51 本章字数:4804",
        "本章字数：3021",
        "（本章完）",
        "------章节内容开始-------",
        "第 12 页 共 300 页",
    ],
)
def test_notices(line: str) -> None:
    text = f"他走了。\n{line}\n雨停了。"
    assert notices(text, Account(0)) == "他走了。\n雨停了。"


def test_mojibake_of_a_lost_byte_is_read_again() -> None:
    sentence = "兄弟，是你杀了小衙内，我且问你，为何如此无礼？"
    data = sentence.encode("gb18030")
    text = "李逵道：" + data[7:].decode("gb18030", "replace") + "\n他走了。"
    out = mojibake(text, Account(len(text)))
    assert "杀了小衙内，我且问你，为何如此无礼" in out
    assert out.endswith("\n他走了。")


@pytest.mark.parametrize(
    "text",
    [
        "那㳠水之滨，有人名唤䴙鸟。",
        "ありがとうございます、と彼女は言った。",
        "Он вернулся домой поздно ночью.",
        "α与β之和。",
    ],
)
def test_rare_characters_and_other_languages_are_no_mojibake(text: str) -> None:
    assert mojibake(text, Account(0)) == text


def test_characters() -> None:
    def by(rule: clean.Rule, text: str) -> str:
        account = Account(len(text))
        out = rule(text, account)
        account.balance(len(out))
        return out

    assert (
        by(markup, "他说&quot;好&quot;&nbsp;<br/>了<b>！</b>1 < 2 &unknownthing;")
        == '他说"好" 了！1 < 2 &unknownthing;'
    )
    assert by(private, "\ue816和\ue100") == "\U00020087和□"
    text = "他推开门走进来，屋里的灯还亮着。" * 200
    assert by(stand_ins, f"{text}我の书，一只ぴ鸟") == f"{text}我的书，一只□鸟"
    asked = "他问道：“你来了？”" * 9
    assert by(missing, f"{asked}这个??字，一?是好? 好吗?是") == f"{asked}这个□□字，一□是好? 好吗?是"
    assert by(missing, "好?是") == "好?是"
    assert by(variants, "⼈⾔豈﹕") == "人言豈:"
    assert by(glyphs, "如[犭尔]最畏狨；膺朱【巾贲】，足【上而下大，音ruan3，通软】。") == "如□最畏狨；膺朱□，足□。"
    assert by(glyphs, "着□【左“鱼”右“便”】提督") == "着□提督"
    assert by(glyphs, "他说（笑）：【注】见[1]，《木马》（下）。") == "他说（笑）：【注】见[1]，《木马》（下）。"
    assert by(width, "他说:你好,ＡＢＣ１２３!走(快)了;e.g. a,b:c") == "他说：你好，ABC123!走（快）了；e.g. a,b:c"
    assert by(dashes, "他──走了...好．．．．．．吧－－a--b…。") == "他——走了……好……吧——a--b……。"
    assert by(quotes, '「他說『好』了」\n云："请。"公言："何？"') == "“他說‘好’了”\n云：“请。”公言：“何？”"
    assert by(quotes, "『你来。』他说。") == "“你来。”他说。"
    assert by(quotes, 'He said "yes" and left.') == 'He said "yes" and left.'


def test_wraps_of_a_fixed_width() -> None:
    paragraph = (
        "予姊丈之祖，宋公讳焘，邑廪生。一日，病卧，见吏人持牒，牵白颠马来，云请赴试。公言，文宗未临，"
        "何遽得考。吏不言，但敦促之。公力疾乘马从去，路甚生疏。"
    )
    wrapped = "\n".join(
        "\n".join(("    " + paragraph)[i : i + 20] for i in range(0, len(paragraph) + 4, 20)) + "\n" for _ in range(9)
    )
    assert wrap_width(wrapped) is not None
    out = wraps(wrapped, Account(len(wrapped)))
    assert [line.strip() for line in out.split("\n") if line.strip()] == [paragraph] * 9
    english = (
        "It was a dark and stormy night; the rain fell in\ntorrents, except at occasional intervals, when it\n"
        "was checked by a violent gust of wind which swept\nup the streets.\n\n"
    ) * 4
    assert "fell in torrents" in wraps(english, Account(len(english)))
    verse = "青山依旧在，\n几度夕阳红。\n" * 20
    assert wraps(verse, Account(len(verse))) == verse


def test_a_book_on_one_line() -> None:
    body = "他推开门走进来，屋里的灯还亮着。" * 700
    text = "".join(f"第{n}回 甲乙丙丁戊 己庚辛壬癸 {body}" for n in "一二三")
    account = Account(len(text))
    out = split_headings(one_line(text, account).split("\n"), account)
    account.balance(len("\n".join(out)))
    assert [line for line in out if line.startswith("第")] == [f"第{n}回 甲乙丙丁戊 己庚辛壬癸" for n in "一二三"]


def test_repeats_and_boilerplate() -> None:
    long = [
        "他推开门走进来，屋里的灯还亮着，雨声渐渐远了，谁也没有说话，只听见墙上的钟一下一下地走，"
        + f"走到第{n}下。" * 4
        for n in "一二三"
    ]
    text = "\n".join([*long, "短句。", *long, "短句。"])
    assert repeats(text, Account(len(text))) == "\n".join([*long, "短句。", "短句。"])
    refrain = f"{long[0]}\n别的一句。\n{long[0]}\n又一句。"
    assert repeats(refrain, Account(0)) == refrain
    site = "".join(f"\x01第{n}回\n诗曰：\n第{n}段。\n某某站友情上传于此\n" for n in range(12))
    out = boilerplate(site, Account(len(site)))
    assert "上传" not in out
    assert out.count("诗曰：") == 12
