"""The page's document, in Chinese or English: the browser's language decides until the visitor does.

Labels stand in `web/labels.json` as key → [Chinese, English]. In `web/index.html` an element names its label by
`data-t`, and its attributes by `data-t-label` (`aria-label`) and `data-t-placeholder`: the server writes the first
language in, so that nothing flickers, and the page's script (`web/text.js`) switches.
"""

import html
import json
import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["zh-CN", "en"]
COOKIE = "shuoshu-language"
"""What the visitor switched to."""

_TEXT = re.compile(r'data-t="(\w+)"[^>]*>')
_ATTRIBUTE = re.compile(r'data-t-(label|placeholder)="(\w+)"')
_ATTRIBUTES = {"label": "aria-label", "placeholder": "placeholder"}
_WANTED = re.compile(r"\s*([A-Za-z*]+)[-\w]*\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?")


def language(cookie: str | None, accepted: str) -> Language:
    """The language for a visitor: the cookie's, else the one that `Accept-Language` puts first.

    Chinese where it says nothing, English where it wants neither.
    """
    if cookie in ("zh-CN", "en"):
        return "zh-CN" if cookie == "zh-CN" else "en"
    wanted = [found for part in accepted.split(",") if (found := _WANTED.fullmatch(part))]
    ranked = sorted(wanted, key=lambda found: -_quality(found[2]))  # stable: of equals the first named
    known = [found[1].lower() for found in ranked if _quality(found[2]) > 0 and found[1].lower() in ("zh", "en")]
    if known:
        return "zh-CN" if known[0] == "zh" else "en"
    return "en" if wanted and "*" not in (found[1] for found in wanted) else "zh-CN"


def document(
    template: str, labels: Mapping[str, tuple[str, str]], language: Language, base: str, modules: list[str]
) -> str:
    """The page for one language. `base` is the folder of its files as a browser sees it, `modules` are its scripts."""
    place = 0 if language == "zh-CN" else 1

    def text(found: re.Match[str]) -> str:
        return found[0] + html.escape(labels[found[1]][place])

    def attribute(found: re.Match[str]) -> str:
        name, value = _ATTRIBUTES[found[1]], html.escape(labels[found[2]][place])
        return f'{found[0]} {name}="{value}"'

    page = _ATTRIBUTE.sub(attribute, _TEXT.sub(text, template))
    page = page.replace('<html lang="zh-CN">', f'<html lang="{language}">')
    preload = "\n".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in modules)
    # `<` would end the script element where a label held `</script>`.
    data = json.dumps(labels, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return page.replace("{base}", base).replace("{preload}", preload).replace("{labels}", data)


def _quality(written: str | None) -> float:
    try:
        return float(written) if written else 1.0
    except ValueError:
        return 0.0
