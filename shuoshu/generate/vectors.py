"""Bricks that numba lacks, in LLVM's own terms: a matrix tile in registers, stored floats, atomic counters.

numba compiles them for whatever CPU it runs on; nothing here names an instruction of one maker.
"""

import math
import os
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import float32, int16, int32, int64, njit, types, uint16, void
from numba.core import cgutils
from numba.extending import intrinsic

FEATURES = binding.get_host_cpu_features()
LANES = 64 if FEATURES.get("avx512f") else 32
"""Outputs computed side by side: four registers of float32 or more, which hides how long one sum waits for the last."""
TOKENS = 6 if LANES == 64 else 3
"""Most tokens in a tile: their sums fill the registers."""

HALVES = FEATURES.get("f16c", True)
"""Whether the CPU reads halves: all but x86 from before 2012."""

PAIRS = LANES == 64 and bool(FEATURES.get("avx512bf16"))
"""Whether the CPU multiplies pairs of bf16 at once: twice as many products as with float32."""

brick: Any = intrinsic
"""numba's decorator, past what type checkers make of it: the function below it takes one argument less."""

FLOAT, BYTE, INT16, INT32, INT64 = ir.FloatType(), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
VECTOR, WIDE = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)


class _BFloat(ir.Type):
    """LLVM's bf16, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


@brick(prefer_literal=True)
def multiply_tile(_: Any, tokens: Any, matrix: Any, x: Any, out: Any) -> Any:
    """out (tokens, LANES) = x (tokens, K) · matrix (K, LANES).

    The matrix is float32, bf16 (as uint16), IEEE half (as int16) or int8; x and out are float32. Where x is bf16 (as
    uint16) as well, the matrix is (K / 2, 2 · LANES), two inputs of each output side by side. An output is summed over
    K in order, in a lane of its own: it is the same to the last bit whatever other tokens stand in the tile. `tokens`
    is a literal, so that the sums stay in registers.
    """

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        kinds, count = signature.args[1:], tokens.literal_value
        arrays = [context.make_array(kind)(context, b, value) for kind, value in zip(kinds, args[1:], strict=True)]
        length = cgutils.unpack_tuple(b, arrays[0].shape)[0]
        sources = [_row(b, arrays[1], token) for token in range(count)]
        paired = kinds[1].dtype == uint16
        before, loop, after = b.block, b.append_basic_block("inner"), b.append_basic_block("after")
        b.branch(loop)
        b.position_at_end(loop)
        k, sums = b.phi(INT64), [b.phi(VECTOR) for _ in range(count)]
        start = b.gep(arrays[0].data, [b.mul(k, INT64(2 * LANES if paired else LANES))])
        line = b.load(b.bitcast(start, WIDE.as_pointer()), align=LANES) if paired else _floats(b, start, kinds[0].dtype)
        join = _dot if paired else _fuse
        added = [
            join(b, line, _spread(b, b.load(b.gep(source, [k]))), total)
            for source, total in zip(sources, sums, strict=True)
        ]
        following = b.add(k, INT64(1))
        for phi, first, later in zip([k, *sums], [INT64(0), *[VECTOR(None)] * count], [following, *added], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        b.cbranch(b.icmp_signed("<", following, length), loop, after)
        b.position_at_end(after)
        for token, total in enumerate(added):
            b.store(total, b.bitcast(_row(b, arrays[2], token), VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return void(tokens, matrix, x, out), generate


def _row(b: Any, array: Any, index: int) -> Any:
    """Pointer to row `index` of a float32 matrix."""
    start = b.bitcast(array.data, BYTE.as_pointer())
    stride = cgutils.unpack_tuple(b, array.strides)[0]
    return b.bitcast(b.gep(start, [b.mul(stride, INT64(index))]), FLOAT.as_pointer())


def _fuse(b: Any, line: Any, x: Any, total: Any) -> Any:
    """total + line · x"""
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    return b.call(cgutils.get_or_insert_function(b.module, kind, f"llvm.fmuladd.v{LANES}f32"), [line, x, total])


def _dot(b: Any, line: Any, x: Any, total: Any) -> Any:
    """total + the products of both bf16 in each 32 bits of `line` with those of `x`, a register at a time."""
    x = b.bitcast(x, WIDE)
    part, pairs = ir.VectorType(FLOAT, 16), ir.VectorType(_BFloat(), 32)
    dot = cgutils.get_or_insert_function(
        b.module, ir.FunctionType(part, [part, pairs, pairs]), "llvm.x86.avx512bf16.dpbf16ps.512"
    )
    done = []
    for first in range(0, LANES, 16):
        places = ir.VectorType(INT32, 16)(list(range(first, first + 16)))
        sums, weights, factors = (b.shuffle_vector(v, v, places) for v in (total, line, x))
        done.append(b.call(dot, [sums, b.bitcast(weights, pairs), b.bitcast(factors, pairs)]))
    while len(done) > 1:
        size = 2 * done[0].type.count
        places = ir.VectorType(INT32, size)(list(range(size)))
        done = [b.shuffle_vector(*two, places) for two in zip(done[::2], done[1::2], strict=True)]
    return done[0]


def _spread(b: Any, value: Any) -> Any:
    """A float32 in every lane."""
    empty = VECTOR(ir.Undefined)
    return b.shuffle_vector(b.insert_element(empty, value, INT32(0)), empty, WIDE([0] * LANES))


def _floats(b: Any, pointer: Any, kind: Any) -> Any:
    """A line of the matrix as float32."""
    element = {float32: FLOAT, uint16: INT16, int16: ir.HalfType()}.get(kind, BYTE)
    line = b.load(b.bitcast(pointer, ir.VectorType(element, LANES).as_pointer()), align=LANES)
    if kind == float32:
        return line
    if kind == uint16:
        return b.bitcast(b.shl(b.zext(line, WIDE), WIDE([16] * LANES)), VECTOR)
    return b.fpext(line, VECTOR) if kind == int16 else b.sitofp(line, VECTOR)


@brick
def stored(_: Any, value: Any, like: Any) -> Any:
    """A float32 as it is kept beside `like`: as it is, as an IEEE half in an int16, or as bf16 in a uint16."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        if like == int16:
            return b.bitcast(b.fptrunc(args[0], ir.HalfType()), INT16)
        if like == float32:
            return args[0]
        bits = b.bitcast(args[0], INT32)  # to the nearest, and to the even one of two that are as near
        odd = b.and_(b.lshr(bits, INT32(16)), INT32(1))
        return b.trunc(b.lshr(b.add(bits, b.add(odd, INT32(0x7FFF))), INT32(16)), INT16)

    return like(float32, like), generate


