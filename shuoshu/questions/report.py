"""`report.html`: what came of a file of pairs, and a table of all of them to browse."""

from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

from shuoshu.files import write_text
from shuoshu.questions.question import Question
from shuoshu.questions.verify import Rejected

_PAGE = """<!doctype html>
<html lang="zh"><meta charset="utf-8"><title>Questions</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; }} td, th {{ border-bottom: 1px solid #ddd; padding: .3em .6em;
text-align: left; vertical-align: top; }} .no {{ background: #fff1f0; }} small {{ color: #666; }}
mark {{ background: #ffe58f; }}
input, select {{ font: inherit; padding: .2em .4em; }} .figures {{ width: auto; margin-bottom: 2em; }}
</style>
<h1>Questions</h1>
{figures}
<p><input id="words" placeholder="search" oninput="show()"> <select id="kind" onchange="show()">
<option value="">all</option><option value="yes">accepted</option>{reasons}</select> <span id="count"></span></p>
<table id="pairs"><thead><tr><th>id<th>question<th>answer<th>evidence<th>verdict</tr></thead><tbody>
{rows}
</tbody></table>
<script>
function show() {{
  const words = document.getElementById("words").value, kind = document.getElementById("kind").value;
  let count = 0;
  for (const row of document.querySelectorAll("#pairs tbody tr")) {{
    const hit = row.textContent.includes(words) && (!kind || row.dataset.kind.split("|").includes(kind));
    row.hidden = !hit; count += hit;
  }}
  document.getElementById("count").textContent = count;
}}
show();
</script></html>
"""


def write_report(path: Path, accepted: list[Question], rejected: list[Rejected], figures: dict[str, Any]) -> None:
    """Write the page: figures, yield by way and by book, reasons of rejection, every pair with its verdict."""
    rows = [_row(question, ()) for question in accepted]
    rows += [_row(pair.question, pair.reasons) for pair in rejected]
    reasons = sorted({reason for pair in rejected for reason in pair.reasons})
    write_text(
        path,
        _PAGE.format(
            figures=_figures(figures) + _yield(accepted, [pair.question for pair in rejected]),
            reasons="".join(f'<option value="{escape(reason)}">{escape(reason)}</option>' for reason in reasons),
            rows="\n".join(rows),
        ),
    )


def _figures(figures: dict[str, Any]) -> str:
    cells = []
    for name, value in figures.items():
        shown = ", ".join(f"{key}: {item}" for key, item in value.items()) if isinstance(value, dict) else value
        cells.append(f"<tr><th>{escape(name)}<td>{escape(str(shown))}")
    return f'<table class="figures">{"".join(cells)}</table>'


def _yield(accepted: list[Question], rejected: list[Question]) -> str:
    """How many pairs of each way and book held."""
    held, failed = (
        Counter((question.id.split("-")[0], question.book) for question in questions)
        for questions in (accepted, rejected)
    )
    lines = [
        f"<tr><td>{escape(way)}<td>{escape(book)}<td>{held[way, book]}<td>{failed[way, book]}"
        f"<td>{held[way, book] / (held[way, book] + failed[way, book]):.0%}"
        for way, book in sorted({*held, *failed})
    ]
    head = "<tr><th>made by<th>book<th>accepted<th>rejected<th>yield"
    return f'<table class="figures">{head}{"".join(lines)}</table>'


def _row(question: Question, reasons: tuple[str, ...]) -> str:
    wordings = "".join(f"<br><small>{escape(wording)}</small>" for wording in question.paraphrases)
    answer = escape(question.answer)
    for key in question.key[:1]:
        answer = answer.replace(escape(key), f"<mark>{escape(key)}</mark>")
    place = f"{question.book} {question.chapter or ''}".strip()
    kind = escape("|".join(reasons) or "yes")
    return (
        f'<tr class="{"no" if reasons else ""}" data-kind="{kind}"><td>{escape(question.id)}'
        f"<td>{escape(question.question)}{wordings}<td>{answer}<br><small>{escape('、'.join(question.key))}</small>"
        f"<td>{escape(question.evidence)}<br><small>{escape(place)}</small>"
        f"<td>{escape('; '.join(reasons)) or 'accepted'}</tr>"
    )
