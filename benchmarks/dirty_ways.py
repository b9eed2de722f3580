"""The ways in which copies are made dirty: steps of `dirty_copies` put together as one meets them."""

import random
from collections.abc import Callable

from dirty_copies import (
    Draft,
    Step,
    chinese,
    contents,
    encoded,
    glue_heading,
    headings,
    layout,
    site,
    traditional,
    wrapped,
)
from dirty_damage import (
    chapters_missing,
    chapters_twice,
    head_and_tail,
    missing_numbers,
    out_of_order,
    paragraphs_twice,
    stand_ins,
    times,
)
from dirty_english import english_headings, english_wrapped, gutenberg, pages

Way = Callable[[Draft], None]

CYRILLIC = "йиоюбвгджзлмнптфцчшщъыьэя"
KANA = "のーへぁぃぇおかきくこさしすせそゃゅょアイウエオカキツヅフヘ"
GREEK = "αβγδεζηθλμξπρστφχψω"


def chain(*steps: Step) -> Way:
    """Several steps, one after the other."""

    def way(draft: Draft) -> None:
        for step in steps:
            step(draft)

    return way


def volumes(form: str = "第{c}卷", every: int = 20, *, restart: bool = False, before: bool = False) -> Step:
    """A volume heading above every so-many-th chapter; chapters may begin anew in each, or name it themselves."""

    def step(draft: Draft) -> None:
        for i, part in enumerate(draft.parts):
            name = form.format(c=chinese(i // every + 1), p="上中下终"[min(3, i // every)])
            if before:
                part.heading[0] = f"{name} {part.heading[0]}"
            else:
                part.volume = name if i % every == 0 else ""
            if restart:
                part.heading = [f"第{chinese(i % every + 1)}章 {part.title}"]

    return step


def prologue(word: str) -> Step:
    """The first chapter is a 楔子; the count begins behind it."""

    def step(draft: Draft) -> None:
        for part in draft.parts:
            part.number -= 1
            part.heading = [f"第{chinese(part.number)}{draft.unit} {part.title}"]
        draft.parts[0].heading = [f"{word} {draft.parts[0].title}"]

    return step


def front(*lines: str) -> Step:
    """Lines above the book that are not its text."""

    def step(draft: Draft) -> None:
        draft.head += [line.format(b=draft.title, a=draft.author) for line in lines]

    return step


def described(c: str) -> str:
    """A character described by its parts, as typists did."""
    side, rest = "口言金虫犬木水火"[ord(c) % 8], "永分军苗召尔良付"[ord(c) // 8 % 8]
    return ("{%s+%s}", "[%s+%s]", "[%s*%s]", "(左%s右%s)", "【%s%s】", "[%s%s]", "（%s+%s）")[ord(c) % 7] % (side, rest)


def entity(c: str) -> str:
    """A character as HTML writes it by number."""
    return f"&#{ord(c)};"


def reread(written: str, read: str) -> Step:
    """The whole text written in one encoding, read in another and stored so."""

    def step(draft: Draft) -> None:
        draft.spoil = lambda text: text.encode(written, "replace").decode(read, "replace")

    return step


GARBLED = (("utf-8", "gb18030"), ("gb18030", "latin-1"), ("gb18030", "big5"), ("big5", "gb18030"), ("utf-8", "cp1252"))


def garbled_passages(written: str = "", read: str = "", share: float = 0.004, *, lost_byte: bool = False) -> Step:
    """Some paragraphs read in a wrong encoding; with `lost_byte`, a byte lost in the middle shifts what follows."""

    def step(draft: Draft) -> None:
        for part in draft.each:
            for i, line in enumerate(part.dirty):
                if len(line) < 20 or draft.rng.random() > share * 3:
                    continue
                if lost_byte:
                    data = line.encode("gb18030")
                    cut = draft.rng.randrange(4, len(data) - 4)
                    part.dirty[i] = (data[:cut] + data[cut + 1 :]).decode("gb18030", "replace")
                    draft.destroyed += 2
                else:
                    one, other = (written, read) if written else draft.rng.choice(GARBLED)
                    part.dirty[i] = line.encode(one, "ignore").decode(other, "replace").replace("\n", "")

    return step


def half_width(draft: Draft) -> None:
    """Marks typed in half width, straight quotes, dots and dashes of all kinds."""
    table = str.maketrans({"，": ",", "。": ".", "！": "!", "？": "?", "：": ":", "；": ";", "“": '"', "”": '"'})
    draft.everywhere(lambda line: line.translate(table).replace("……", "...").replace("——", "--"))


def corner_quotes(draft: Draft) -> None:
    """Quotes as Taiwan and Hong Kong set them."""
    draft.everywhere(lambda line: line.translate(str.maketrans("“”‘’", "「」『』")))


def wikisource(draft: Draft) -> None:
    """Pages of Wikisource copied from the browser."""
    for part in draft.parts:
        part.dirty = [
            "[编辑]",
            "维基文库，自由的图书馆",
            *part.dirty,
            f"取自“https://zh.wikisource.org/wiki/{draft.title}/{part.number}”",
        ]
        draft.planted += [part.dirty[0], part.dirty[1], part.dirty[-1]]


ONE_LINE = layout(indent="", between="\u3000\u3000", line_end="")
CHINESE: dict[str, Way] = {
    "clean": layout(indent=""),
    "big5 ?": chain(traditional("s2tw"), encoded("big5")),
    "big5-hkscs □": chain(traditional("s2hk"), encoded("big5hkscs", lambda c: "□")),
    "big5 ■": chain(traditional("s2t"), encoded("big5", lambda c: "■")),
    "big5 ※": chain(traditional("s2t"), corner_quotes, encoded("big5", lambda c: "※")),
    "big5 {口+金}": chain(traditional("s2t"), corner_quotes, encoded("big5", described)),
    "big5 &#12345;": chain(traditional("s2t"), corner_quotes, encoded("big5", entity)),
    "gb2312 {口+金}": chain(encoded("gb2312", described)),
    "big5 contents 001 corner quotes": chain(
        traditional("s2tw"), corner_quotes, contents("第{z}{u}\u3000{t}", word=""), encoded("big5hkscs",
            lambda c: "?")
    ),
    "one line, wide gaps": ONE_LINE,
    "one line, spaces": layout(indent="", between="  ", line_end=""),
    "one line, one space": layout(indent="", between=" ", line_end=""),
    "one line, no gaps": chain(layout(indent="", between="", line_end="")),
    "one line, no gaps, heading:": chain(headings("第{c}{u}：{t}"), layout(indent="", between="", line_end="")),
    "one line, contents": chain(contents(), ONE_LINE),
    "one line, traditional gbk, contents": chain(contents(), traditional("s2t"), ONE_LINE, encoded("gb18030")),
    "one line, site": chain(head_and_tail, times, site(1, 3), ONE_LINE),
    "one line, 第1章": chain(headings("第{n}章 {t}"), ONE_LINE),
    "traditional gbk, contents": chain(contents(), traditional("s2t"), encoded("gb18030")),
    "traditional gbk, contents two a line": chain(contents(across=2), traditional("s2t"), encoded("gb18030")),
    "traditional gbk, contents dots pages": chain(contents("{h}{p}", word="目 錄"), traditional("s2t"),
        encoded("gb18030")),
    "traditional gbk, contents titles only": chain(contents("{n}. {t}"), traditional("s2t"), encoded("gb18030")),
    "traditional gbk, contents 卷": chain(volumes(), contents("{h} {p}"), traditional("s2t"), encoded("gb18030")),
    "contents 001, two a line, pages": contents("第{z}回 {t}{p}", across=2, word="章节目录"),
    "contents, no word, four a line": contents("第{c}{u}", across=4, word=""),
    "contents with other numerals": chain(contents("第{n}{u} {t}", word="《目录》")),
    "site adverts": chain(head_and_tail, site()),
    "site adverts, times": chain(head_and_tail, times, site(3, 5), encoded("gb18030")),
    "site adverts, traditional": chain(head_and_tail, site(), traditional("s2tw"), encoded("utf-8")),
    "stand-ins Cyrillic": stand_ins(CYRILLIC),
    "stand-ins kana": stand_ins(KANA),
    "stand-ins Greek": stand_ins(GREEK),
    "stand-ins all, many, site": chain(head_and_tail, site(2, 3), stand_ins(CYRILLIC + KANA, 0.004),
        encoded("gb18030")),
    "stand-ins private use": stand_ins("".join(map(chr, range(0xE000, 0xE080)))),
    "stand-ins box drawing": stand_ins("┌┐└┘├┤┬┴┼╱╲◆◇◎●▲△▼■□※＊＃＠"),
    "stand-ins bopomofo": stand_ins("ㄅㄆㄇㄈㄉㄊㄋㄌㄍㄎㄏㄐㄑㄒ"),
    "wrap 35": wrapped(35),
    "wrap 40, blank between lines": chain(wrapped(40, blank=True), layout(indent="", between="\n\n")),
    "wrap 38, no indents, blank between": chain(wrapped(38, indent=""), layout(indent="", between="\n\n")),
    "wrap 36, crlf, half width": chain(half_width, wrapped(36, indent="    "), layout(indent="", line_end="\r\n")),
    "wrap 39, no indents": chain(wrapped(39, indent=""), layout(indent="")),
    "half width": half_width,
    "blank lines, indents of spaces": layout(indent="    ", between="\n\n", line_end="\r\n"),
    "utf-16": chain(layout(line_end="\r\n"), encoded("utf-16")),
    **{
        f"heading {form.replace(chr(10), '⏎')}": headings(form)
        for form in (
            "正文 第{c}{u} {t}", "第{z}{u} {t}", "第{k}章 {t}", "第{d}{u}\u3000{t}", "第{w}{u} {t}", "第{n}章",
            "第{c}{u}",
            "第{c}{u}{t}", "第{c}{u}：{t}", "第{c}{u}、{t}", "第 {c} {u}  {t}", "第{c}囘 {t}", "第{c}迴 {t}",
            "{n}、{t}",
            "{n}. {t}", "{z} {t}", "{c}、{t}", "{c}", "（{c}）", "{n}", "卷{c} {t}", "卷之{c} {t}", "Chapter {r} {t}",
            "Chapter {n}", "《{b}》第{c}{u} {t}", "{b} 第{c}{u} {t}", "【第{c}{u} {t}】", "【第{c}{u}】{t}",
            "☆、第{c}{u} {t}", "=== 第{c}{u} {t} ===", "## 第{c}{u} {t}", "第{c}{u} {t}\n第{c}{u} {t}",
            "第{c}{u}\n{t}",
            "第{c}{u}\n\n{t}", "正文卷 第{n}章 {t}", "第{n}{u}({t})", "第{c}{u} 《{t}》", "{c}回 {t}",
            "　　　　　　第{c}{u} {t}", "第{c}{u} {t}_{b}", "-第{c}{u}- {t}", "〖第{c}{u}〗 {t}", "·第{c}{u}· {t}",
            "VIP章节 第{n}章 {t}", "最新章节 第{c}{u} {t}", "{b}·第{c}{u}·{t}", "｜第{c}{u}｜{t}", "回{c} {t}",
            "第{c}{u}｜{t}",
        )
    },
    "heading + first sentence, wide gap": glue_heading("\u3000\u3000"),
    "heading + first sentence, space": glue_heading(" "),
    "heading volumes": volumes(),
    "heading volumes with titles": volumes("第{c}卷 风起云涌"),
    "heading volume before": volumes("上卷", before=True, every=1000),
    "heading volumes before": volumes("{p}卷", before=True, every=40),
    "heading volumes, count anew": volumes(restart=True),
    "heading 楔子": prologue("楔子"),
    "heading 引首": prologue("引首"),
    "heading 缘起首回": prologue("缘起首回"),
    "wrong numbers": missing_numbers,
    "chapters missing": chapters_missing,
    "chapters twice": chapters_twice,
    "chapters out of order": out_of_order,
    "paragraphs twice": paragraphs_twice,
    "garbled utf-8 as gb18030, whole": reread("utf-8", "gb18030"),
    "garbled gb18030 as latin-1, whole": reread("gb18030", "latin-1"),
    "garbled utf-8 as cp1252, whole": reread("utf-8", "cp1252"),
    "garbled utf-8 as latin-1, whole": reread("utf-8", "latin-1"),
    "garbled big5 as gb18030, whole": chain(traditional("s2t"), reread("big5", "gb18030")),
    "garbled passages, a lost byte": garbled_passages(lost_byte=True),
    **{f"garbled passages, {one} as {other}": garbled_passages(one, other) for one, other in GARBLED},
    "wikisource": wikisource,
    "gutenberg": chain(corner_quotes, traditional("s2tw"), gutenberg, layout(indent="　　", between="\n\n",
        line_end="\r\n")),
    "pages": chain(wrapped(38), layout(indent=""), pages()),
    "title page, foreword": front("{b}", "{a} 著", "", "出版说明",
        "本书据清刻本整理，标点分段，间有校改，不一一注明。"),
}  # fmt: skip

_PROSE = chain(english_wrapped())
ENGLISH: dict[str, Way] = {
    f"english {form.replace(chr(10), '⏎')}{' ' + parts if parts else ''}": chain(
        english_headings(form, parts=parts, upper=upper), *steps
    )
    for form, parts, upper, steps in (
        ("Chapter {r}", "", False, [_PROSE]), ("Chapter {n}: {t}", "", False, []), ("CHAPTER {n}. {t}", "",
            True, [_PROSE]),
        ("Chapter {w}\n\n{t}", "", False, [_PROSE]), ("CHAPTER {r}\n{t}", "", True, [_PROSE, gutenberg]),
        ("Chapter {n}", "Part {w}", False, []), ("Chapter {r}. {t}", "BOOK THE {o}", True, [_PROSE]),
        ("{r}", "", False, [_PROSE]), ("{n}. {t}", "", False, []), ("{r}. {t}", "", False, [_PROSE, gutenberg]),
        ("{n}", "", False, []), ("Chapter the {w}", "", False, [_PROSE]), ("Chapter {n} - {t}", "", False,
            [contents("{h}{p}", word="CONTENTS")]),
        ("CHAPTER {r}\n{t}", "", False, [contents("Chapter {n}  {t}", word="Contents"), _PROSE, gutenberg]),
        ("Chapter {n}\n{t}", "", False, [_PROSE, pages()]),
    )
}  # fmt: skip


def at_random(rng: random.Random) -> tuple[str, Way]:
    """A mixture of ways, and its name."""
    choices: list[tuple[str, Step | None]] = []

    def pick(*options: tuple[str, Step | None]) -> None:
        choices.append(rng.choice(options))

    forms = (
        "第{c}{u} {t}",
        "正文 第{c}{u} {t}",
        "第{z}{u}\u3000{t}",
        "第{n}章 {t}",
        "第{c}{u}：{t}",
        "第{c}{u}{t}",
        "{n}、{t}",
        "☆、第{c}{u} {t}",
    )
    pick(*((form, headings(form)) for form in forms))
    pick(("", None), ("", None), ("times", times))
    pick(
        ("", None),
        ("stand-ins", stand_ins(CYRILLIC + KANA)),
        ("private", stand_ins("".join(map(chr, range(0xE000, 0xE080))))),
    )
    pick(
        ("", None),
        ("site", site(2, 4)),
        ("heavy site", chain(head_and_tail, site(6, 12))),
        ("some site", site(2, 2, chapters=0.2)),
    )
    pick(
        ("", None),
        ("", None),
        ("contents", contents()),
        ("contents two a line", contents(across=2)),
        ("contents pages", contents("{h}{p}")),
    )
    pick(("", None), ("", None), ("missing", chapters_missing), ("twice", chapters_twice), ("pasted", paragraphs_twice))
    pick(("", None), ("", None), ("half width", half_width))
    script = rng.choice(("", "s2t", "s2tw", "s2hk"))
    if script:
        choices.append((script, traditional(script)))
        pick(("", None), ("corners", corner_quotes))
    pick(
        ("indents", None), ("blank lines", layout(between="\n\n", line_end="\r\n")), ("wrap 36", wrapped(36)),
        ("wrap 40 blank", chain(wrapped(40, blank=True), layout(indent="", between="\n\n"))), ("one line", ONE_LINE),
        ("one line, spaces", layout(indent="", between="  ", line_end="")),
    )  # fmt: skip
    lacks = rng.choice((lambda c: "?", lambda c: "□", described, entity))
    names = ("big5", "big5hkscs", "gb18030", "utf-8") if script else ("gb18030", "utf-8", "utf-16", "gbk")
    encoding = rng.choice(names)
    choices.append((encoding, encoded(encoding, lacks)))
    return ", ".join(name for name, _ in choices if name), chain(*(step for _, step in choices if step is not None))
