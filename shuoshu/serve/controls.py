"""The sampling controls of the page, and what they ask for."""

import math

import gradio as gr
from gradio.components import Component

from shuoshu.recipe import Sampling

MOST_TOKENS = 512
MOST_K = 500
LEAST_P = 0.05
HOTTEST = 2.0
LAST_SEED = 2**31 - 1


def sampling_controls() -> list[Component]:
    """Draw the controls; their values go to `chosen_sampling` in this order."""
    default = Sampling()
    with gr.Row():
        temperature = gr.Slider(
            0,
            HOTTEST,
            default.temperature,
            step=0.05,
            label="温度 Temperature",
            info="0：总取最可能的 0: always the likeliest",
            min_width=240,
        )
        length = gr.Slider(
            8,
            MOST_TOKENS,
            default.max_new_tokens,
            step=8,
            label="最长 Max new tokens",
            info="答案的长度上限 Longest answer",
            min_width=240,
        )
        top_k = gr.Slider(
            0, MOST_K, default.top_k, step=1, label="top-k", info="只在前 k 个里选，0 不限", min_width=240
        )
        top_p = gr.Slider(
            LEAST_P,
            1,
            default.top_p,
            step=0.05,
            label="top-p",
            info="只在概率合计 p 的里选，1 不限",
            min_width=240,
        )
        seed = gr.Number(
            default.seed,
            precision=0,
            minimum=0,
            maximum=LAST_SEED,
            label="种子 Seed",
            info="同一种子同一答案；重答时加一 The same seed, the same answer; a retry takes the next",
            min_width=240,
        )
    return [temperature, length, top_k, top_p, seed]


def chosen_sampling(
    temperature: float | None,
    length: float | None,
    top_k: float | None,
    top_p: float | None,
    seed: float | None,
    tries: int = 0,
) -> Sampling:
    """The options of the controls, brought within their bounds, as a browser may send anything.

    `tries` is how often the question was answered already: each time takes the next seed.
    """
    default = Sampling()
    return Sampling(
        temperature=_within(temperature, 0, HOTTEST, default.temperature),
        max_new_tokens=int(_within(length, 1, MOST_TOKENS, default.max_new_tokens)),
        top_k=int(_within(top_k, 0, MOST_K, default.top_k)),
        top_p=_within(top_p, LEAST_P, 1, default.top_p),
        seed=int(_within(seed, 0, LAST_SEED, default.seed)) + tries,
    )


def _within(value: float | None, low: float, high: float, default: float) -> float:
    return min(max(value, low), high) if value is not None and math.isfinite(value) else default
