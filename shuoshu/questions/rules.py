"""Questions made by rule, with no model: a name left out of a sentence, and who said a speech.

They are plain and marked as what they are (type 填空 and 说话人), but true by construction, and give a run without any
endpoint something to learn answering from.
"""

import re
from dataclasses import replace

from shuoshu.books.chapter import Chapter
from shuoshu.questions.names import find_names
from shuoshu.questions.pieces import cut_pieces
from shuoshu.questions.question import Question

SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]")
CLOZE_LENGTH, CLOZE_ENGLISH = (16, 60), (40, 160)
SPEECH = re.compile(r"(?<![\u4e00-\u9fff])([\u4e00-\u9fff]{2,12})[道说曰云][：:]“([^“”\n]{10,60})”")
SPEECH_ENGLISH = re.compile(r"\"([^\"\n]{20,180}),?\" (?:said|asked|replied|cried) ([A-Z]\w+)")


def rule_questions(chapters: list[Chapter], density: float) -> list[Question]:
    """At most `density` questions for every 1,000 characters of each piece of the books, in the order of the text."""
    questions = []
    for book in dict.fromkeys(chapter.book for chapter in chapters):
        own = [chapter for chapter in chapters if chapter.book == book]
        names = [name for name, count in find_names(own).items() if count >= 5]
        if not names:
            continue
        pattern = re.compile("|".join(re.escape(name) for name in sorted(names, key=lambda name: -len(name))))
        owed, asked = 0.0, set()
        for piece in cut_pieces(own):
            owed += density * len(piece.text) / 1000
            # Speeches first: a sentence with its name left out is the plainer question.
            for question in [*_speeches(piece.text, pattern), *_clozes(piece.text, pattern)]:
                if owed >= 1 and question.question not in asked:
                    owed -= 1
                    asked.add(question.question)
                    questions.append(_place(question, book, piece.chapter, len(questions)))
    return questions


def _speeches(text: str, names: re.Pattern[str]) -> list[Question]:
    found = []
    for match in SPEECH.finditer(text):
        speaker, speech = names.match(match[1]), match[2]
        if speaker and speaker[0] not in speech:
            name = speaker[0]
            found.append(_question("说话人", f"“{speech}”这句话是谁说的？", f"这句话是{name}说的。", name, match[0]))
    for match in SPEECH_ENGLISH.finditer(text):
        speech, speaker = match[1], names.match(match[2])
        if speaker and speaker[0] not in speech:
            name = speaker[0]
            found.append(_question("说话人", f'Who said: "{speech}"?', f"{name} said it.", name, match[0]))
    return found


def _clozes(text: str, names: re.Pattern[str]) -> list[Question]:
    found = []
    for sentence in SENTENCE.findall(text):
        sentence = sentence.strip("”’ 　")
        named = names.findall(sentence)
        chinese = bool(re.search("[\u4e00-\u9fff]", sentence))
        shortest, longest = CLOZE_LENGTH if chinese else CLOZE_ENGLISH
        # One name in all: with two, the one that is left would often give the other away, or fit as well.
        if len(named) != 1 or not shortest <= len(sentence) <= longest or "“" in sentence or '"' in sentence:
            continue
        gap = sentence.replace(named[0], "＿＿")
        if chinese:
            found.append(_question("填空", f"“{gap}”空格里是谁的名字？", f"空格里是{named[0]}。", named[0], sentence))
        else:
            found.append(_question("填空", f'Whose name is missing: "{gap}"', f"It is {named[0]}.", named[0], sentence))
    return found


def _question(kind: str, question: str, answer: str, key: str, evidence: str) -> Question:
    return Question(type=kind, question=question, answer=answer, key=(key,), evidence=evidence)


def _place(question: Question, book: str, chapter: int, number: int) -> Question:
    chinese = question.question.endswith("？")
    return replace(
        question,
        id=f"rules-{number + 1:05d}",
        book=book,
        chapter=chapter,
        question=f"《{book}》里，{question.question}" if chinese else f"In {book}: {question.question}",
    )
