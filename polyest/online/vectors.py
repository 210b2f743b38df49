"""What numba has no words for: comparing many ids at once in vector registers, written in LLVM's language."""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from importlib import import_module

from numba.core import cgutils, types
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic

__all__ = ["BLOCKS", "LANES", "WORD", "changes", "count_pairs", "load_word", "prefetch", "trailing_zeros"]

ir = import_module("llvmlite.ir")
HAS_MASKS = import_module("llvmlite.binding").get_host_cpu_features().get("avx512f", False)
LANES = 8 if HAS_MASKS else 4  # of 64 bits: one register
BLOCKS, TOGETHER, WORD = 48 // LANES, 4, 64
ITEM = ir.IntType(64)
VECTOR = ir.VectorType(ITEM, LANES)


def _all_lanes(number):
    return ir.Constant(VECTOR, [number] * LANES)


def _lanes_of(block):
    return ir.Constant(VECTOR, [LANES * block + lane for lane in range(LANES)])


def _spread(builder, pointer):
    """What it points to, in all lanes."""
    single = ir.VectorType(ITEM, 1)
    value = builder.load(builder.bitcast(pointer, single.as_pointer()), align=8)
    return builder.shuffle_vector(value, value, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _block(builder, start, number):
    """A pointer to a block of lanes."""
    place = builder.gep(start, [ir.Constant(ITEM, LANES * number)])
    return builder.bitcast(place, VECTOR.as_pointer())


class _Group:
    """Code that compares all pairs of one group of `blocks` blocks."""

    def __init__(self, builder, start, size, one, blocks):
        self.builder, self.start, self.size, self.one, self.blocks = builder, start, size, one, blocks
        self.sizes = _spread(builder, cgutils.alloca_once_value(builder, size))
        self.ones = _spread(builder, cgutils.alloca_once_value(builder, one)) if HAS_MASKS else _all_lanes(1)

    def count(self, numbers, target):
        """Matches of the completions in some blocks, all in registers."""
        builder, width = self.builder, LANES * self.blocks
        pairs = [self.begin(number) for number in numbers]
        rounds = builder.mul(ir.Constant(ITEM, width - LANES), self.one)  # as a constant it would be unrolled
        with cgutils.for_range(builder, rounds, intp=ITEM) as loop:
            self.compare(loop.index, pairs)
        for i in range(width - LANES, width):
            index = ir.Constant(ITEM, i)
            inside = builder.icmp_unsigned("<", index, self.size)
            self.compare(builder.select(inside, index, ir.Constant(ITEM, 0)), pairs)
        for number, (_, total) in zip(numbers, pairs, strict=True):
            self.finish(number, total, target)

    def begin(self, number):
        """A block, and its matches: −1, less what the copies of the first id will add to those that equal it."""
        builder = self.builder
        own = builder.load(_block(builder, self.start, number), align=8)
        less = builder.sub(self.sizes, _all_lanes(LANES * self.blocks + 1))
        is_first = builder.icmp_unsigned("==", own, _spread(builder, self.start))
        total = cgutils.alloca_once(builder, VECTOR)
        builder.store(builder.select(is_first, less, _all_lanes(-1)), total)
        return own, total

    def compare(self, index, pairs):
        """Add the matches with one id."""
        builder = self.builder
        other = _spread(builder, builder.gep(self.start, [index]))
        for own, total in pairs:
            before, same = builder.load(total), builder.icmp_unsigned("==", own, other)
            builder.store(builder.select(same, builder.add(before, self.ones), before), total)

    def finish(self, number, total, target):
        """Write the matches, −1 behind the end of the group."""
        builder, result = self.builder, self.builder.load(total)
        if number == self.blocks - 1:
            inside = builder.icmp_unsigned("<", _lanes_of(number), self.sizes)
            result = builder.select(inside, result, _all_lanes(-1))
        builder.store(result, _block(builder, target, number), align=8)


def _element(context, builder, signature, arguments):
    """A pointer to array[place], array and place the first two arguments."""
    array, place, *_ = arguments
    return builder.gep(context.make_array(signature.args[0])(context, builder, array).data, [place])


@intrinsic
def count_pairs(typing_context, ids, first, size, counts, one):
    """counts[l] = #{i < size : ids[first + i] = ids[first + l]} − 1 for l < size, −1 up to the next multiple of LANES.

    2 ≤ size ≤ LANES·BLOCKS. A branch that goes another way than foreseen costs as much as counting a small group, so
    few depend on the size: each number of blocks has its own code, which takes the group as filled up with copies of
    its first id, and takes off again what these add. It is found by one comparison after the other; a jump by table is
    foreseen less often and noticed later. `one` is 1, read from memory: AVX-512 adds it under a mask in one
    instruction; LLVM adds a constant 1 in two.
    """

    def generate(context, builder, signature, arguments):
        _, _, size, counts, one = arguments
        start = _element(context, builder, signature, arguments)
        target = context.make_array(signature.args[3])(context, builder, counts).data
        end = builder.append_basic_block()
        for blocks in range(1, BLOCKS + 1):
            with builder.if_then(builder.icmp_unsigned("<=", size, ir.Constant(ITEM, LANES * blocks))):
                group = _Group(builder, start, size, one, blocks)
                for begin in range(0, blocks, TOGETHER):
                    group.count(range(begin, min(begin + TOGETHER, blocks)), target)
                builder.branch(end)
        builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    at = types.uintp
    return types.void(ids, at, at, counts, at), generate


@intrinsic
def changes(typing_context, ids, first):
    """A word whose bit b says whether ids[first + b] differs from the id before it, b < WORD."""

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

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        word = ir.IntType(64).as_pointer()
        return builder.load(builder.bitcast(place, word), align=1)

    return types.uint64(data, types.uintp), generate


@intrinsic
def prefetch(typing_context, data, place):
    """Have data[place] brought into the cache, without waiting for it; it need not exist."""

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        to_read, to_keep, as_data = (ir.Constant(number, n) for n in (0, 3, 1))
        builder.call(function, [builder.bitcast(place, byte), to_read, to_keep, as_data])
        return context.get_dummy_value()

    return types.void(data, types.uintp), generate
