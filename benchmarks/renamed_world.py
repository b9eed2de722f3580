"""The renamed world: a book and its questions with the people's names exchanged, so that only a reader answers right.

    python benchmarks/renamed_world.py make BOOK --train Q.jsonl --test Q.jsonl --out DIR [--names FILE] [--seed 0]
    shuoshu run DIR/recipe.yaml --name renamed
    python benchmarks/renamed_world.py score DIR/names.json runs/renamed/evaluate/answers.jsonl

`make` writes the renamed book, train.jsonl and test.jsonl, names.json (old → new) and recipe.yaml. Everybody keeps the
family name (families stay families, 邵老 stays true) and takes the given name of somebody else with one of the same
length: 虞照川, 纪疏桐 → 虞疏桐, 纪照川; the given name alone changes too, where it is no word of the language. A name
without a known family name is exchanged as a whole. Names come from `questions.names.find_names`, or from a file with
one a line. What could not be turned back is left as it was, so the old book comes out of the new one again.

`score` counts, over the questions whose key names somebody renamed, the answers with the new name, with the old one,
and with neither. A model that knows the book from elsewhere says the old ones. Each last line is one JSON object.
"""

import argparse
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shuoshu.books.chapter import read_chapters
from shuoshu.books.stage import read_books
from shuoshu.errors import UserError
from shuoshu.files import read_json, read_jsonl, read_utf8, write_json, write_jsonl, write_text
from shuoshu.questions.formats import read_questions
from shuoshu.questions.names import find_names
from shuoshu.questions.question import Question
from shuoshu.recipe import BooksOptions

FAMILIES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗"
    "毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐"
    "邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲封芮储靳汲糜松段富巫乌焦巴弓牧隗"
    "车侯宓全班仰仲伊宫宁仇栾甘厉戎祖武符刘景詹束龙叶司黎薄印宿白怀蒲卓蔺屠蒙池乔阴胥苍闻莘党翟谭贡劳姬申扶冉雍桑桂濮牛寿边扈燕冀尚农温庄晏柴瞿阎慕连"
    "茹习艾鱼容向古易慎戈廖庾居衡步都耿满弘匡文寇广禄东欧沃利越隆师巩聂晁勾敖冷辛阚简饶曾沙丰关蒯查荆游权盖桓公"
)
"""Family names of one character, from the Hundred Family Surnames (百家姓)."""
LONG_FAMILIES = re.compile(
    "司马|上官|欧阳|夏侯|诸葛|闻人|东方|赫连|皇甫|尉迟|公羊|澹台|公冶|宗政|濮阳|淳于|单于|太叔|申屠|公孙|仲孙|轩辕|令狐|钟离|宇文|长孙|慕容|鲜于|闾丘|司徒|司空"
    "|呼延|南宫|独孤|西门|东郭|百里|端木|拓跋"
)
_TRIES = 200
NUMBERS = re.compile("[一二三四五六七八九十百千万半两]")


def given_name(name: str) -> str:
    """The name without the family name; empty where it has none that is known."""
    if len(name) > 2 and LONG_FAMILIES.match(name):
        return name[2:]
    return name[1:] if name[:1] in FAMILIES and 2 <= len(name) <= 3 else ""


def stands_alone(given: str) -> bool:
    """Whether a given name means nobody but its bearer where it stands alone: two characters, no word, no number."""
    import rjieba

    return len(given) == 2 and not NUMBERS.search(given) and len(rjieba.cut(given, hmm=False)) > 1


def exchange(names: Iterable[str], seed: int = 0) -> dict[str, str]:
    """Old → new, for every form that changes: given names that stand alone, full names where they don't, whole names.

    Nobody keeps the name, and no two get the same; who is alone in a class (same length, same kind) stays as it is.
    Nobody of a family takes the name of another one of it, where that can be had.
    """
    classes: dict[tuple[str, int], dict[str, list[str]]] = {}
    people = set(names)
    for name in sorted(people):
        given = given_name(name)
        kind = "whole" if not given else "alone" if stands_alone(given) else "full"
        parts = classes.setdefault((kind, len(given or name)), {})
        parts.setdefault(given or name, []).append(name)
    draw = random.Random(seed)
    found: dict[str, str] = {}
    for (kind, _), bearers in sorted(classes.items()):
        order = sorted(bearers)
        turned: list[tuple[str, str]] = []
        for _ in range(_TRIES):
            draw.shuffle(order)
            turned = list(zip(order, [*order[1:], order[0]], strict=True))
            if not any(name.removesuffix(part) + other in people for part, other in turned for name in bearers[part]):
                break
        for part, other in turned if len(order) > 1 else ():
            for name in bearers[part]:
                found |= {part: other} if kind != "full" else {name: name.removesuffix(part) + other}
    return found


def renamer(names: Mapping[str, str]) -> Callable[[str], str]:
    """A function that exchanges all names in a text at once, the longest where two begin at one place."""
    if not names:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    return lambda text: pattern.sub(lambda match: names[match[0]], text)


