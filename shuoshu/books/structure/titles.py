"""What a book is called: from its metadata, its file name, or 《》 in its first lines; and the title page, dropped."""

import re
from pathlib import PurePath

from shuoshu.books.account import Account
from shuoshu.books.reading.extract import HEADING_MARK

HEAD_LINES = 12
"""Lines at the head of a file in which a title page may stand."""

_TITLE_PAGE = 60  # characters without a sentence above the first heading that are no foreword
_ENCODING_SUFFIX = re.compile(
    r"\.(gb18030|gbk|gb2312|big5(-?hkscs)?|utf-?8|utf-?16|txt|epub|html?|md)\b.*$", re.IGNORECASE
)
_QUOTED = re.compile(r"《\s*([^《》\n]{1,40}?)\s*》")
_NAME_TRIMMINGS = re.compile(
    r"[\s_\-—]*(作者|著者|by\b).*$|[\s_\-—]*[（(\[【][^（(\[【]*[）)\]】]|[\s_\-—]*(txt|TXT)?(全集)?(下载|下載|电子书).*$|^www\.\S+?[_\-\s]",
    re.IGNORECASE,
)
_AUTHOR = re.compile(
    r"[\s(（\[【]*(作\s*者|著\s*者|原\s*著|译\s*者|譯\s*者|整理|校对|author|by|title)\s*[:：].{0,40}", re.IGNORECASE
)


def book_title(file: str, metadata: str, text: str) -> str:
    """The title without 《》: the metadata's, the one in the file name, or the one in the first lines."""
    if metadata.strip():
        return _without_quotes(metadata)
    name = _ENCODING_SUFFIX.sub("", PurePath(file).stem)
    named = _QUOTED.search(name)
    if named:
        return named[1]
    name = _NAME_TRIMMINGS.sub("", name).strip(" _-—.") or name
    if re.search(r"[\u4e00-\u9fff]", name):
        return name
    # book1.txt, 12345.txt: the title page may know better
    head = [line.strip() for line in text.split("\n")[: 2 * HEAD_LINES] if line.strip()][:HEAD_LINES]
    for line in head:
        quoted = _QUOTED.search(line)
        if quoted and not re.search(r"[。！？；，]", line):
            return quoted[1]
    if head and re.fullmatch(r"[\u4e00-\u9fff]{1,12}", head[0]) and any(HEADING_MARK in line for line in head[1:]):
        return head[0]
    return name


def drop_title_page(text: str, title: str, account: Account) -> str:
    """Drop the lines above the first heading that only say the title and the author."""
    front = text.partition(HEADING_MARK)[0]
    if HEADING_MARK in text and 0 < len(front.strip()) < _TITLE_PAGE and not re.search(r"[。！？]", front):
        account.note("title-page", dropped=len(front), sample=front)
        return text[len(front) :]
    lines = text.split("\n", HEAD_LINES)
    gone: set[int] = set()
    for i, line in enumerate(lines[:HEAD_LINES]):
        if line.startswith(HEADING_MARK):
            break
        if line.strip() and _says_title(line, title):
            gone.add(i)
    if not gone or len(gone) == len([line for line in lines if line.strip()]):
        return text
    return "\n".join(account.drop_lines("title-page", lines, gone))


def _says_title(line: str, title: str) -> bool:
    line = line.strip()
    if _AUTHOR.fullmatch(line):
        return True
    if len(line) > len(title) + 40 or re.search(r"[。！？；]", line):
        return False
    plain = re.sub(r"[\s《》〈〉\[\]【】（）()/／·—-]", "", line)
    title = re.sub(r"\s", "", title)
    if plain == title:
        return True
    rest = plain.removeprefix(title)
    # 《三国演义》 罗贯中 著, 《水浒传》（精校版全本）作者：施耐庵, 《西游记》吴承恩（明）
    return rest != plain and bool(re.search(rf"^\W*《\s*{re.escape(title)}\s*》|作者|[著着撰编]\W*$|全本|完本", line))


def _without_quotes(title: str) -> str:
    title = " ".join(title.split())
    quoted = _QUOTED.match(title)
    return quoted[1] if quoted else title
