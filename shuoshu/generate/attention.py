"""The attention of a layer, in a step of kernel.py: the cache lies so that both of its products are tiles."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from shuoshu.generate.tasks import FAST, finish, norm, take, tile, tiles, wait
from shuoshu.generate.vectors import LANES, exponential, fetch, stored


@njit(**FAST)
def attend(
    tally: NDArray, share: int, texts: NDArray, keys: NDArray, values: NDArray, new: NDArray, gains: NDArray,
    cos: NDArray, sin: NDArray, eps: np.float32, scores: NDArray, sums: NDArray, seen: NDArray,
) -> None:  # fmt: skip
    """A task is `share` pairs of a text and a key-value head."""
    kv_heads, width = keys.shape[1], gains.shape[1]
    group = gains.shape[0] // kv_heads - 1
    pairs = (texts.shape[0] - 1) * kv_heads
    tasks = (pairs + share - 1) // share
    task = take(tally)
    while task < tasks:
        for pair in range(task * share, min((task + 1) * share, pairs)):
            text, head = pair // kv_heads, pair % kv_heads
            row, start, place = texts[text]
            for t in range(texts[text + 1, 2] - place):
                position, vectors = start + t, new[place + t]
                key = vectors[(kv_heads * group + head) * width : (kv_heads * group + head + 1) * width]
                _fetch(keys[row, head], position)
                _turn(key, gains[kv_heads * group + head], cos[position], sin[position], eps)
                value = vectors[(kv_heads * (group + 1) + head) * width : (kv_heads * (group + 1) + head + 1) * width]
                _keep(key, value, position, keys[row, head], values[row, head])
                queries = vectors[head * group * width : (head + 1) * group * width].reshape(group, width)
                for query in range(group):
                    _turn(queries[query], gains[head * group + query], cos[position], sin[position], eps)
                out = seen[place + t, head * group * width : (head + 1) * group * width].reshape(group, width)
                _look(queries, keys[row, head], values[row, head], position + 1, scores, sums, out)
        finish(tally)
        task = take(tally)
    wait(tally, tasks)


@njit(**FAST)
def _fetch(keys: NDArray, position: int) -> None:
    """Ask for the lines that a new key goes to: its numbers lie far apart, and would wait for memory one by one."""
    for e in range(keys.shape[1]):
        fetch(keys[position // LANES, e, position % LANES :])


@njit(**FAST)
def _keep(key: NDArray, value: NDArray, position: int, keys: NDArray, values: NDArray) -> None:
    """Put a new key and value into the cache."""
    block, lane = position // LANES, position % LANES
    for e in range(key.shape[0]):
        keys[block, e, lane] = stored(key[e], keys[0, 0, 0])
        values[e // LANES, position, e % LANES] = stored(value[e], keys[0, 0, 0])


@njit(**FAST)
def _turn(x: NDArray, gain: NDArray, cos: NDArray, sin: NDArray, eps: np.float32) -> None:
    """Norm a head and turn its pairs by the angle of its position, in place."""
    norm(x, gain, eps, x)
    half = cos.shape[0]
    for i in range(half):
        left, right = x[i], x[half + i]
        x[i] = left * cos[i] - right * sin[i]
        x[half + i] = right * cos[i] + left * sin[i]


@njit(**FAST)
def _look(
    queries: NDArray, keys: NDArray, values: NDArray, end: int, scores: NDArray, sums: NDArray, out: NDArray
) -> None:
    """Attention of a token's queries (group, E) to the first `end` positions: products with the cache as matrix."""
    width = queries.shape[1]
    shrink = np.float32(1) / np.sqrt(np.float32(width))
    for first, count in tiles(queries.shape[0]):
        for block in range((end + LANES - 1) // LANES):
            tile(count, keys[block], queries[first:], scores[:, block * LANES :])
        for query in range(count):
            _softmax(scores[query, :end], shrink)
        for block in range(values.shape[0]):
            tile(count, values[block, :end], scores, sums)
            for query in range(count):
                for e in range(min(LANES, width - block * LANES)):
                    out[first + query, block * LANES + e] = sums[query, e]


@njit(**FAST)
def _softmax(scores: NDArray, shrink: np.float32) -> None:
    top, total = scores[0], np.float32(0)
    for p in range(scores.shape[0]):
        top = max(top, scores[p])
    for p in range(scores.shape[0]):
        scores[p] = exponential((scores[p] - top) * shrink)
        total += scores[p]
    for p in range(scores.shape[0]):
        scores[p] /= total
