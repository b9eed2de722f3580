"""Colours, type and style sheet of the page: paper, ink and a seal, by day and by night."""

from importlib.resources import files
from typing import Any

from gradio.themes import Base, Font, sizes

# What a system has; a theme's own fonts would come from fonts.googleapis.com.
SANS = ("PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "system-ui")
MONO = ("ui-monospace", "Menlo", "Consolas", "monospace")

# Name of a Gradio variable: by day, by night.
COLOURS = {
    "body_background_fill": ("#faf8f4", "#1a1816"),
    "body_text_color": ("#2b2622", "#e9e3da"),
    "body_text_color_subdued": ("#756b60", "#a3988b"),
    "background_fill_primary": ("#fffefb", "#24211e"),
    "background_fill_secondary": ("#f4f0e8", "#2b2724"),
    "block_background_fill": ("#fffefb", "#24211e"),
    "block_label_text_color": ("#756b60", "#a3988b"),
    "block_title_text_color": ("#2b2622", "#e9e3da"),
    "block_info_text_color": ("#756b60", "#a3988b"),
    "border_color_primary": ("#e4ddd0", "#3b3631"),
    "input_background_fill": ("#fffefb", "#24211e"),
    "input_border_color": ("#e4ddd0", "#3b3631"),
    "input_border_color_focus": ("#a63228", "#e0776b"),
    "input_placeholder_color": ("#857a6e", "#93887c"),
    "color_accent_soft": ("#f6e7e3", "#3d2825"),
    "border_color_accent": ("#e9cfc8", "#57352f"),
    "border_color_accent_subdued": ("#e9cfc8", "#57352f"),
    "slider_color": ("#a63228", "#e0776b"),
    "button_primary_background_fill": ("#a63228", "#b8473c"),
    "button_primary_background_fill_hover": ("#8e2a21", "#c95448"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": ("transparent", "transparent"),
    "button_secondary_background_fill_hover": ("#f4f0e8", "#2b2724"),
    "button_secondary_border_color": ("#e4ddd0", "#3b3631"),
    "button_secondary_text_color": ("#756b60", "#a3988b"),
    "button_cancel_background_fill": ("#2b2622", "#e9e3da"),
    "button_cancel_background_fill_hover": ("#4a423b", "#ffffff"),
    "button_cancel_text_color": ("#ffffff", "#1a1816"),
}

# The page is Chinese: unless told, a browser may take the Japanese forms of characters.
HEAD = '<meta name="referrer" content="no-referrer"><script>document.documentElement.lang = "zh-CN";</script>'


def page_looks() -> dict[str, Any]:
    """Theme, style sheet and head of the page, as `gradio.mount_gradio_app` takes them."""
    theme = Base(
        neutral_hue="stone",
        font=[*map(Font, SANS), Font("sans-serif")],
        font_mono=[Font(name) for name in MONO],
        radius_size=sizes.radius_lg,
    )
    days = {name: day for name, (day, _) in COLOURS.items()}
    nights = {f"{name}_dark": night for name, (_, night) in COLOURS.items()}
    theme.set(**days, **nights)  # at once: a second call forgets some of the first
    return {"theme": theme, "css": files("shuoshu.serve").joinpath("page.css").read_text("utf-8"), "head": HEAD}
