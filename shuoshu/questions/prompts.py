"""The prompts: readable Markdown files with `${place}` holders, which users may edit.

A copy of a file of `shuoshu/questions/templates/` in a folder given as `--prompts` takes the place of ours.
"""

from importlib.resources import files
from pathlib import Path
from string import Template

from shuoshu.errors import UserError
from shuoshu.files import read_utf8

# Every template, with the places it may use.
PLACES = {
    "title": {"title", "count"},
    "title_answer": {"title", "question", "passages"},
    "passage": {"book", "chapter", "passage", "count"},
    "paraphrase": {"book", "question", "answer", "key", "evidence", "count"},
    "unanswerable": {"book", "passage", "names", "count"},
    "rewrite_summary": {"book", "chapter", "passage"},
    "rewrite_notes": {"book", "chapter", "passage"},
    "rewrite_chronicle": {"book", "person", "passage"},
    "rewrite_relation": {"book", "person", "other", "passage"},
}


class Prompts:
    """The templates of a run, read and checked at once."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raises UserError for a folder that is not there, and for a template with a place nobody fills."""
        if folder is not None and not folder.is_dir():
            raise UserError(f"{folder} is no folder; --prompts takes a folder with files like passage.md.")
        self._templates: dict[str, Template] = {}
        for name, places in PLACES.items():
            own = folder / f"{name}.md" if folder is not None else None
            if own is not None and own.is_file():
                text, source = read_utf8(own), str(own)
            else:
                text = (files("shuoshu.questions") / "templates" / f"{name}.md").read_text(encoding="utf-8")
                source = f"{name}.md"
            template = Template(text)
            unknown = sorted(set(template.get_identifiers()) - places) if template.is_valid() else []
            if unknown or not template.is_valid():
                wrong = f"${{{unknown[0]}}}" if unknown else "a $ that begins no ${place}"
                known = ", ".join(f"${{{place}}}" for place in sorted(places))
                raise UserError(f"{source}: has {wrong}; the places of this template are {known} ($$ is a plain $).")
            self._templates[name] = template

    def fill(self, name: str, **values: str | int) -> str:
        """The prompt `name` with its places filled."""
        return self._templates[name].substitute({place: str(value) for place, value in values.items()}).strip()
