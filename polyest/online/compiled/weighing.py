"""The arithmetic of weighted groups, a block of lanes at a time, in LLVM's language: numba does not fill its registers.

All arrays but `out` and the look-up arrays are scratch memory in whole blocks.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from contextlib import contextmanager

from numba.core import cgutils, types
from numba.extending import intrinsic

from polyest.online.compiled.llvm import ITEM, LANES, VECTOR, all_lanes, element, ir, load, place_of, spread

__all__ = ["largest", "pack", "subtract", "total", "unpack", "weigh"]

FLOAT = ir.DoubleType()
FLOATS, ROW = ir.VectorType(FLOAT, LANES), ir.VectorType(FLOAT, 4)


@contextmanager
def _blocks(builder, size):
    """For each block of a group: the index of its first lane, and which lanes lie inside."""
    count = builder.udiv(builder.add(size, ir.Constant(ITEM, LANES - 1)), ir.Constant(ITEM, LANES))
    with cgutils.for_range(builder, count, intp=ITEM) as loop:
        first = builder.mul(loop.index, ir.Constant(ITEM, LANES))
        lanes = builder.add(spread(builder, first), ir.Constant(VECTOR, [*range(LANES)]))
        yield first, builder.icmp_unsigned("<", lanes, spread(builder, size))


def _read(builder, pointer, first, kind=VECTOR):
    return load(builder, place_of(builder, pointer, first), kind)


def _write(builder, value, pointer, first):
    target = builder.bitcast(place_of(builder, pointer, first), value.type.as_pointer())
    builder.store(value, target, align=8)


def _reduced(builder, name, vector):
    """All lanes as one number."""
    return _call(builder, f"llvm.vector.reduce.{name}.v{LANES}i64", ITEM, vector)


def _call(builder, name, kind, vector):
    """A function of LLVM's own, of one vector."""
    function = ir.FunctionType(kind, [vector.type])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), [vector])


def _rounded(builder, numbers):
    """Floats as the nearest integers."""
    return builder.fptosi(_call(builder, f"llvm.rint.v{LANES}f64", FLOATS, numbers), VECTOR)


