"""An English novel without end or author, to be made dirty: sentences put together from parts, and its headings."""

import random
import textwrap

from dirty_copies import Draft, Part, Step, roman

_WHO = (
    "the ferryman", "old Mrs. Harrow", "Captain Dunmore", "the lamplighter's daughter", "Mr. Tobias Wren",
    "the curate",
    "her uncle", "the stranger in grey", "young Peter", "the schoolmistress", "Dr. Linley", "the miller",
)  # fmt: skip
_DID = (
    "walked down to the quay before the mist had lifted", "would not say where the letter had come from",
    "put the kettle on and said nothing for a long while", "had never once spoken of the winter of the great flood",
    "laughed, but there was no mirth in it", "counted the coins twice and put back the smallest",
    "looked at the clock, which had stopped at a quarter to nine",
    "was of the opinion that the dog knew more than the parson",
    "carried the lamp from room to room until every shutter was fast", "remembered the smell of tar and of wet rope",
    "asked whether the coach for Wexcombe had gone", "shook the rain from a hat that had seen better days",
)  # fmt: skip
_AND = (
    "and that was the end of the matter", "though nobody in the village would have believed it",
    "for the road over the moor was long and the light was failing", "as if the whole house were listening",
    "while the wind went round the chimneys like a beggar", "which, all things considered, was just as well",
    "and the gulls cried over the empty nets", "because a promise, once given, is a heavy thing to carry",
)  # fmt: skip
_SAID = (
    "I shall not go back there, not for all the gold in London", "Tell me what you saw, and leave nothing out",
    "There was a light in the tower last night", "You have your father's way of standing", "Is it far to the sea?",
    "Please, sir, the boat is ready", "We must wait for the tide, as everybody must", "Who gave you this key?",
)  # fmt: skip
_TITLES = (
    "The Ferry at Low Water", "A Letter Without a Name", "In Which the Clock Stops", "The Grey Stranger",
    "Mrs. Harrow Remembers", "Over the Moor", "The Key", "What the Curate Knew", "A Light in the Tower",
    "The Great Flood", "Two Coins", "The Road to Wexcombe", "A Promise Kept", "The Empty Nets", "Nine O'Clock",
    "An Unexpected Guest", "The Lamplighter's Daughter", "Tar and Rope", "The Last Coach", "Home",
)  # fmt: skip


def english_novel(rng: random.Random) -> Draft:
    """Twenty chapters of English prose."""
    parts = [
        Part(number=n, title=title, paragraphs=[_paragraph(rng) for _ in range(rng.randint(18, 40))])
        for n, title in enumerate(_TITLES, 1)
    ]
    for part in parts:
        part.dirty = list(part.paragraphs)
    draft = Draft(title="The Lamp at Wexcombe", author="A. Nobody", unit="chapter", parts=parts, rng=rng)
    draft.truth = list(parts)
    draft.indent = ""
    draft.between = "\n\n"
    return draft


def _paragraph(rng: random.Random) -> str:
    sentences = []
    for _ in range(rng.randint(1, 7)):
        who = rng.choice(_WHO)
        if rng.random() < 0.3:
            sentences.append(f"“{rng.choice(_SAID)},” said {who}." if rng.random() < 0.7 else f"“{rng.choice(_SAID)}.”")
        else:
            sentences.append(f"{who[0].upper()}{who[1:]} {rng.choice(_DID)}, {rng.choice(_AND)}.")
    return " ".join(sentences)


_WORDS = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
    "Eleven", "Twelve", "Thirteen",
    "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen", "Twenty",
)  # fmt: skip
_ORDINAL = ("First", "Second", "Third", "Fourth", "Fifth")


def english_headings(form: str, *, parts: str = "", upper: bool = False) -> Step:
    """Headings in a form: `{n}` 12, `{r}` XII, `{w}` Twelve, `{t}` the title; with `parts`, every fifth chapter
    begins a part named so (`{o}` First, `{r}` I, `{w}` One)."""

    def step(draft: Draft) -> None:
        draft.titled = "{t}" in form
        for part in draft.parts:
            text = form.format(n=part.number, r=roman(part.number), w=_WORDS[part.number], t=part.title)
            part.heading = (text.upper() if upper else text).split("\n")
            if parts and part.number % 5 == 1:
                i = part.number // 5
                part.volume = parts.format(o=_ORDINAL[i], r=roman(i + 1), w=_WORDS[i + 1])

    return step


def english_wrapped(width: int = 72) -> Step:
    """Lines broken at a width, at words."""

    def step(draft: Draft) -> None:
        for part in draft.parts:
            part.dirty = [textwrap.fill(line, width) for line in part.dirty]

    return step


def gutenberg(draft: Draft) -> None:
    """The legal head and tail of Project Gutenberg."""
    title = draft.title.upper()
    head = [
        f"The Project Gutenberg eBook of {draft.title}",
        "This ebook is for the use of anyone anywhere in the United States and\nmost other parts of the world at no"
        " cost and with almost no restrictions\nwhatsoever. You may copy it, give it away or re-use"
        " it under the terms\nof the"
        " Project Gutenberg License included with this ebook or online\nat www.gutenberg.org.",
        f"Title: {draft.title}",
        f"Author: {draft.author}",
        "Release date: May 24, 2008 [eBook #12345]\n                Most recently updated: February 7, 2021",
        "Language: English",
        "Credits: Produced by Volunteers and the Online Distributed Proofreading Team",
        f"*** START OF THE PROJECT GUTENBERG EBOOK {title} ***",
    ]
    tail = [
        f"*** END OF THE PROJECT GUTENBERG EBOOK {title} ***",
        "Updated editions will replace the previous one--the old editions will\nbe renamed.",
        "Creating the works from print editions not protected by U.S. copyright\nlaw means that no one owns a United"
        " States copyright in these works,\nso the Foundation (and you!) can copy and distribute it"
        " in the\nUnited States"
        " without permission and without paying copyright\nroyalties.",
        "START: FULL LICENSE",
        "THE FULL PROJECT GUTENBERG LICENSE",
        "PLEASE READ THIS BEFORE YOU DISTRIBUTE OR USE THIS WORK",
        "1.F.3. LIMITED RIGHT OF REPLACEMENT OR REFUND - If you discover a\ndefect in this"
        " electronic work within 90 days"
        " of receiving it, you can\nreceive a refund of the money (if any) you paid for it.",
        "Most people start at our website which has the main PG search\nfacility: www.gutenberg.org.",
    ]
    draft.head = [*head, *draft.head]
    draft.tail = [*draft.tail, *tail]
    draft.planted += [*head[:2], *head[4:], *tail]


def pages(lines: int = 32, *, running: bool = True) -> Step:
    """Pages of a printed book as a PDF gives them: page numbers and running heads between the lines."""

    def step(draft: Draft) -> None:
        page = count = 0
        for part in draft.parts:
            out: list[str] = []
            for paragraph in part.dirty:
                rows = []
                for row in paragraph.split("\n"):
                    rows.append(row)
                    count += 1
                    if count % lines == 0:
                        page += 1
                        rows.append(str(page))
                        if running:
                            rows.append(draft.title.upper() if page % 2 else part.title.upper())
                out.append("\n".join(rows))
            part.dirty = out

    return step
