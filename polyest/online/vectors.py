"""What numba has no words for: comparing many ids at once in vector registers, written in LLVM's language."""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from importlib import import_module

from numba.core import cgutils, types
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic

__all__ = ["WORD", "changes", "compare_lanes", "trailing_zeros"]

LANES, WORD = 8, 64


@intrinsic
def compare_lanes(typing_context, ids, first, last, block, counts, place, one):
    """counts[place + l] = #{first ≤ i < last : ids[i] = ids[block + l]} − 1 for the LANES lanes l, in one register.

    `one` is 1, read from memory: AVX-512 adds it under a mask in one instruction; LLVM adds a constant 1 in two.
    """
    ir = import_module("llvmlite.ir")
    has_masks = import_module("llvmlite.binding").get_host_cpu_features().get("avx512f", False)

    def generate(context, builder, signature, arguments):
        ids_type, counts_type = signature.args[0], signature.args[4]
        array, first, last, block, counts, place, one = arguments
        data = context.make_array(ids_type)(context, builder, array).data
        target = context.make_array(counts_type)(context, builder, counts).data
        item, wide = context.get_data_type(ids_type.dtype), context.get_data_type(counts_type.dtype)
        lanes, single, narrow = (ir.VectorType(kind, n) for kind, n in ((item, LANES), (item, 1), (wide, LANES)))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)

        def spread(pointer):
            value = builder.load(builder.bitcast(pointer, single.as_pointer()), align=item.width // 8)
            return builder.shuffle_vector(value, value, everywhere)

        own = builder.load(builder.bitcast(builder.gep(data, [block]), lanes.as_pointer()), align=item.width // 8)
        ones = spread(cgutils.alloca_once_value(builder, one)) if has_masks else ir.Constant(lanes, [1] * LANES)
        total = cgutils.alloca_once_value(builder, ir.Constant(lanes, [-1] * LANES))
        step = ir.Constant(first.type, 1)
        with cgutils.for_range_slice(builder, first, last, step, intp=first.type) as (i, _):
            same = builder.icmp_unsigned("==", own, spread(builder.gep(data, [i])))
            before = builder.load(total)
            builder.store(builder.select(same, builder.add(before, ones), before), total)
        pointer = builder.bitcast(builder.gep(target, [place]), narrow.as_pointer())
        builder.store(builder.trunc(builder.load(total), narrow), pointer, align=wide.width // 8)
        return context.get_dummy_value()

    at = types.uintp
    return types.void(ids, at, at, at, counts, at, at), generate


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
