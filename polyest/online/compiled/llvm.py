"""What numba has no words for: comparing many ids at once in vector registers, written in LLVM's language.

LLVM's pointers have no types any more: what a pointer points to is said where it is used, by `load` and `place_of`. The
llvmlite of the oldest numba that is allowed takes it from the pointer, which therefore is given its type as well.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import inspect
from importlib import import_module

from numba.core import cgutils, types
from numba.extending import intrinsic

from polyest.online.weights import PACKED

__all__ = ["LANES", "load_word", "sum_pairs"]

ir = import_module("llvmlite.ir")
HAS_MASKS = import_module("llvmlite.binding").get_host_cpu_features().get("avx512f", False)
LANES = 8 if HAS_MASKS else 4  # of 64 bits: one register
TOGETHER = 4  # blocks in registers at once
ITEM = ir.IntType(64)
VECTOR = ir.VectorType(ITEM, LANES)
IS_OPAQUE = "typ" in inspect.signature(ir.IRBuilder.load).parameters


def load(builder, pointer, kind, align=8):
    typed = builder.bitcast(pointer, kind.as_pointer())
    return builder.load(typed, align=align, **({"typ": kind} if IS_OPAQUE else {}))


def place_of(builder, start, index, kind=ITEM):
    """A pointer to start[index]."""
    typed = builder.bitcast(start, kind.as_pointer())
    return builder.gep(typed, [index], **({"source_etype": kind} if IS_OPAQUE else {}))


def all_lanes(number):
    return ir.Constant(VECTOR, [number] * LANES)


def spread(builder, value):
    """A number in all lanes."""
    single = builder.insert_element(
        ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined), value, ir.Constant(ITEM, 0)
    )
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def pair_sums(builder, ids, addends, blocks):
    """The addends of the ids that equal each lane's, summed, for a group of that many blocks."""
    own, totals = read(builder, ids, blocks), []
    for first in range(0, blocks, TOGETHER):
        some = own[first : first + TOGETHER]
        sums = [cgutils.alloca_once_value(builder, all_lanes(0)) for _ in some]
        with cgutils.for_range(builder, ir.Constant(ITEM, LANES * blocks), intp=ITEM) as loop:
            other = spread(builder, load(builder, place_of(builder, ids, loop.index), ITEM))
            addend = spread(builder, load(builder, place_of(builder, addends, loop.index), ITEM))
            for mine, total in zip(some, sums, strict=True):
                before, same = load(builder, total, VECTOR, 64), builder.icmp_unsigned("==", mine, other)
                builder.store(builder.select(same, builder.add(before, addend), before), total)
        totals += [load(builder, total, VECTOR, 64) for total in sums]
    return totals


def cut(builder, vectors, size):
    """The blocks of a group, 0 behind its end."""
    lanes = ir.Constant(VECTOR, [*range(LANES * (len(vectors) - 1), LANES * len(vectors))])
    inside = builder.icmp_unsigned("<", lanes, spread(builder, size))
    return [*vectors[:-1], builder.select(inside, vectors[-1], all_lanes(0))]


def read(builder, start, blocks, kind=VECTOR):
    """Blocks, one behind the other."""
    places = [place_of(builder, start, ir.Constant(ITEM, LANES * number)) for number in range(blocks)]
    return [load(builder, place, kind) for place in places]


def write(builder, vectors, start):
    """The same the other way."""
    for number, vector in enumerate(vectors):
        place = place_of(builder, start, ir.Constant(ITEM, LANES * number))
        builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=8)


def by_blocks(builder, size, generate):
    """Code of its own for each number of blocks that hold up to `PACKED` ids.

    A branch that goes another way than foreseen costs as much as counting a small group, so few depend on the size. The
    code is found by one comparison after the other; a jump by table is foreseen less often and noticed later.
    """
    end = builder.append_basic_block()
    for blocks in range(1, PACKED // LANES + 1):
        with builder.if_then(builder.icmp_unsigned("<=", size, ir.Constant(ITEM, LANES * blocks))):
            generate(blocks)
            builder.branch(end)
    builder.branch(end)
    builder.position_at_end(end)


def element(context, builder, array_type, array, place):
    """A pointer to array[place]."""
    data = context.make_array(array_type)(context, builder, array).data
    return place_of(builder, data, place, context.get_data_type(array_type.dtype))


@intrinsic
def sum_pairs(typing_context, ids, first, addends, start, size, totals):
    """totals[l] = Σ_i addends[start + i] over ids[first + i] = ids[first + l], l < size; 0 up to a multiple of LANES.

    2 ≤ size ≤ `PACKED`; addends from `size` to that multiple are 0.
    """

    def generate(context, builder, signature, arguments):
        ids, first, addends, start, size, totals = arguments
        pointer = element(context, builder, signature.args[0], ids, first)
        addend = element(context, builder, signature.args[2], addends, start)
        target = element(context, builder, signature.args[5], totals, ir.Constant(ITEM, 0))

        def score(blocks):
            write(builder, cut(builder, pair_sums(builder, pointer, addend, blocks), size), target)

        by_blocks(builder, size, score)
        return context.get_dummy_value()

    at = types.uintp
    return types.void(ids, at, addends, at, at, totals), generate


@intrinsic
def load_word(typing_context, data, place):
    """data[place : place + 8] as one number, little end first."""

    def generate(context, builder, signature, arguments):
        return load(builder, element(context, builder, signature.args[0], *arguments), ITEM, 1)

    return types.uint64(data, types.uintp), generate
