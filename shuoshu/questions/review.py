"""`shuoshu questions review`: a page to read pairs with the passage beside them, correct, accept or reject them.

    shuoshu questions review questions.jsonl --chapters runs/mine/books/chapters.jsonl

Every change is saved at once: the file itself always holds the pairs that are not rejected, as corrected, and
`NAME.review.jsonl` beside it all of them with the verdicts, so that a rejected pair can be taken back.
"""

from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from shuoshu.books.chapter import Chapter
from shuoshu.errors import UserError
from shuoshu.files import read_jsonl, write_jsonl
from shuoshu.questions.formats import read_questions, write_questions
from shuoshu.questions.question import Question
from shuoshu.questions.verify import Books, check_pair

if TYPE_CHECKING:
    import gradio

VERDICTS = ("", "accept", "reject")
AROUND = 300
"""Characters of text shown before and after the evidence."""
EDITED = ("question", "answer", "key", "evidence", "paraphrases")


class Review:
    """The pairs of a file, their verdicts, and the books they came from."""

    def __init__(self, file: Path, chapters: list[Chapter]) -> None:
        """Goes on with `NAME.review.jsonl` where there is one. Raises UserError for a file without pairs."""
        self.file = file
        self._log = file.with_suffix(".review.jsonl")
        source = self._log if self._log.is_file() else file
        self.questions = read_questions(source)
        if not self.questions:
            raise UserError(f"{file}: holds no question to review.")
        self.verdicts = [""] * len(self.questions)
        if source == self._log:
            self.verdicts = [str(record.get("verdict", "")) for _, record in read_jsonl(self._log)]
        self._chapters = {(chapter.book, chapter.number): chapter.text for chapter in chapters}
        self._books = Books(chapters)

    def edit(self, place: int, **fields: str) -> list[str]:
        """Change fields of a pair (`key` and `paraphrases` one a line), save, and say what the checks find wrong."""
        changed: dict[str, str | tuple[str, ...]] = {}
        for name, text in fields.items():
            lines = tuple(line.strip() for line in text.splitlines() if line.strip())
            changed[name] = lines if name in ("key", "paraphrases") else text.strip()
        if not changed.get("question", "?") or not changed.get("answer", "!"):
            return ["a pair needs a question and an answer: not saved"]
        self.questions[place] = replace(self.questions[place], **changed)  # type: ignore[arg-type]
        self.save()
        return self.faults(place)

    def judge(self, place: int, verdict: str) -> None:
        """Accept or reject a pair, or take the verdict back, and save."""
        self.verdicts[place] = verdict
        self.save()

    def save(self) -> None:
        """Write the verdicts, then the file without what is rejected; each whole or not at all."""
        pairs = list(zip(self.questions, self.verdicts, strict=True))
        write_jsonl(self._log, ({**question.to_record(), "verdict": verdict} for question, verdict in pairs))
        write_questions(self.file, (question for question, verdict in pairs if verdict != "reject"))

    def faults(self, place: int) -> list[str]:
        """What the checks against the books find wrong with a pair."""
        return check_pair(self.questions[place], self._books)[1]

    def next_open(self, place: int) -> int:
        """The next pair without a verdict after `place`, round the end; `place` itself where there is none."""
        places = [*range(place + 1, len(self.questions)), *range(place)]
        return next((other for other in places if not self.verdicts[other]), place)

    def passage(self, place: int) -> str:
        """The text around the evidence, as HTML, the evidence marked."""
        question: Question = self.questions[place]
        text = self._chapters.get((question.book, question.chapter or 0), "")
        at = text.find(question.evidence) if question.evidence else -1
        if at < 0:
            return "<p>（书中没有找到依据）</p>"
        end = at + len(question.evidence)
        before, after = text[max(0, at - AROUND) : at], text[end : end + AROUND]
        marked = f"{escape(before)}<mark>{escape(question.evidence)}</mark>{escape(after)}"
        return f"<p>《{escape(question.book)}》第{question.chapter}回</p><p>{marked.replace(chr(10), '<br>')}</p>"


def review_page(file: Path, chapters: list[Chapter]) -> "gradio.Blocks":
    """The page, to be launched: `review_page(...).launch()`."""
    import gradio

    review = Review(file, chapters)

    def show(place: int) -> list[object]:
        question = review.questions[place]
        done = sum(bool(verdict) for verdict in review.verdicts)
        head = f"{place + 1} / {len(review.questions)}　{question.id}　{done} 已审"
        values = [question.question, question.answer, "\n".join(question.key), question.evidence]
        faults = "；".join(review.faults(place)) or "通过检查"
        return [
            place,
            head,
            *values,
            "\n".join(question.paraphrases),
            review.passage(place),
            faults,
            review.verdicts[place],
        ]

    def save(place: int, *texts: str) -> tuple[str, str]:
        faults = review.edit(place, **dict(zip(EDITED, texts, strict=True)))
        return "；".join(faults) or "通过检查", review.passage(place)

    def judge(verdict: str) -> Callable[[int], list[object]]:
        def step(place: int) -> list[object]:
            review.judge(place, verdict)
            return show(review.next_open(place))

        return step

    with gradio.Blocks(title="Shuoshu questions review") as page:
        place = gradio.State(0)
        head = gradio.Markdown()
        with gradio.Row():
            with gradio.Column():
                boxes = [
                    gradio.Textbox(label=label, lines=lines)
                    for label, lines in (
                        ("问题", 2),
                        ("答案", 2),
                        ("关键词（每行一个）", 2),
                        ("依据", 3),
                        ("其他问法（每行一个）", 6),
                    )
                ]
            with gradio.Column():
                passage = gradio.HTML()
                faults = gradio.Textbox(label="检查", interactive=False)
                verdict = gradio.Textbox(label="结论", interactive=False)
        with gradio.Row():
            back, accept, reject, forward = (
                gradio.Button(text) for text in ("← 上一条", "✓ 接受，下一条", "✗ 拒绝，下一条", "下一条 →")
            )
        shown = [place, head, *boxes, passage, faults, verdict]
        for box in boxes:
            box.blur(save, [place, *boxes], [faults, passage])
        back.click(lambda at: show((at - 1) % len(review.questions)), place, shown)
        forward.click(lambda at: show((at + 1) % len(review.questions)), place, shown)
        accept.click(judge("accept"), place, shown)
        reject.click(judge("reject"), place, shown)
        page.load(lambda: show(0), None, shown)
    return page
