"""How the threads of a step share out its work: a phase's tasks by a counter, a task's tokens in tiles."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from shuoshu.generate.vectors import TOKENS, atomic_add, atomic_get, give_way, multiply_tile, stored

PLAIN: dict[str, Any] = {"nogil": True, "_nrt": False}
"""Without counts of references to arrays, which threads would take turns to write (a fifth of the time of 16 texts)."""
FAST: dict[str, Any] = {**PLAIN, "fastmath": True, "error_model": "numpy"}
SPINS = 500
"""How often to look before giving way: about as long as a task takes."""


@njit(**FAST)
def take(tally: NDArray) -> int:
    """Number of the next task of a phase; those from its number of tasks on are none."""
    return atomic_add(tally, 1)


@njit(**FAST)
def finish(tally: NDArray) -> None:
    """Count a task as done."""
    atomic_add(tally[1:], 1)


@njit(**FAST)
def wait(tally: NDArray, tasks: int) -> None:
    """Stay until all tasks of a phase are done."""
    spins = 0
    while atomic_get(tally[1:]) < tasks:
        spins += 1
        if spins > SPINS:
            give_way()


@njit(**FAST)
def tiles(n: int) -> Iterator[tuple[int, int]]:
    """Cut n tokens into tiles of up to TOKENS, as alike as can be: (first token, number of tokens)."""
    start = 0
    while start < n:
        tiles = (n - start + TOKENS - 1) // TOKENS
        count = (n - start + tiles - 1) // tiles
        yield start, count
        start += count


@njit(**PLAIN)
def tile(tokens: int, matrix: NDArray, x: NDArray, out: NDArray) -> None:
    """`multiply_tile` for up to TOKENS tokens."""
    if tokens == 1:
        multiply_tile(1, matrix, x, out)
    elif tokens == 2:
        multiply_tile(2, matrix, x, out)
    elif tokens == 3:
        multiply_tile(3, matrix, x, out)
    elif tokens == 4:
        multiply_tile(4, matrix, x, out)
    elif tokens == 5:
        multiply_tile(5, matrix, x, out)
    else:
        multiply_tile(6, matrix, x, out)


@njit(**FAST)
def norm(x: NDArray, gain: NDArray, eps: np.float32, out: NDArray) -> None:
    """RMSNorm; as long as `gain`, since x may be padded."""
    total = np.float32(0)
    for i in range(gain.shape[0]):
        total += x[i] * x[i]
    factor = np.float32(1) / np.sqrt(total / np.float32(gain.shape[0]) + eps)
    for i in range(gain.shape[0]):
        out[i] = stored(x[i] * factor * gain[i], out[0])
