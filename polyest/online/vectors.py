"""What numba has no words for: comparing many ids at once in vector registers, written in LLVM's language."""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from importlib import import_module

from numba.core import cgutils, types
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic

__all__ = ["BLOCKS", "LANES", "WORD", "changes", "count_pairs", "load_word", "trailing_zeros"]

WIDE = import_module("llvmlite.binding").get_host_cpu_features().get("avx512f", False)
LANES = 8 if WIDE else 4
BLOCKS, TOGETHER, WORD = 48 // LANES, 4, 64


@intrinsic
def count_pairs(typing_context, ids, first, size, counts, one):
    """counts[l] = #{i < size : ids[first + i] = ids[first + l]} − 1 for l < size, −1 up to the next multiple of LANES.

    2 ≤ size ≤ LANES·BLOCKS. A wrongly predicted branch costs as much as counting a small group, hence there is only one
    that depends on the size: each number of blocks has its own code, which takes the group as filled up with copies of its first id,
    and takes off again what these add. `one` is 1, read from memory: AVX-512 adds it under a mask in one instruction;
    LLVM adds a constant 1 in two.
    """
    ir = import_module("llvmlite.ir")

    def generate(context, builder, signature, arguments):
        array, first, size, counts, one = arguments
        data = context.make_array(signature.args[0])(context, builder, array).data
        target = context.make_array(signature.args[3])(context, builder, counts).data
        item = ir.IntType(64)
        lanes, single = ir.VectorType(item, LANES), ir.VectorType(item, 1)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        zero = ir.Constant(item, 0)

        def spread(pointer):
            value = builder.load(builder.bitcast(pointer, single.as_pointer()), align=8)
            return builder.shuffle_vector(value, value, everywhere)

        def splat(value):
            return spread(cgutils.alloca_once_value(builder, value))

        def all_lanes(number):
            return ir.Constant(lanes, [number] * LANES)

        def block(start, number):
            return builder.bitcast(builder.gep(start, [ir.Constant(item, LANES * number)]), lanes.as_pointer())

        here = builder.gep(data, [first])
        head, extent = spread(here), splat(size)
        ones = splat(one) if WIDE else all_lanes(1)

        def count(blocks, numbers):
            width, inside = LANES * blocks, {}
            owns = [builder.load(block(here, number), align=8) for number in numbers]
            surplus = builder.sub(extent, all_lanes(width + 1))
            totals = []
            for own in owns:
                start = builder.select(builder.icmp_unsigned("==", own, head), surplus, all_lanes(-1))
                totals.append(cgutils.alloca_once(builder, lanes))
                builder.store(start, totals[-1])

            def add(index):
                other = spread(builder.gep(here, [index]))
                for own, total in zip(owns, totals, strict=True):
                    before = builder.load(total)
                    same = builder.icmp_unsigned("==", own, other)
                    builder.store(builder.select(same, builder.add(before, ones), before), total)

            with cgutils.for_range(builder, builder.mul(ir.Constant(item, width - LANES), one), intp=item) as loop:
                add(loop.index)
            for i in range(width - LANES, width):
                index = ir.Constant(item, i)
                add(builder.select(builder.icmp_unsigned("<", index, size), index, zero))
            for number, total in zip(numbers, totals, strict=True):
                index = ir.Constant(lanes, [LANES * number + lane for lane in range(LANES)])
                result = builder.load(total)
                if number == blocks - 1:
                    result = builder.select(builder.icmp_unsigned("<", index, extent), result, all_lanes(-1))
                builder.store(result, block(target, number), align=8)

        end = builder.append_basic_block()
        chosen = builder.udiv(builder.add(size, ir.Constant(item, LANES - 1)), ir.Constant(item, LANES))
        choice = builder.switch(chosen, end)
        for blocks in range(1, BLOCKS + 1):
            here_block = builder.append_basic_block()
            choice.add_case(ir.Constant(item, blocks), here_block)
            builder.position_at_end(here_block)
            for start in range(0, blocks, TOGETHER):
                count(blocks, range(start, min(start + TOGETHER, blocks)))
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    at = types.uintp
    return types.void(ids, at, at, counts, at), generate


@intrinsic
def changes(typing_context, ids, first):
    """A word whose bit b says whether ids[first + b] differs from the id before it, b < WORD."""
    ir = import_module("llvmlite.ir")

    def generate(context, builder, signature, arguments):
        ids_type = signature.args[0]
        array, first = arguments
        data = context.make_array(ids_type)(context, builder, array).data
        item = context.get_data_type(ids_type.dtype)

        def load(place):
            pointer = builder.bitcast(builder.gep(data, [place]), ir.VectorType(item, WORD).as_pointer())
            return builder.load(pointer, align=item.width // 8)

        before = load(builder.sub(first, ir.Constant(first.type, 1)))
        return builder.bitcast(builder.icmp_unsigned("!=", load(first), before), ir.IntType(WORD))

    return types.uint64(ids, types.uintp), generate


@intrinsic
def load_word(typing_context, data, place):
    """data[place : place + 8] as one number, little end first."""
    ir = import_module("llvmlite.ir")

    def generate(context, builder, signature, arguments):
        array, place = arguments
        start = context.make_array(signature.args[0])(context, builder, array).data
        word = ir.IntType(64).as_pointer()
        return builder.load(builder.bitcast(builder.gep(start, [place]), word), align=1)

    return types.uint64(data, types.uintp), generate