def _starts(context, builder, signature, arguments):
    """The arguments, arrays as pointers to their first items."""
    zero = ir.Constant(ITEM, 0)
    return [
        element(context, builder, kind, value, zero) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


@intrinsic
def largest(typing_context, bits, at, size, words):
    """Copies bits[at : at + size] to words, 0 behind it; the largest of them without its sign."""

    def generate(context, builder, signature, arguments):
        source, at, size, words = _starts(context, builder, signature, arguments)
        source, top = place_of(builder, source, at), cgutils.alloca_once_value(builder, all_lanes(0))
        with _blocks(builder, size) as (first, inside):
            word = builder.select(inside, _read(builder, source, first), all_lanes(0))
            _write(builder, word, words, first)
            unsigned, before = builder.and_(word, all_lanes(2**63 - 1)), load(builder, top, VECTOR, 64)
            builder.store(builder.select(builder.icmp_unsigned(">", unsigned, before), unsigned, before), top)
        return _reduced(builder, "umax", load(builder, top, VECTOR, 64))

    return types.int64(bits, types.uintp, types.uintp, words), generate


@intrinsic
def pack(typing_context, words, size, up, one, packed):
    """packed[k] = one + words[k]·up, rounded; 0 behind the group."""

    def generate(context, builder, signature, arguments):
        words, size, up, one, packed = _starts(context, builder, signature, arguments)
        with _blocks(builder, size) as (first, inside):
            scaled = builder.fmul(_read(builder, words, first, FLOATS), spread(builder, up))
            fixed = builder.add(_rounded(builder, scaled), spread(builder, one))
            _write(builder, builder.select(inside, fixed, all_lanes(0)), packed, first)
        return context.get_dummy_value()

    return types.void(words, types.uintp, types.float64, types.int64, packed), generate


@intrinsic
def unpack(typing_context, packed, size, field, counts, same):
    """The sums in `same` of what is packed as counts, own included, and as sums of weights, own excluded."""

    def generate(context, builder, signature, arguments):
        packed, size, field, counts, same = _starts(context, builder, signature, arguments)
        one = ir.Constant(ITEM, 1)
        half, fields = spread(builder, builder.shl(one, builder.sub(field, one))), spread(builder, field)
        with _blocks(builder, size) as (first, _):
            total = _read(builder, same, first)
            count = builder.ashr(builder.add(total, half), fields)
            own = builder.add(_read(builder, packed, first), builder.shl(builder.sub(count, all_lanes(1)), fields))
            _write(builder, count, counts, first)
            _write(builder, builder.sub(total, own), same, first)
        return context.get_dummy_value()

    return types.void(packed, types.uintp, types.int64, counts, same), generate


@intrinsic
def weigh(typing_context, rows, base, words, counts, same, size, down, up, result):
    """Σ w·others[m]·up, rounded; result[k] = w·own[m] + same·down·steps[m] unless it is None.

    A row of the table, rows[base + m], is (others, own, steps, 0).
    """

    def generate(context, builder, signature, arguments):
        rows, base, words, counts, same, size, down, up, result = _starts(context, builder, signature, arguments)
        total = cgutils.alloca_once_value(builder, all_lanes(0))
        with _blocks(builder, size) as (first, _):
            places = builder.add(_read(builder, counts, first), spread(builder, base))
            others, own, steps = _columns(builder, rows, places, range(LANES))
            w = _read(builder, words, first, FLOATS)
            rate = builder.fmul(builder.fmul(w, others), spread(builder, up))
            builder.store(builder.add(load(builder, total, VECTOR, 64), _rounded(builder, rate)), total)
            if signature.args[-1] is not types.none:
                apart = builder.fmul(builder.sitofp(_read(builder, same, first), FLOATS), spread(builder, down))
                _write(builder, builder.fadd(builder.fmul(w, own), builder.fmul(apart, steps)), result, first)
        return _reduced(builder, "add", load(builder, total, VECTOR, 64))

    at, real = types.uintp, types.float64
    return types.int64(rows, at, words, counts, same, at, real, real, result), generate


def _columns(builder, rows, places, lanes):
    """The first three items of the rows at these places, each in all lanes."""
    if len(lanes) == 1:
        place = builder.extract_element(places, ir.Constant(ITEM, lanes[0]))
        return [load(builder, place_of(builder, rows, place, ROW), ROW)] * 3
    half = len(lanes) // 2
    both = zip(*(_columns(builder, rows, places, some) for some in (lanes[:half], lanes[half:])), strict=True)
    picked = [[column, column + 4] if half == 1 else range(len(lanes)) for column in range(3)]
    return [_shuffled(builder, one, other, pick) for (one, other), pick in zip(both, picked, strict=True)]


def _shuffled(builder, one, other, lanes):
    """Some lanes of two vectors."""
    kind = ir.VectorType(ir.IntType(32), len(lanes))
    return builder.shuffle_vector(one, other, ir.Constant(kind, [*lanes]))


@intrinsic
def total(typing_context, words, size, up):
    """Σ words[k]·up, rounded."""

    def generate(context, builder, signature, arguments):
        words, size, up = _starts(context, builder, signature, arguments)
        total = cgutils.alloca_once_value(builder, all_lanes(0))
        with _blocks(builder, size) as (first, _):
            scaled = builder.fmul(_read(builder, words, first, FLOATS), spread(builder, up))
            builder.store(builder.add(load(builder, total, VECTOR, 64), _rounded(builder, scaled)), total)
        return _reduced(builder, "add", load(builder, total, VECTOR, 64))

    return types.int64(words, types.uintp, types.float64), generate


@intrinsic
def subtract(typing_context, numbers, mean, size, out, at):
    """out[at + k] = numbers[k] − mean, in whole blocks."""

    def generate(context, builder, signature, arguments):
        numbers, mean, size, out, at = _starts(context, builder, signature, arguments)
        target = place_of(builder, out, at, FLOAT)
        with _blocks(builder, size) as (first, _):
            value = builder.fsub(_read(builder, numbers, first, FLOATS), spread(builder, mean))
            _write(builder, value, target, first)
        return context.get_dummy_value()

    return types.void(numbers, types.float64, types.uintp, out, types.uintp), generate