def sure_exchange(names: Iterable[str], texts: list[str], seed: int = 0) -> dict[str, str]:
    """As `exchange`, less the names that could not be turned back in these texts."""
    kept = set(names)
    while True:
        found = exchange(kept, seed)
        there, back = renamer(found), renamer({new: old for old, new in found.items()})
        spoilt = next((text for text in texts if back(there(text)) != text), None)
        if spoilt is None:
            return found
        turned = back(there(spoilt))
        at = next(place for place in range(len(turned)) if turned[: place + 1] != spoilt[: place + 1])
        # Whatever was read there on the way back is a name that the text already held, or that two words made.
        around = turned[max(at - 4, 0) : at + 5] + spoilt[max(at - 4, 0) : at + 5]
        wrong = {name for name in kept if name in around or (given_name(name) and given_name(name) in around)}
        kept -= wrong or kept


def rename_question(question: Question, rename: Callable[[str], str]) -> Question:
    """The same question of the renamed book."""
    return replace(
        question,
        question=rename(question.question),
        answer=rename(question.answer),
        key=tuple(map(rename, question.key)),
        evidence=rename(question.evidence),
        paraphrases=tuple(map(rename, question.paraphrases)),
    )


def make(book: str, train: list[Path], test: list[Path], out: Path, names: Path | None, seed: int) -> dict[str, Any]:
    """Write the renamed world of one book; returns what was renamed and whether every evidence is still found."""
    with tempfile.TemporaryDirectory() as folder:
        read_books([book], Path(folder), BooksOptions(paths=[book]))
        chapters = read_chapters(Path(folder) / "chapters.jsonl")
    titles = {chapter.book for chapter in chapters}
    if len(titles) != 1:
        raise UserError(f"{book}: {len(titles)} books; rename them one by one.")
    text = "".join(chapter.text for chapter in chapters)
    known = read_utf8(names).split() if names else list(find_names(chapters))
    sets = {
        name: [question for path in paths for question in read_questions(path)]
        for name, paths in (("train", train), ("test", test))
    }
    said = [
        part for questions in sets.values() for q in questions for part in (*q.wordings(), q.answer, *q.key, q.evidence)
    ]
    found = sure_exchange(known, [text, *said], seed)
    rename = renamer(found)
    title = next(iter(titles))
    write_text(out / f"{title}.txt", rename(text))
    recipe: dict[str, Any] = {"books": {"paths": [f"{title}.txt"]}, "questions": {}}
    evidence = lost = keys = 0
    for name, questions in sets.items():
        renamed = [rename_question(question, rename) for question in questions]
        write_jsonl(out / f"{name}.jsonl", (question.to_record() for question in renamed))
        recipe["questions"][name] = [f"{name}.jsonl"] if renamed else []
        for old, new in zip(questions, renamed, strict=True):
            keys += old.key != new.key
            if old.evidence and old.evidence in text:
                evidence += 1
                lost += new.evidence not in rename(text)
    write_json(out / "names.json", found)
    write_text(out / "recipe.yaml", json.dumps(recipe, ensure_ascii=False, indent=1) + "\n")  # JSON is YAML
    changed = len(re.findall("|".join(map(re.escape, found)), text)) if found else 0
    return {"names": found, "changed": changed, "keys_changed": keys, "evidence": evidence, "evidence_lost": lost}


def score(names: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    """For each model and mode: `n` questions with a renamed key, and answers with the `new`, `old`, `neither` name."""
    back = renamer({new: old for old, new in names.items()})
    found: dict[str, dict[str, dict[str, int]]] = {}
    for record in records:
        new = [key for key in record["key"] if back(key) != key]
        if not new:
            continue
        old = [back(key) for key in new]
        for model, modes in record["answers"].items():
            for mode, answer in modes.items():
                counts = found.setdefault(model, {}).setdefault(mode, dict.fromkeys(("n", "new", "old", "neither"), 0))
                said = answer["answer"]
                kind = "new" if any(k in said for k in new) else "old" if any(k in said for k in old) else "neither"
                counts["n"] += 1
                counts[kind] += 1
    return found


def main() -> None:
    """Make or score, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("make", help="write the renamed book, questions and recipe")
    making.add_argument("book", help="a book in any format; `demo` is the bundled one")
    making.add_argument("--train", type=Path, action="append", default=[], help="questions to learn from")
    making.add_argument("--test", type=Path, action="append", default=[], help="questions to be scored on")
    making.add_argument("--out", type=Path, required=True, help="folder to write to")
    making.add_argument("--names", type=Path, help="people, one a line; found in the book when not given")
    making.add_argument("--seed", type=int, default=0)
    scoring = verbs.add_parser("score", help="count new and old names in answers")
    scoring.add_argument("names", type=Path, help="names.json")
    scoring.add_argument("answers", type=Path, help="answers.jsonl of evaluate")
    given = parser.parse_args()
    if given.verb == "make":
        result = make(given.book, given.train, given.test, given.out, given.names, given.seed)
    else:
        result = score(read_json(given.names), (record for _, record in read_jsonl(given.answers)))
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
