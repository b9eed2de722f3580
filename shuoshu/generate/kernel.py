"""One step of the network on a CPU: a few threads walk through the same phases and share out the work in each.

A phase (a matrix product, the attention of a layer) is cut into tasks that threads take one by one from a counter; it
is over when its tasks are done, whoever did them. So a thread that the system keeps from the CPU delays the others
only while it holds a task.

Shapes: N new tokens of S texts, D width, H query heads and K key-value heads of width E, F feed-forward width. Matrices
lie in blocks of LANES outputs: (blocks, inputs, LANES), float32, bf16 (uint16) or int8, with a scale for each output;
or, where both are bf16, (blocks, inputs / 2, 2 · LANES).
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from shuoshu.files import hash_file
from shuoshu.generate.attention import attend
from shuoshu.generate.tasks import FAST, PLAIN, finish, norm, take, tile, tiles, wait
from shuoshu.generate.vectors import LANES, atomic_add, atomic_get, atomic_set, exponential, give_way, stored

PHASES = 5
"""Of a layer: queries, keys and values; attention; its output; gate and up; down."""
IDLE = 1_000
"""How often a helper gives way without work before it sleeps: about half a millisecond, longer than a step's pause."""
STORE, ADD, GATE = 0, 1, 2
"""What becomes of a product: it is stored, added to what is there, or gate and up are joined."""
OPEN, INSIDE, AWAKE = 0, 1, 2
"""Rows of the table `signs`: number of the open step, threads in it, and from AWAKE on whether each thread is awake."""


class Weights(NamedTuple):
    """The network. The first axis of what belongs to a layer: layers."""

    norm: NDArray
    qkv: NDArray
    qkv_scale: NDArray
    gains: NDArray
    """(layers, H + K, E): of the norms of queries and keys"""
    out: NDArray
    out_scale: NDArray
    norm2: NDArray
    gate_up: NDArray
    """In each block LANES / 2 rows of gate, then the same of up"""
    gate_up_scale: NDArray
    down: NDArray
    down_scale: NDArray
    last_norm: NDArray
    head: NDArray
    head_scale: NDArray
    cos: NDArray
    """(positions, E / 2)"""
    sin: NDArray
    eps: np.float32


class Work(NamedTuple):
    """What the threads of a step share."""

    keys: NDArray
    """(layers, rows, K, blocks of positions, E, LANES): float32, or IEEE halves as int16"""
    values: NDArray
    """(layers, rows, K, blocks of E, positions, LANES)"""
    texts: NDArray
    """(S + 1, 3): row of the cache, first position, place of the first token among the N; last the end of all"""
    wanted: NDArray
    """Places of the tokens after which logits are asked for"""
    sizes: NDArray
    """N, S, and how many are wanted"""
    x: NDArray
    """(N, D): the residual stream"""
    qkv: NDArray
    seen: NDArray
    """(N, H·E): attention"""
    hidden: NDArray
    """(N, F)"""
    logits: NDArray
    inputs: NDArray
    """(threads, N, widest): what a product reads, float32, or bf16 as uint16 where the CPU multiplies pairs of it"""
    sums: NDArray
    """(threads, TOKENS, LANES)"""
    scores: NDArray
    """(threads, TOKENS, positions)"""
    tally: NDArray
    """(phases, 8): tasks taken and tasks done, a line of the CPU's cache for each phase"""