@brick
def float_of_bits(_: Any, bits: Any) -> Any:
    """The float32 that has these 32 bits."""
    return float32(int32), lambda context, b, signature, args: b.bitcast(args[0], FLOAT)


def _cell(context: Any, b: Any, signature: Any, args: Any) -> Any:
    return context.make_array(signature.args[0])(context, b, args[0]).data


@brick
def atomic_add(_: Any, cell: Any, amount: Any) -> Any:
    """Add to the first number of an int64 array, and return what it was."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.atomic_rmw("add", _cell(context, b, signature, args), args[1], ordering="seq_cst")

    return int64(cell, int64), generate


@brick
def atomic_get(_: Any, cell: Any) -> Any:
    """The first number of an int64 array, as other threads left it."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.load_atomic(_cell(context, b, signature, args), ordering="seq_cst", align=8)

    return int64(cell), generate


@brick
def atomic_set(_: Any, cell: Any, value: Any) -> Any:
    """Set the first number of an int64 array for other threads to see."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        b.store_atomic(args[1], _cell(context, b, signature, args), ordering="seq_cst", align=8)
        return context.get_dummy_value()

    return void(cell, int64), generate


@brick
def fetch(_: Any, cell: Any) -> Any:
    """Ask for the line of memory of an array's first number, to be written soon."""

    def generate(context: Any, b: Any, signature: Any, args: Any) -> Any:
        pointer = b.bitcast(_cell(context, b, signature, args), BYTE.as_pointer())
        call = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), INT32, INT32, INT32])
        wanted = cgutils.get_or_insert_function(b.module, call, "llvm.prefetch.p0")
        b.call(wanted, [pointer, INT32(1), INT32(3), INT32(1)])
        return context.get_dummy_value()

    return void(cell), generate


if os.name == "posix":
    give_way = types.ExternalFunction("sched_yield", int32())
    """Let another thread have the CPU."""
else:

    @njit
    def give_way() -> int:
        """Nothing: elsewhere the system has no such call by that name."""
        return 0


def _fit() -> tuple[np.float32, ...]:
    """Coefficients, highest first, of a polynomial for e^x on the half octave either side of 0 (error below 1e-7)."""
    half = math.log(2) / 2
    fitted = np.polynomial.Chebyshev.interpolate(np.exp, 6, (-half, half))
    return tuple(np.float32(c) for c in fitted.convert(kind=np.polynomial.Polynomial).coef[::-1])


P6, P5, P4, P3, P2, P1, P0 = _fit()
OCTAVES = np.float32(1 / math.log(2))
# ln 2 in two parts, the first of few bits: so the rest of a large x keeps all of its own.
LN2_HIGH = np.float32(0.693359375)
LN2_LOW = np.float32(math.log(2) - 0.693359375)


@njit(fastmath=True, nogil=True, inline="always")
def exponential(x: Any) -> Any:
    """e^x of a float32 within 2e-7 of itself. Loops over it become vector code, which libm's function prevents."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    octave = np.floor(x * OCTAVES + np.float32(0.5))
    r = x - octave * LN2_HIGH - octave * LN2_LOW
    power = (((((P6 * r + P5) * r + P4) * r + P3) * r + P2) * r + P1) * r + P0
    return power * float_of_bits((np.int32(octave) + np.int32(127)) << np.int32(23))
