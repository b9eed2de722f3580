"""Project Gutenberg's head and tail go; a mark of theirs that strayed into a book takes nothing of it along."""

from shuoshu.books.account import Account
from shuoshu.books.cleaning.gutenberg import gutenberg

BOOK = "".join(f"第{n}回\n他推开门走进来，屋里的灯还亮着，雨声渐渐远了，谁也没有说话。\n" for n in range(300))
START = "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n"
END = "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n"
HEAD = "The Project Gutenberg eBook of X\nTitle: X\nAuthor: Y\nLanguage: Chinese\n"
TAIL = "Updated editions will replace the previous one.\nFULL LICENSE\nProject Gutenberg copyright.\n"


def test_head_and_tail() -> None:
    text = f"{HEAD}{START}\nProduced by A and B\n\n{BOOK}{END}{TAIL}"
    account = Account(len(text))
    out = gutenberg(text, account)
    account.balance(len(out))
    assert out.strip() == BOOK.strip()


def test_stray_marks_take_nothing_along() -> None:
    for place in (0.1, 0.5, 0.95):
        at = int(place * len(BOOK))
        for mark in (START, END, "End of the Project Gutenberg EBook of X\n"):
            text = f"{BOOK[:at]}\n{mark}Title: ebook, copyright, license.\n{BOOK[at:]}"
            assert gutenberg(text, Account(0)) == text