@njit(**FAST)
def _walk(me: int, weights: Weights, work: Work) -> None:
    """The phases of a step, for thread `me`. All products go through one call, which halves the time to compile."""
    n, w, inputs, sums, tally = work.sizes[0], weights, work.inputs[me], work.sums[me], work.tally
    phases = PHASES * w.norm.shape[0] + 1
    for phase in range(phases):
        layer, stage = phase // PHASES, phase % PHASES
        if phase == phases - 1:
            n = work.sizes[2]
            for i in range(n):
                norm(work.x[work.wanted[i]], w.last_norm, w.eps, inputs[i])
            kind, matrix, scale, out = STORE, w.head, w.head_scale, work.logits
        elif stage == 0:
            _norm_all(work.x, n, w.norm[layer], w.eps, inputs)
            kind, matrix, scale, out = STORE, w.qkv[layer], w.qkv_scale[layer], work.qkv
        elif stage == 1:
            texts = work.texts[: work.sizes[1] + 1]
            share = max(1, (texts.shape[0] - 1) * work.keys.shape[2] // (8 * work.sums.shape[0]))
            attend(
                tally[phase], share, texts, work.keys[layer], work.values[layer], work.qkv, w.gains[layer],
                w.cos, w.sin, w.eps, work.scores[me], sums, work.seen,
            )  # fmt: skip
            continue
        elif stage == 2:
            _copy(work.seen, n, inputs)
            kind, matrix, scale, out = ADD, w.out[layer], w.out_scale[layer], work.x
        elif stage == 3:
            _norm_all(work.x, n, w.norm2[layer], w.eps, inputs)
            kind, matrix, scale, out = GATE, w.gate_up[layer], w.gate_up_scale[layer], work.hidden
        else:
            _copy(work.hidden, n, inputs)
            kind, matrix, scale, out = ADD, w.down[layer], w.down_scale[layer], work.x
        _product(tally[phase], kind, inputs, n, matrix, scale, sums, out)


@njit(**FAST)
def _product(
    tally: NDArray, kind: int, x: NDArray, n: int, matrix: NDArray, scale: NDArray, sums: NDArray, out: NDArray
) -> None:
    """out = x · matrix, or out += …, or hidden = silu(gate) · up; a task is a block of outputs of all n tokens."""
    blocks = matrix.shape[0]
    task = take(tally)
    while task < blocks:
        first = task * LANES
        for start, count in tiles(n):
            tile(count, matrix[task], x[start:], sums)
            for t in range(count):
                if kind == STORE:
                    for j in range(LANES):
                        out[start + t, first + j] = sums[t, j] * scale[first + j]
                elif kind == ADD:
                    for j in range(LANES):
                        out[start + t, first + j] += sums[t, j] * scale[first + j]
                else:
                    half = LANES // 2
                    for j in range(half):
                        gate = sums[t, j] * scale[first + j]
                        up = sums[t, half + j] * scale[first + half + j]
                        out[start + t, first // 2 + j] = gate * up / (np.float32(1) + exponential(-gate))
        finish(tally)
        task = take(tally)
    wait(tally, blocks)


@njit(**FAST)
def _copy(x: NDArray, n: int, out: NDArray) -> None:
    """For one thread, in the type that products read."""
    for token in range(n):
        for i in range(x.shape[1]):
            out[token, i] = stored(x[token, i], out[0, 0])


@njit(**FAST)
def _norm_all(x: NDArray, n: int, gain: NDArray, eps: np.float32, out: NDArray) -> None:
    """Norm the residual stream for one thread: sooner done by each than waited for."""
    for token in range(n):
        norm(x[token], gain, eps, out[token])


def _entry(source: str) -> Callable[[int, Weights, Work, NDArray], None]:
    """The function that is called from outside, compiled once and kept on disk where that can be.

    numba takes what it kept for good as long as this file does not change; `source`, which is part of its key, makes it
    look at the others too.
    """

    def run(me: int, weights: Weights, work: Work, signs: NDArray) -> None:
        """As thread 0, run the step that was opened; as another, help with every step until none comes for a while."""
        _ = source
        idle = last = 0
        while True:
            step = atomic_get(signs[OPEN])
            if step not in (0, last):
                atomic_set(signs[AWAKE + me], 1)
                atomic_add(signs[INSIDE], 1)
                if atomic_get(signs[OPEN]) == step:  # nobody may come in once thread 0 has closed the step
                    _walk(me, weights, work)
                atomic_add(signs[INSIDE], -1)
                idle, last = 0, step
                if me == 0:
                    break
            elif idle < IDLE:
                give_way()
                idle += 1
            elif idle == IDLE:  # look once more after saying so: a step that opens now finds it asleep and calls it
                atomic_set(signs[AWAKE + me], 0)
                idle += 1
            else:
                return
        atomic_set(signs[OPEN], 0)
        while atomic_get(signs[INSIDE]) > 0:
            give_way()

    try:
        return njit(cache=True, **PLAIN)(run)
    except RuntimeError:  # numba finds no folder that it may write to, and each process compiles for itself
        return njit(**PLAIN)(run)


run = _entry("".join(hash_file(Path(__file__).with_name(name)) for name in ("attention.py", "tasks.py", "vectors.py")))
