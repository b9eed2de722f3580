"""What a site prints around a chapter that is no advert: times, counts, pages, endings, and rules made of signs."""

import re

from shuoshu.books.account import Account

_N = r"[^\n]"
_NOTICE = re.compile(
    r"\n[ \t\u3000]*(?:"
    rf"(?:更新|发布|發布|發佈|上传|上傳|发表|發表)(?:于|於|时间|時間|日期)?\s?[:：]?\s?\d{{2,4}}[-/.年]\d{_N}{{0,60}}"
    rf"|(?:更新|发布|發布|發佈|上传|上傳|发表|發表)(?:时间|時間|日期)\s?[:：]{_N}{{0,60}}"
    rf"|(?:本章)?(?:共|总|總)?字[数數]\s?[:：]\s?\d{_N}{{0,40}}|本章(?:共)?字[数數]\s?[:：]{_N}{{0,40}}"
    rf"|[-—=]*\s?章[节節][内內]容[开開]始\s?[-—=]*"
    rf"|[（(【\[『]?\s?(?:本章未完|未完待[续續]|待[续續]|本章完|本[书書]完|全[书書]完|全文完|正文完|全[书書][终終]|全文[终終]|完本)(?!感言)[）)】\]』。.!！]?{_N}{{0,3}}"
    rf"|[（(【\[]?\s?(?:本章未完|未完待[续續])[，,。.]{_N}{{0,80}}|『?还在连载中\.{{0,3}}』?"
    r"|[-—=]{2,}\s?(?:完|全书完|全書完|END|The End)\s?[-—=]{2,}"
    r"|[-—]?\s?第?\s?\d{1,4}\s?[页頁]\s?[/／]?\s?(?:共\s?\d{1,4}\s?[页頁])?\s?[-—]?|[-—]\s?\d{1,4}\s?[-—]"
    r"|第?\s?[（(]\s?\d{1,3}\s?[/／]\s?\d{1,3}\s?[）)]\s?[页頁]?"
    r"|本章共\s?\d{1,3}\s?[页頁]，?[当當]前第\s?\d{1,3}\s?[页頁]|\[(?:编辑|編輯)\]|\[(?i:illustrations?)[^\]\n]{0,80}\]"
    r")[ \t\u3000]*(?=\n|\Z)"
)
_ENDING = re.compile(
    r"《[^《》\n]{1,20}》\s?(?:至此|到此|全书|全書|文|全)[終终完]。?(?=\n|\Z)|[（(](?:全[书書文]|本[书書]|未完待[续續]|本章)完?[）)](?=\n|\Z)"
)
# Cheap looks before the pattern: each begins with a plain character.
_MAY_END = re.compile(r"》\s?(?:至此|到此|全|文)")
_BRACKET_END = re.compile(r"[完续續][）)](?=\n|\Z)")
_SIGNS = r"[^\S\n]*(?:[=＝\-_~～*＊#＃+·.。☆★◆◇●○■▲※═─━—＊⊙◎][ \t]?){6,}"
RULE_OF_SIGNS = re.compile(rf"^{_SIGNS}[^\S\n]*$", re.MULTILINE)
"""A line that is only signs."""
_MAY_DECORATE = re.compile(rf"\n{_SIGNS}")


def notices(text: str, account: Account) -> str:
    """Drop update times, word counts, page numbers, marks of the end."""
    text = account.sub("notices", _NOTICE, "", f"\n{text}")
    if not text:  # the line feed put in front went as well
        account.rules["notices"].dropped -= 1
    text = text[1:]
    return account.sub("notices", _ENDING, "", text) if _MAY_END.search(text) or _BRACKET_END.search(text) else text


def decorations(text: str, account: Account) -> str:
    """Drop lines that are only signs: ======, ------, ★★★★★★."""
    return account.sub("decorations", RULE_OF_SIGNS, "", text) if has_rules_of_signs(text) else text


def has_rules_of_signs(text: str) -> bool:
    """A cheap look whether a text may have lines of signs."""
    return _MAY_DECORATE.search(f"\n{text}") is not None
