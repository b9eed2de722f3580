"""The stage `books`: files and folders in, `chapters.jsonl` and the report out."""

import difflib
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from shuoshu.books.chapter import Chapter, write_chapters
from shuoshu.books.cleaning import rules
from shuoshu.books.editions import copies
from shuoshu.books.parts import part_chapters, read_part
from shuoshu.books.problems import LEFT_OUT
from shuoshu.books.reading.containers import Source, readable
from shuoshu.books.report import write_report
from shuoshu.books.sources import find_sources
from shuoshu.errors import UserError
from shuoshu.files import write_json
from shuoshu.recipe import BooksOptions
from shuoshu.terminal import progress

ALONE = 16 << 20
"""Bytes of books below which one process is faster than starting more."""
SITES = 3
"""Books that must share a paragraph at their ends for it to be a site's and not the author's."""

Skipped = list[tuple[Path, str]]


def read_books(paths: list[str], out: Path, options: BooksOptions) -> dict[str, Any]:
    """Read every book under `paths`; write `out/chapters.jsonl`, `report.json` and `report.html`; return the figures.

    A file named in `paths` that holds no text raises UserError; one met in a folder is left aside and reported.
    Books read before, by the same options, are taken from `out/parts`.
    """
    start = time.monotonic()
    skip = _rules(options.skip_rules)
    sources, skipped = find_sources(paths)
    books = list(_read_all(sources, skipped, out / "parts", options.simplify, skip))
    if not books:
        raise UserError(_nothing(paths, sources, skipped))
    replaced = {} if "editions" in skip else copies(books)
    sites = set() if "boilerplate" in skip else _sites([b for i, b in enumerate(books) if i not in replaced])
    for worse, better in replaced.items():
        _leave_out(books[worse], books[better])
    write_chapters(out / "chapters.jsonl", _chapters(books, out / "parts", sites))
    wanted = {book["part"] for book in books}
    for part in (out / "parts").glob("*.jsonl"):
        if part.name not in wanted:
            part.unlink()
    result = {
        "books": [_figures(book) for book in books],
        "characters": sum(book["characters"] for book in books),
        "seconds": round(time.monotonic() - start, 3),
        "skipped": [{"file": readable(path), "reason": reason} for path, reason in skipped],
    }
    hidden = ("signature", "edges", "part")
    details = [{key: value for key, value in book.items() if key not in hidden} for book in books]
    write_json(out / "report.json", result | {"books": details})
    write_report(out / "report.html", details, result["skipped"])
    return result


def _rules(names: list[str]) -> frozenset[str]:
    """The rules to leave out. Raises UserError for a name that is no rule's."""
    for name in names:
        if name not in rules.SWITCHABLE:
            near = difflib.get_close_matches(name, rules.SWITCHABLE, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the rules are {', '.join(sorted(rules.SWITCHABLE))}."
            raise UserError(f"books.skip_rules: no rule is called {name!r}; {hint}")
    return frozenset(names)


def _read_all(
    sources: list[Source], skipped: Skipped, parts: Path, simplify: bool, skip: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Descriptions of the books, in order, read on all cores where there is enough to read."""
    size = sum(path.stat().st_size for path in {source.path for source in sources})
    workers = min(len(sources), os.cpu_count() or 1)
    with progress("reading", max(1, len(sources))) as bar:
        if workers <= 1 or size < ALONE:
            results = (_try(source, parts, simplify, skip) for source in sources)
            yield from _sorted_out(sources, results, skipped, bar)
            return
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(_try, source, parts, simplify, skip) for source in sources]
            try:
                yield from _sorted_out(sources, (future.result() for future in futures), skipped, bar)
            except BrokenProcessPool as error:
                raise UserError(
                    "A reading process was killed, most likely for memory; run the same command again: "
                    "the books already read are kept."
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)


def _try(source: Source, parts: Path, simplify: bool, skip: frozenset[str]) -> dict[str, Any] | str:
    """The description of a book, or the sentence that says why there is none."""
    try:
        return read_part(source, parts, simplify, skip)
    except UserError as error:
        return str(error)
    except MemoryError:
        return f"{source.name}: too large for the memory of this machine; split it."


def _sorted_out(sources: list[Source], results: Any, skipped: Skipped, bar: Any) -> Iterator[dict[str, Any]]:
    for done, (source, result) in enumerate(zip(sources, results, strict=True), 1):
        if isinstance(result, dict):
            yield result
        elif source.explicit:
            raise UserError(result)
        else:
            skipped.append((Path(source.name), result))
            bar.line(f"left aside: {result}")
        bar.update(done, source.stem)


def _sites(books: list[dict[str, Any]]) -> set[str]:
    """Paragraphs that stand at the ends of several books: a site's, not an author's."""
    counts = Counter(line for book in books for line in book["edges"])
    return {line for line, count in counts.items() if count >= SITES}


def _leave_out(book: dict[str, Any], better: dict[str, Any]) -> None:
    """Enter a copy as dropped whole."""
    _drop(book, "editions", book["characters"], f"a copy of {better['file']}")
    book["duplicate_of"] = better["file"]
    book["problems"].insert(0, (LEFT_OUT, f"left out: a copy of {better['file']}"))


def _drop(book: dict[str, Any], rule: str, characters: int, sample: str) -> None:
    tally = book["rules"].setdefault(rule, {"times": 0, "dropped": 0, "added": 0, "changed": 0, "samples": []})
    tally["times"] += 1
    tally["dropped"] += characters
    tally["samples"] = [*tally["samples"], sample][:5]
    book["dropped"] += characters
    book["characters"] -= characters


def _chapters(books: list[dict[str, Any]], parts: Path, sites: set[str]) -> Iterator[Chapter]:
    """The chapters of all books that stay, without the paragraphs that sites put at their ends."""
    for book in books:
        if "duplicate_of" in book:
            continue
        found = sites & set(book["edges"])
        gone = 0
        for chapter in part_chapters(parts / book["part"]):
            text = chapter.text
            for line in found:
                if line != chapter.title and (text.startswith(f"{line}\n") or f"\n{line}\n" in text):
                    text = "".join(each for each in text.splitlines(keepends=True) if each != f"{line}\n")
                    _drop(book, "boilerplate", len(chapter.text) - len(text), line)
            if text:
                yield replace(chapter, text=text, start=chapter.start - gone)
            gone += len(chapter.text) - len(text)


def _figures(book: dict[str, Any]) -> dict[str, Any]:
    """What the command prints of a book; the rest stands in the report."""
    names = ("file", "title", "encoding", "volumes", "chapters", "characters", "characters_in", "dropped", "added")
    figures = {name: book[name] for name in names}
    figures["rules"] = {name: tally["dropped"] for name, tally in book["rules"].items() if tally["dropped"]}
    return figures | ({"duplicate_of": book["duplicate_of"]} if "duplicate_of" in book else {})


def _nothing(paths: list[str], sources: list[Source], skipped: Skipped) -> str:
    where = ", ".join(paths)
    if not sources and not skipped:
        return f"{where}: no file in it; name a folder with books."
    return f"{where}: no text in any of {len(skipped)} files; name txt or EPUB files."
